/** The installed part of the client: the service worker, and whether the server has a newer client than this page. */

import { ROOT } from "./api";

interface ScriptPolicies {
  createPolicy(
    name: string,
    rules: { createScriptURL: (address: string) => string },
  ): { createScriptURL(address: string): string };
}

class Upkeep {
  /** Whether the server has a newer client, so that parts of this one may be gone. */
  isOutdated = $state(false);
  #worker: ServiceWorkerRegistration | undefined;

  start(): void {
    addEventListener("vite:preloadError", () => (this.isOutdated = navigator.onLine));
    if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return; // it exists only with HTTPS or on this machine
    register().then(
      (worker) => (this.#worker = worker),
      (error: unknown) => console.error(error),
    );
  }

  /** Asks the server whether this page is of its client. */
  async check(): Promise<void> {
    const answer = await fetch(`${ROOT}/client/shell`, { credentials: "omit" }).catch(() => undefined);
    if (!answer?.ok || (await answer.text()).includes(new URL(import.meta.url).pathname)) return;
    this.isOutdated = true;
    await this.#worker?.update();
  }
}

function register(): Promise<ServiceWorkerRegistration> {
  const address = `${ROOT}/service-worker.js`;
  const policies = (window as { trustedTypes?: ScriptPolicies }).trustedTypes;
  const policy = policies?.createPolicy("talkd-worker", { createScriptURL: () => address });
  return navigator.serviceWorker.register(policy?.createScriptURL(address) ?? address, { scope: `${ROOT}/` });
}

export const upkeep = new Upkeep();
