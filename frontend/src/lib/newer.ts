/** A slow answer must not take a page back to an older version. */
export const newer = <T extends { version: number }>(known: T | undefined, next: T): T => (known && known.version > next.version ? known : next);
