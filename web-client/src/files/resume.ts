/** Goes on with files that were on their way when the page was closed. Nothing is loaded for it if there are none. */

import { session } from "../core/session.svelte";

const MARK = "uploads";

/** Notes that files are kept in the browser, which tells the other pages of it. An empty text: none is. */
export function mark(change: string): void {
  if (change === "") localStorage.removeItem(session.keyOf(MARK));
  else localStorage.setItem(session.keyOf(MARK), change);
}

function isMarked(): boolean {
  return localStorage.getItem(session.keyOf(MARK)) !== null;
}

/** Sends what is kept, now and whenever another page keeps something. */
export function resumeUploads(): void {
  const look = (): void => {
    void import("./queue")
      .then(({ queue }) => queue.look())
      .catch(() => addEventListener("online", look, { once: true }));
  };
  addEventListener("storage", ({ key }) => {
    if (key === session.keyOf(MARK)) look();
  });
  if (isMarked()) look();
}

/** Forgets what is kept: the user logs out. */
export async function forgetUploads(): Promise<void> {
  if (isMarked()) await import("./kept").then(({ forgetAll }) => forgetAll());
}
