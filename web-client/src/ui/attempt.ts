/** Requests whose failure the reader is told. */

import { toasts } from "./toasts.svelte";

/** Runs the work, and says why it failed. Returns whether it succeeded. */
export async function attempt(
  work: () => Promise<unknown>,
  onfailed: (error: unknown) => void = (error) => toasts.failed(error),
): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    onfailed(error);
    return false;
  }
}
