/** Who is typing in the open room. Clients tell it each other by the signaling, if their users allow it. */

import type { LiveEvent } from "../core/line.svelte";
import { live } from "../core/live.svelte";
import { session } from "../core/session.svelte";

const PUBLIC = 0;
const AGAIN = 8000; // how often it is told while the user goes on
const PAUSE = 5000; // without a key, after which the user no longer types
const LOST = 15_000; // after which it is over even if nothing was told
const MOST = 100; // sessions that are told, so that large rooms stay quiet

export class Typing {
  #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #typing = $state.raw<ReadonlySet<string>>(new Set());
  #told = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  /** The names of others who type. */
  names: string[] = $derived([
    ...new Set([...this.#typing].map((id) => live.sessions.get(id)?.user?.displayname ?? "")),
  ]);

  /** Notes who types, until the returned function is called. */
  start(): () => void {
    const end = live.on((event) => this.#note(event));
    return () => {
      this.stop();
      end();
      for (const id of this.#timers.keys()) this.#end(id);
    };
  }

  /** Tells the others that the user types. */
  note(): void {
    if (!this.#isAllowed) return;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.stop(), PAUSE);
    if (Date.now() - this.#told < AGAIN) return;
    this.#told = Date.now();
    this.#tell("startedTyping");
  }

  /** Tells the others that the user no longer types. */
  stop(): void {
    clearTimeout(this.#pause);
    if (this.#told === 0) return;
    this.#told = 0;
    this.#tell("stoppedTyping");
  }

  get #isAllowed(): boolean {
    return session.capabilities.spreed.config.chat["typing-privacy"] === PUBLIC;
  }

  #tell(type: string): void {
    for (const id of [...live.sessions.keys()].slice(0, MOST)) if (id !== live.sessionId) live.signal(id, { type });
  }

  #note(event: LiveEvent): void {
    if (event.type === "sessions") {
      for (const id of event.left) this.#end(id);
    } else if (event.type === "signal" && event.signal.type === "stoppedTyping") {
      this.#end(event.from);
    } else if (event.type === "signal" && event.signal.type === "startedTyping") {
      const from = live.sessions.get(event.from);
      const isMe = from?.userid !== undefined && from.userid !== "" && from.userid === session.me?.id;
      if (!from || isMe || !this.#isAllowed) return;
      clearTimeout(this.#timers.get(event.from));
      this.#timers.set(
        event.from,
        setTimeout(() => this.#end(event.from), LOST),
      );
      this.#typing = new Set([...this.#typing, event.from]);
    }
  }

  #end(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#typing = new Set([...this.#typing].filter((each) => each !== id));
  }
}
