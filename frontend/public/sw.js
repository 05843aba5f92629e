// Keeps the shell of the page for times without a network. What the API says is never kept: money
// and deadlines of yesterday are worse than none.
const SHELL = 'shell-v1';
const PARTS = ['/marketplace/icon.svg', '/marketplace/manifest.webmanifest'];

self.addEventListener('install', () => self.skipWaiting());

self.addEventListener('activate', (event) => {
  const tidy = caches.keys().then((names) =>
    Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))),
  );
  event.waitUntil(tidy.then(() => self.clients.claim()));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (request.mode === 'navigate' && url.pathname.startsWith('/marketplace')) {
    event.respondWith(networkFirst('/marketplace'));
  } else if (url.pathname.startsWith('/marketplace/assets/')) {
    event.respondWith(cacheFirst(request));
  } else if (PARTS.includes(url.pathname)) {
    event.respondWith(networkFirst(url.pathname));
  }
});

async function networkFirst(key) {
  const cache = await caches.open(SHELL);
  try {
    const answer = await fetch(key);
    if (answer.ok) await cache.put(key, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return kept;
    throw error;
  }
}

// Names of assets hold the hash of their content, so a kept one is never stale.
async function cacheFirst(request) {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
