/** A list that is read page by page. */

import { showProblem } from "./problems";

const PAUSE = 150; // so that a search is sent when it is typed

export class Paged<T> {
  list = $state.raw<T[]>([]);
  hasMore = $state(false);
  isLoaded = $state(false);
  #reading = 0;

  /** `find` reads a part of the list. Its results are in the order of the list. */
  constructor(
    private readonly size: number,
    private readonly find: (from: number, limit: number) => Promise<T[]>,
  ) {}

  /** Reads the list from its beginning in a moment. Returns what cancels this. */
  readSoon(): () => void {
    const timer = setTimeout(() => void this.#read(0, this.size), PAUSE);
    return () => clearTimeout(timer);
  }

  /** Reads one more page. */
  readMore(): void {
    void this.#read(this.list.length, this.size);
  }

  /** Reads again what is shown. */
  refresh(): void {
    void this.#read(0, Math.max(this.size, this.list.length));
  }

  async #read(from: number, limit: number): Promise<void> {
    const turn = ++this.#reading;
    try {
      const found = await this.find(from, limit);
      if (turn !== this.#reading) return; // a later search has been sent
      this.list = [...this.list.slice(0, from), ...found];
      this.hasMore = found.length === limit;
    } catch (error) {
      showProblem(error);
    } finally {
      if (turn === this.#reading) this.isLoaded = true;
    }
  }
}
