// The one way to the API. Types come from our OpenAPI document (`npm run types`).

import createClient, { type Middleware } from 'openapi-fetch';

import { identity, noteDate } from '../lib/identity.svelte';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];
export type Order = Schemas['OrderBody'];
export type Listing = Schemas['ListingBody'];
export type Problem = Schemas['Problem'];

/** A refusal, as the server words it. */
export class Refused extends Error {
  constructor(
    readonly problem: Partial<Problem> & { code: string },
    readonly status: number,
  ) {
    super(problem.detail ?? problem.title ?? problem.code);
  }
}

const bearer: Middleware = {
  async onRequest({ request }) {
    const token = await identity.token();
    if (token) request.headers.set('Authorization', `Bearer ${token}`);
    return request;
  },
  onResponse({ response }) {
    noteDate(response);
    if (response.status === 401) identity.drop();
  },
  onError() {
    return new Refused({ code: 'offline' }, 0);
  },
};

export const api = createClient<paths>({ baseUrl: location.origin });
api.use(bearer);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the call answers; a refusal is thrown. */
export async function done<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok && data !== undefined) return data;
  throw refusal(error, response.status);
}

export function refusal(error: unknown, status: number): Refused {
  if (error instanceof Refused) return error;
  const problem = error as Partial<Problem> | undefined;
  const code = typeof problem?.code === 'string' ? problem.code : `http_${status}`;
  return new Refused({ ...problem, code }, status);
}

/** For one intended command: a retry with the same key is done once. */
export const newKey = (): { 'Idempotency-Key': string } => ({ 'Idempotency-Key': crypto.randomUUID() });
