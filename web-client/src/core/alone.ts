/** Work that pages of one browser do one after the other. Without HTTPS, browsers have no locks, and it is done at once. */

import { session } from "./session.svelte";

/** Does something while no other page of the user does what has this name. */
export async function alone(name: string, work: () => Promise<void>): Promise<void> {
  if ("locks" in navigator) await navigator.locks.request(session.keyOf(name), work);
  else await work();
}
