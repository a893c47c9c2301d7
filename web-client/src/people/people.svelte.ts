/** The participants of a room, kept current while they are shown. */

import { talk, type Participant } from "../core/api";
import type { LiveEvent } from "../core/line.svelte";
import { live } from "../core/live.svelte";

const PAUSE = 250; // many changes at once lead to one request

export class People {
  list = $state.raw<Participant[]>([]);
  isLoaded = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end = live.on((event) => this.#note(event));

  constructor(readonly token: string) {}

  /** Reads the list. */
  async load(): Promise<void> {
    this.list = await talk.get("v4/room/{token}/participants", { path: { token: this.token } });
    this.isLoaded = true;
  }

  close(): void {
    this.#end();
    clearTimeout(this.#timer);
  }

  #note(event: LiveEvent): void {
    const isHere = !("token" in event) || event.token === this.token;
    const isNews =
      ["sessions", "users", "room", "missed"].includes(event.type) ||
      (event.type === "message" && event.message.systemMessage !== "");
    if (!isHere || !isNews) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load().catch(() => undefined), PAUSE); // the next event tries again
  }
}
