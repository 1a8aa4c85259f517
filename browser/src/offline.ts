// The service worker: registered, and the page loaded once more if that brings threads.

const PATIENCE_MS = 8000;

/** What this browser allows. */
export interface Abilities {
  /** Whether the page will work without a network. */
  readonly isKept: boolean;
  readonly threads: number;
}

/** Null if the page is about to be loaded again. */
export async function prepare(): Promise<Abilities | null> {
  const isKept = await register();
  if (isKept && !crossOriginIsolated && isFirstTime()) {
    location.reload();
    return null;
  }
  const cores = navigator.hardwareConcurrency || 1;
  return { isKept, threads: crossOriginIsolated ? Math.min(4, cores) : 1 };
}

let isAsked = false;

/** Have all files kept that are not yet, once; `done` is called when they are. */
export function keepAll(done: () => void): void {
  const { controller } = navigator.serviceWorker;
  if (isAsked) return;
  isAsked = true;
  navigator.serviceWorker.addEventListener("message", ({ data }) => data === "kept all" && done());
  controller?.postMessage("keep all");
}

async function register(): Promise<boolean> {
  try {
    await caches.has("probe"); // fails where nothing may be kept
    await navigator.serviceWorker.register("sw.js", { scope: "./" });
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), PATIENCE_MS));
    return await Promise.race([controlled(), late]);
  } catch {
    return false;
  }
}

function controlled(): Promise<boolean> {
  const workers = navigator.serviceWorker;
  if (workers.controller) return Promise.resolve(true);
  return new Promise((resolve) => workers.addEventListener("controllerchange", () => resolve(true), { once: true }));
}

/** Whether the page was not loaded again for threads before: a host may refuse them. */
function isFirstTime(): boolean {
  try {
    const isFirst = sessionStorage.getItem("impasto isolated") === null;
    sessionStorage.setItem("impasto isolated", "tried");
    return isFirst;
  } catch {
    return false;
  }
}
