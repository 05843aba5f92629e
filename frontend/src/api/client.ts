// The one way to the API. Types come from our OpenAPI document (`npm run types`).

import createClient, { type Middleware } from 'openapi-fetch';

import { identity, noteDate } from '../lib/identity.svelte';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];
export type Order = Schemas['OrderBody'];
export type Listing = Schemas['ListingBody'];
/** A listing, and how it was found. */
export type Found = Schemas['FoundBody'];
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

async function authorised(path: string, init: RequestInit): Promise<Response> {
  const token = await identity.token();
  const headers = new Headers(init.headers);
  if (token) headers.set('Authorization', `Bearer ${token}`);
  const answer = await fetch(path, { ...init, headers });
  noteDate(answer);
  if (answer.status === 401) identity.drop();
  if (!answer.ok) throw refusal(await answer.json().catch(() => undefined), answer.status);
  return answer;
}

/** Does what the API itself says may be done: `available_actions` name their paths. */
export async function act<T>(path: string, key: ReturnType<typeof newKey>, body: unknown): Promise<T> {
  const headers = { ...key, 'Content-Type': 'application/json' };
  return (await (await authorised(path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T;
}

/** Bytes of strangers, as they are. */
export async function bytesOf(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await authorised(path, {})).arrayBuffer());
}

/** Whether a refused command is over: nothing was stored, and the next try is another command. */
export const isOver = (failure: unknown): boolean => failure instanceof Refused && failure.status >= 400 && failure.status < 500;

/** For one intended command: a retry with the same key is done once. */
export const newKey = (): { 'Idempotency-Key': string } => ({ 'Idempotency-Key': crypto.randomUUID() });
