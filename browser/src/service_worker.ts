// Keeps the site's files, so that it works without a network; and tells the browser that the page is
// isolated from others, which threads need, where the host does not say so itself.

declare const self: ServiceWorkerGlobalScope;

const RELEASE = "__RELEASE__"; // set by `impasto web build`
const PREFIX = `impasto ${self.registration.scope} `;
const CACHE = PREFIX + RELEASE;

const ISOLATION = {
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const address = (path: string) => new URL(path, self.registration.scope).href;

interface Listed {
  readonly core: readonly string[];
  readonly files: Readonly<Record<string, number>>;
}

async function site(): Promise<Listed> {
  const kept = await caches.match(address("site.json"), { cacheName: CACHE });
  return (kept ?? (await fetch(address("site.json"), { cache: "no-cache" }))).json();
}

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  const { core } = await site();
  await cache.addAll(["site.json", ...core].map((path) => new Request(address(path), { cache: "no-cache" })));
  await self.skipWaiting();
}

async function activate(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** Keep all files that are not kept yet. */
async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const path of Object.keys((await site()).files)) {
    if (!(await cache.match(address(path)))) await cache.add(new Request(address(path), { cache: "no-cache" }));
  }
}

async function respond(request: Request): Promise<Response> {
  const isPage = request.mode === "navigate";
  const wanted = isPage ? address("index.html") : request.url;
  const kept = await caches.match(wanted, { cacheName: CACHE });
  if (kept) return isolated(kept);
  const response = await fetch(request);
  const path = request.url.slice(self.registration.scope.length);
  if (response.status === 200 && path in (await site()).files) {
    const cache = await caches.open(CACHE);
    await cache.put(request.url, response.clone()).catch(() => {}); // the disk may be full
  }
  return isolated(response);
}

function isolated(response: Response): Response {
  if (response.type !== "basic" && response.type !== "default") return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) headers.set(name, value);
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data !== "keep all") return;
  event.waitUntil(keepAll().then(() => event.source?.postMessage("kept all"), () => {}));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(respond(request));
});

export {};
