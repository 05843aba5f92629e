// Who acts: an Ed25519 key made by WebCrypto. Its did:key is the agent; it signs a did-jwt that is
// exchanged for an access token of fifteen minutes.

import { base58, base64url, fromBase64url } from './base58';
import { toHex } from './hash';
import { allKeys, deleteKey, note, putKey, setNote, type StoredKey } from './vault';

const MULTICODEC = [0xed, 0x01];
/** A token is renewed this long before its end. */
const SPARE_MS = 60_000;

interface Token {
  did: string;
  text: string;
  until: number;
}

class Identity {
  keys = $state.raw<StoredKey[]>([]);
  did = $state<string | undefined>();
  /** False until the vault was read: before that, nobody knows whether there is a key. */
  ready = $state(false);
  #token: Token | undefined;
  #asked: Promise<Token> | undefined;

  get current(): StoredKey | undefined {
    return this.keys.find((key) => key.did === this.did);
  }

  async load(): Promise<void> {
    try {
      this.keys = await allKeys();
      const chosen = await note<string>('did');
      this.did = this.keys.some((key) => key.did === chosen) ? chosen : this.keys[0]?.did;
    } finally {
      this.ready = true;
    }
  }

  async make(label: string, extractable: boolean): Promise<void> {
    const pair = await crypto.subtle.generateKey('Ed25519', extractable, ['sign', 'verify']);
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    await this.#keep(label, pair.privateKey, publicKey);
  }

  /** A key file as `marketplace-admin agent new` writes it, or any private Ed25519 JWK. */
  async take(label: string, text: string): Promise<void> {
    const jwk = JSON.parse(text) as JsonWebKey;
    if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519' || !jwk.x || !jwk.d) throw new Error('no Ed25519 key');
    const { kty, crv, x, d } = jwk;
    const key = await crypto.subtle.importKey('jwk', { kty, crv, x, d }, 'Ed25519', false, ['sign']);
    const publicKey = fromBase64url(x);
    await proveMatch(key, publicKey);
    await this.#keep(label, key, publicKey);
  }

  /** The signature of the present key, in hexadecimal. */
  async sign(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    if (!this.current) throw new Error('no identity');
    return toHex(new Uint8Array(await crypto.subtle.sign('Ed25519', this.current.key, bytes)));
  }

  async exported(did: string): Promise<string> {
    const stored = this.keys.find((key) => key.did === did);
    if (!stored?.key.extractable) throw new Error('not extractable');
    const { kty, crv, x, d } = await crypto.subtle.exportKey('jwk', stored.key);
    return `${JSON.stringify({ did, kty, crv, x, d }, null, 2)}\n`;
  }

  async choose(did: string): Promise<void> {
    this.did = did;
    this.#token = undefined;
    await setNote('did', did);
  }

  async forget(did: string): Promise<void> {
    await deleteKey(did);
    this.keys = this.keys.filter((key) => key.did !== did);
    if (this.did === did) {
      this.#token = undefined;
      this.did = this.keys[0]?.did;
    }
  }

  /** The access token of the chosen agent; undefined when there is none. */
  async token(): Promise<string | undefined> {
    const { current } = this;
    if (!current) return undefined;
    const held = this.#token;
    if (held && held.did === current.did && held.until - SPARE_MS > Date.now()) return held.text;
    this.#asked ??= exchange(current).finally(() => (this.#asked = undefined));
    this.#token = await this.#asked;
    // The agent may have been changed while we waited for the other one's token.
    return this.#token.did === this.did ? this.#token.text : this.token();
  }

  /** After a 401: the next call asks for another token. */
  drop(): void {
    this.#token = undefined;
  }

  async #keep(label: string, key: CryptoKey, publicKey: Uint8Array<ArrayBuffer>): Promise<void> {
    const did = `did:key:z${base58(Uint8Array.from([...MULTICODEC, ...publicKey]))}`;
    const stored = { did, label, key, publicKey, made: Date.now() };
    await putKey(stored);
    this.keys = [...this.keys.filter((other) => other.did !== did), stored];
    await this.choose(did);
  }
}

async function proveMatch(key: CryptoKey, publicKey: Uint8Array<ArrayBuffer>): Promise<void> {
  const message = crypto.getRandomValues(new Uint8Array(32));
  const signature = await crypto.subtle.sign('Ed25519', key, message);
  const verifier = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', true, ['verify']);
  const same = await crypto.subtle.verify('Ed25519', verifier, signature, message);
  if (!same) throw new Error('the two halves of the key do not belong together');
}

async function exchange(stored: StoredKey): Promise<Token> {
  const proof = await didJwt(stored);
  const answer = await fetch('/api/v1/auth/token', { method: 'POST', headers: { Authorization: `Bearer ${proof}` } });
  if (!answer.ok) throw Object.assign(new Error('token'), { problem: await answer.json().catch(() => undefined) });
  const body = (await answer.json()) as { access_token: string; expires_in: number };
  return { did: stored.did, text: body.access_token, until: Date.now() + body.expires_in * 1000 };
}

async function didJwt(stored: StoredKey): Promise<string> {
  const now = Math.floor((Date.now() + serverAhead()) / 1000);
  const claims = { iss: stored.did, aud: await audience(), iat: now, exp: now + 300, nonce: crypto.randomUUID() };
  const encode = (part: unknown): string => base64url(new TextEncoder().encode(JSON.stringify(part)));
  const signed = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode(claims)}`;
  const signature = await crypto.subtle.sign('Ed25519', stored.key, new TextEncoder().encode(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

let audienceAsked: Promise<string> | undefined;

/** The marketplace's DID: it holds behind any proxy, whatever address the browser used. */
function audience(): Promise<string> {
  audienceAsked ??= fetch('/agent_card.json')
    .then(async (answer) => {
      noteDate(answer);
      return ((await answer.json()) as { did: string }).did;
    })
    .catch((error: unknown) => {
      audienceAsked = undefined;
      throw error;
    });
  return audienceAsked;
}

let ahead = 0;

/** By how many milliseconds the server's clock is ahead of this machine's. */
export const serverAhead = (): number => ahead;

/** Learns the server's clock from an answer; only what is clearly off counts, dates are whole seconds. */
export function noteDate(answer: Response): void {
  const date = Date.parse(answer.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  const off = date - Date.now();
  ahead = Math.abs(off) > 2_000 ? off : 0;
}

export const identity = new Identity();
