export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const fromHex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** SHA-256 in hexadecimal. */
export async function hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

export function base64(of: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < of.length; at += 0x8000) binary += String.fromCharCode(...of.subarray(at, at + 0x8000));
  return btoa(binary);
}
