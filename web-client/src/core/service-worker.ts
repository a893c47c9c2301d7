/** Keeps the page and the files that it starts with, so that the client opens without a network. It keeps no answers. */

// Types of service workers and of pages cannot be in one program, so the few that are used here are named.
interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Event {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Clicked extends Waiting {
  notification: Notification;
}
interface Page {
  focus(): Promise<Page>;
  postMessage(data: unknown): void;
}
interface Worker {
  skipWaiting(): Promise<void>;
  registration: { scope: string };
  clients: {
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<Page[]>;
    openWindow(address: string): Promise<unknown>;
  };
  addEventListener(type: "install" | "activate", listener: (event: Waiting) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "notificationclick", listener: (event: Clicked) => void): void;
}
/** The name of the build, and the files that the page starts with. */
declare const __BUILD__: { name: string; files: string[] };

const worker = self as unknown as Worker;
const root = new URL(worker.registration.scope);
const shell = new URL("client/shell", root).href;
const cacheName = `talkd-${__BUILD__.name}`;

worker.addEventListener("install", (event) => event.waitUntil(keepShell()));
worker.addEventListener("activate", (event) => event.waitUntil(removeOthers()));

worker.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (method !== "GET" || !url.startsWith(root.href)) return;
  const path = url.slice(root.href.length);
  if (mode === "navigate" && /^(call\/[^/]+|admin.*)?([?#].*)?$/.test(path)) {
    event.respondWith(fetch(event.request).catch(() => kept(shell)));
  } else if (path.startsWith("client/") && url !== shell) {
    event.respondWith(keptOrFetched(event.request));
  }
});

worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(String(event.notification.data)));
});

async function keepShell(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.add(new Request(shell, { credentials: "omit", cache: "no-store" }));
  await cache.addAll(__BUILD__.files.map((name) => new URL(`client/${name}`, root).href));
  await worker.skipWaiting();
}

async function removeOthers(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith("talkd-") && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function kept(address: string): Promise<Response> {
  return (await caches.match(address)) ?? Response.error();
}

/** The names of files have a hash of their content, so a kept one is never out of date. */
async function keptOrFetched(request: Request): Promise<Response> {
  const known = await caches.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(cacheName)).put(request, answer.clone());
  return answer;
}

/** Shows what a notification is about, in a page that is open if there is one. */
async function open(address: string): Promise<void> {
  const [page] = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!page) {
    await worker.clients.openWindow(address);
    return;
  }
  page.postMessage(address);
  await page.focus();
}
