/** Which rooms are seen in some page of this browser. While a page shows a room, it holds a lock that has its name. */

import { session } from "../core/session.svelte";

/** Tells the other pages that a room is seen here, until the returned function is called. */
export function announceView(token: string): () => void {
  let end = (): void => undefined;
  const seen = new Promise<void>((resolve) => (end = resolve));
  if ("locks" in navigator) void navigator.locks.request(nameOf(token), { mode: "shared" }, () => seen);
  return end;
}

/** Returns whether one of the pages shows a room. */
export async function findViews(): Promise<(token: string) => boolean> {
  const held = "locks" in navigator ? ((await navigator.locks.query()).held ?? []) : [];
  const names = new Set(held.map((each) => each.name));
  return (token) => names.has(nameOf(token));
}

function nameOf(token: string): string {
  return session.keyOf(`view.${token}`);
}
