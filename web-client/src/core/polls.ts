/** The live connection by requests: for networks and proxies that let no WebSocket pass. */

import { Refused, talk, type Message } from "./api";
import type { CallUser, LiveEvent, Signal, Stay } from "./line.svelte";

const LONG = 30;
const LIST_EVERY = 10_000;
const FLUSH_EVERY = 300;
const PAUSE_AFTER_FAILURE = 3000;

interface Pulled {
  type: "usersInRoom" | "message";
  data: CallUser[] | string;
}

/** Waits for messages and signaling of one room, and lets the list of rooms be read every few seconds. */
export class Polls {
  #stop: AbortController | null = null;
  #stay: Stay | null = null;
  #session = "";
  #newest = 0; // message that was told
  #outgoing: { ev: "message"; fn: string; sessionId: string }[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];

  constructor(private readonly emit: (event: LiveEvent) => void) {}

  /** Waits for the events of a room. */
  enter(stay: Stay, session: string): void {
    this.leave();
    this.#stay = stay;
    this.#session = session;
    this.#newest = 0;
    const stop = (this.#stop = new AbortController());
    this.#timers = [
      setInterval(() => this.emit({ type: "rooms" }), LIST_EVERY),
      setInterval(() => void this.#flush(), FLUSH_EVERY),
    ];
    void this.#repeat(stop, () => this.#pollChat(stay, stop.signal));
    void this.#repeat(stop, () => this.#pollSignaling(stay, stop.signal));
  }

  /** Stops all requests. */
  leave(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#stay = null;
    this.#outgoing = [];
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Sends a message to the client of another session with the next request. */
  send(to: string, signal: Signal): void {
    const content = { to, ...signal };
    this.#outgoing.push({ ev: "message", fn: JSON.stringify(content), sessionId: this.#session });
  }

  async #repeat(stop: AbortController, poll: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await poll();
        if (stop.signal.aborted) return;
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof Refused && [401, 403, 404, 409].includes(error.status) && this.#stay) {
          this.emit({ type: "refused", token: this.#stay.token, error });
          this.leave();
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_FAILURE));
      }
    }
  }

  async #pollChat(stay: Stay, signal: AbortSignal): Promise<void> {
    const messages = (await talk.get("v1/chat/{token}", {
      path: { token: stay.token },
      query: {
        lookIntoFuture: 1,
        lastKnownMessageId: Math.max(stay.known(), this.#newest),
        timeout: LONG,
        setReadMarker: 0,
      },
      signal,
    })) as Message[] | undefined;
    for (const message of messages ?? []) this.emit({ type: "message", token: stay.token, message });
    this.#newest = messages?.at(-1)?.id ?? this.#newest;
  }

  async #pollSignaling(stay: Stay, signal: AbortSignal): Promise<void> {
    const pulled = (await talk.get("v3/signaling/{token}", { path: { token: stay.token }, signal })) as Pulled[];
    for (const { type, data } of pulled) {
      if (type === "usersInRoom") {
        this.emit({ type: "users", users: data as CallUser[], hasEnded: false });
      } else {
        const content = JSON.parse(data as string) as Signal & { from: string };
        this.emit({ type: "signal", from: content.from, signal: content });
      }
    }
  }

  async #flush(): Promise<void> {
    const stay = this.#stay;
    if (!stay || this.#outgoing.length === 0) return;
    const messages = JSON.stringify(this.#outgoing.splice(0));
    await talk.post("v3/signaling/{token}", { path: { token: stay.token }, body: { messages } }).catch(() => undefined);
  }
}
