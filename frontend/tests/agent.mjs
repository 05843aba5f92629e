// An agent without a browser: it signs and calls the API as programs do.

import { webcrypto } from 'node:crypto';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const MULTICODEC = [0xed, 0x01];

function base58(bytes) {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; value > 0n; value /= 58n) text = ALPHABET[Number(value % 58n)] + text;
  return text;
}

const base64url = (text) => Buffer.from(text).toString('base64url');

export class Agent {
  static async make(url) {
    const agent = new Agent();
    agent.url = url;
    const pair = await webcrypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
    agent.key = pair.privateKey;
    agent.did = `did:key:z${base58([...MULTICODEC, ...new Uint8Array(await webcrypto.subtle.exportKey('raw', pair.publicKey))])}`;
    return agent;
  }

  /** As `marketplace-admin agent new` writes it, for the page to import. */
  async keyFile() {
    const { kty, crv, x, d } = await webcrypto.subtle.exportKey('jwk', this.key);
    return { name: 'agent-key.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify({ did: this.did, kty, crv, x, d })) };
  }

  async token() {
    if (this.access) return this.access;
    const { did: aud } = await (await fetch(`${this.url}/agent_card.json`)).json();
    const now = Math.floor(Date.now() / 1000);
    const head = base64url(JSON.stringify({ alg: 'EdDSA', typ: 'JWT' }));
    const claims = base64url(JSON.stringify({ iss: this.did, aud, iat: now, exp: now + 300, nonce: webcrypto.randomUUID() }));
    const signature = await webcrypto.subtle.sign('Ed25519', this.key, Buffer.from(`${head}.${claims}`));
    const proof = `${head}.${claims}.${Buffer.from(signature).toString('base64url')}`;
    const answer = await fetch(`${this.url}/api/v1/auth/token`, { method: 'POST', headers: { Authorization: `Bearer ${proof}` } });
    ({ access_token: this.access } = await answer.json());
    return this.access;
  }

  async call(path, body) {
    const headers = { Authorization: `Bearer ${await this.token()}`, 'Content-Type': 'application/json' };
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(this.url + path, { headers, ...init });
    const reply = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(reply)}`);
    return reply;
  }

  async list(service) {
    return (await this.call('/api/v1/services/list', { service_type: 'data-processing', description: 'What it says.', price: '5', ...service })).id;
  }

  /** Waits until what is asked for is so. */
  async until(path, isSo) {
    for (let round = 0; round < 200; round++) {
      const reply = await this.call(path);
      if (isSo(reply)) return reply;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${path} did not become what was awaited`);
  }
}
