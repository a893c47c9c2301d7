/** The live events of this page: of the open room and, while a call goes on in another one, of that room too. */

import { Line, type LiveEvent, type LiveState, type Signal, type Stay } from "./line.svelte";
import type { RoomSession } from "./socket";

class Live {
  /** The connection that is in the open room. */
  #line = $state.raw(new Line());
  /** The connection of a call, which stays in its room while others are opened. */
  #held: Line | null = null;
  #openToken = "";
  #listeners = new Set<(event: LiveEvent) => void>();

  start(): void {
    this.#begin(this.#line);
  }

  get state(): LiveState {
    return this.#line.state;
  }

  /** Ends all connections for good. */
  stop(): void {
    this.#line.close();
    this.#held?.close();
  }

  /** Calls the function with each event, until the returned function is called. */
  on(listener: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Enters a room, and leaves the one before unless a call holds it. Throws `Refused` if the room cannot be joined. */
  async enter(stay: Stay): Promise<void> {
    this.#openToken = stay.token;
    if (this.#held?.token === stay.token) {
      this.#use(this.#held);
      await stay.look();
      return;
    }
    if (this.#line === this.#held) this.#use(this.#begin(new Line()));
    await this.#line.enter(stay);
  }

  /** Leaves the open room. */
  leave(): void {
    this.#openToken = "";
    if (this.#line !== this.#held) this.#line.leave();
  }

  /** The id of this page's session in the open room. */
  get sessionId(): string {
    return this.#line.sessionId;
  }

  /** The sessions in the open room. */
  get sessions(): ReadonlyMap<string, RoomSession> {
    return this.#line.sessions;
  }

  /** Sends a message to the client of another session in the open room. */
  signal(to: string, signal: Signal): void {
    this.#line.signal(to, signal);
  }

  /** Returns the connection of the open room, which stays there until `release`. */
  hold(): Line {
    this.#held = this.#line;
    return this.#line;
  }

  /** Lets the room of a call go. The connection is closed if another one is in the open room. */
  release(line: Line): void {
    if (this.#held !== line) return;
    this.#held = null;
    if (line !== this.#line) line.close();
    else if (line.token !== this.#openToken) line.leave();
  }

  #begin(line: Line): Line {
    line.on((event) => {
      const isOfRoom = !("token" in event) && event.type !== "rooms"; // and without a token only the call knows which
      if (line !== this.#line && isOfRoom) return;
      for (const listener of this.#listeners) listener(event);
    });
    line.start();
    return line;
  }

  #use(line: Line): void {
    if (this.#line !== line && this.#line !== this.#held) this.#line.close();
    this.#line = line;
  }
}

export const live = new Live();
