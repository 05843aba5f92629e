// Where keys lie: IndexedDB holds CryptoKey objects themselves, so a key that is not extractable
// never exists as bytes that a script could read.

export interface StoredKey {
  did: string;
  label: string;
  key: CryptoKey;
  publicKey: Uint8Array<ArrayBuffer>;
  made: number;
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('marketplace', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('keys', { keyPath: 'did' });
      request.result.createObjectStore('notes');
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
  });
}

async function ask<T>(store: string, mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(store, mode);
      const request = what(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error ?? new Error('IndexedDB'));
      transaction.onabort = () => reject(transaction.error ?? new Error('IndexedDB'));
    });
  } finally {
    database.close();
  }
}

export const allKeys = (): Promise<StoredKey[]> => ask('keys', 'readonly', (s) => s.getAll() as IDBRequest<StoredKey[]>);
export const putKey = (key: StoredKey): Promise<unknown> => ask('keys', 'readwrite', (s) => s.put(key));
export const deleteKey = (did: string): Promise<unknown> => ask('keys', 'readwrite', (s) => s.delete(did));
export const note = <T>(name: string): Promise<T | undefined> => ask('notes', 'readonly', (s) => s.get(name) as IDBRequest<T | undefined>);
export const setNote = (name: string, value: unknown): Promise<unknown> => ask('notes', 'readwrite', (s) => s.put(value, name));
