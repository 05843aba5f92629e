// Server-sent events with our token in the header, which EventSource cannot send. A break is
// followed by a resume from the last position: nothing is missed and nothing comes twice.

import type { Schemas } from '../api/client';
import { identity } from './identity.svelte';

export type MarketEvent = Schemas['EventBody'];
export type StreamState = 'live' | 'waiting';

const SHORTEST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SETTLE_MS = 100;
/** For what the whole market changes. */
export const MARKET_SETTLE_MS = 2_000;

interface Listener {
  onEvent: (event: MarketEvent) => unknown;
  onState?: (state: StreamState) => void;
}

/** Follows a stream until the returned function is called. */
export function follow(path: string, listener: Listener): () => void {
  const stop = new AbortController();
  void run(path, listener, stop.signal);
  return () => stop.abort();
}

/** What a page shows, kept fresh. */
interface Shown {
  load: () => Promise<void>;
  /** Which events change it; all, if it does not say. */
  concerns?: (event: MarketEvent) => boolean;
  onState?: (state: StreamState) => void;
  /** How long events gather before they are one load: longer where a busy market hints often. */
  settleMs?: number;
}

/**
 * Loads now, when the stream is open (something may have happened until then), and soon after an
 * event that concerns what is shown: many events of one commit are one load.
 */
export function keepFresh(path: string, { load, concerns = () => true, onState, settleMs = SETTLE_MS }: Shown): () => void {
  let soon: ReturnType<typeof setTimeout> | undefined;
  const again = (): void => {
    // Not put off for ever where events never pause.
    soon ??= setTimeout(() => {
      soon = undefined;
      void load();
    }, settleMs);
  };
  void load();
  const stop = follow(path, {
    onState: (state) => {
      onState?.(state);
      if (state === 'live') again();
    },
    onEvent: (event) => concerns(event) && again(),
  });
  return () => {
    clearTimeout(soon);
    stop();
  };
}

/** No later try helps: nobody is to be asked again and again. */
class NoSuchStream extends Error {}

const mayPass = (status: number): boolean => status < 400 || status >= 500 || [401, 408, 425, 429].includes(status);

async function run(path: string, listener: Listener, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  let wait = SHORTEST_WAIT_MS;
  while (!signal.aborted) {
    try {
      for await (const message of read(path, last, signal, () => listener.onState?.('live'))) {
        wait = SHORTEST_WAIT_MS;
        if (message.id !== undefined) last = message.id;
        if (message.data) listener.onEvent(JSON.parse(message.data) as MarketEvent);
      }
    } catch (failure) {
      // Whatever else broke: the next round starts where this one ended.
      if (failure instanceof NoSuchStream) return;
    }
    if (signal.aborted) return;
    listener.onState?.('waiting');
    await pause(wait * (0.5 + Math.random()), signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

interface Message {
  id?: string;
  data: string;
}

async function* read(path: string, last: string | undefined, signal: AbortSignal, opened: () => void): AsyncGenerator<Message> {
  const token = await identity.token();
  const headers = new Headers({ Accept: 'text/event-stream' });
  if (token) headers.set('Authorization', `Bearer ${token}`);
  if (last !== undefined) headers.set('Last-Event-ID', last);
  const answer = await fetch(path, { headers, signal, cache: 'no-store' });
  if (answer.status === 401) identity.drop();
  if (!mayPass(answer.status)) throw new NoSuchStream(`stream: ${answer.status}`);
  if (!answer.ok || !answer.body) throw new Error(`stream: ${answer.status}`);
  opened();
  let message: Message = { data: '' };
  for await (const line of lines(answer.body)) {
    if (line === '') {
      if (message.data || message.id !== undefined) yield message;
      message = { data: '' };
    } else if (line.startsWith('data:')) {
      message.data += (message.data ? '\n' : '') + line.slice(5).replace(/^ /, '');
    } else if (line.startsWith('id:')) {
      message.id = line.slice(3).trim();
    }
  }
}

async function* lines(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? '';
    yield* parts;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    // A tab that nobody looks at does not ask for ever: it waits until somebody does.
    const timer = document.hidden && ms >= LONGEST_WAIT_MS / 2 ? undefined : setTimeout(() => now(), ms);
    // Back on the network, or back at this tab: nobody wants to wait for the rest.
    const now = (): void => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const until = { once: true, signal: over.signal };
    addEventListener('online', now, until);
    signal.addEventListener('abort', now, until);
    document.addEventListener('visibilitychange', () => document.hidden || now(), { signal: over.signal });
  });
}
