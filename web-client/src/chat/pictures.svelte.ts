/** Several pictures that are shown side by side: which of them, and how much space they take. */

import { SvelteSet } from "svelte/reactivity";
import type { Message } from "../core/api";

const WIDTH = 320; // pixels
const GAP = 4;
const HEIGHT = 138; // of a row of two
const MOST = 4;

/** The groups of which all pictures are shown. */
class OpenPictures {
  readonly #ids = new SvelteSet<number>();

  has(pictures: Message[]): boolean {
    return pictures.length <= MOST || pictures.some(({ id }) => this.#ids.has(id));
  }

  /** Shows all pictures of a group. */
  show(pictures: Message[]): void {
    for (const { id } of pictures) this.#ids.add(id);
  }

  /** Shows all pictures of a group if one of them would be hidden otherwise. */
  showOf(pictures: Message[], id: number): void {
    if (pictures.findIndex((each) => each.id === id) >= MOST - 1) this.show(pictures);
  }
}

export const openPictures = new OpenPictures();

/** Returns how many of the pictures are shown, and the size of all together in pixels. */
export function shownOf(pictures: Message[]): { count: number; width: number; height: number } {
  const count = openPictures.has(pictures) ? pictures.length : MOST;
  if (count === 2) return { count, width: WIDTH, height: (WIDTH - GAP) / 2 };
  if (count === 3) return { count, width: WIDTH, height: (WIDTH * 3) / 4 };
  return { count, width: WIDTH, height: Math.ceil(count / 2) * (HEIGHT + GAP) - GAP };
}
