/** Tells recording servers who speaks, under the names that they know. */

import type { RoomSession } from "../core/socket";

type Listener = (...given: unknown[]) => void;

/** Calls functions with what happens under a name. */
class Emitter {
  #listeners = new Map<string, Listener[]>();

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  emit(name: string, ...given: unknown[]): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(...given);
  }
}

/** The signaling connection, as far as recording servers read it. */
class Connection extends Emitter {
  joinedUsers: Record<string, RoomSession> = {};
}

export class Speakers extends Emitter {
  readonly connection = new Connection();

  /** Notes who has joined the room. Those who leave it keep their names for what they have said. */
  noteJoined(sessions: RoomSession[]): void {
    for (const each of sessions) this.connection.joinedUsers[each.sessionid] = each;
  }

  /** Notes what a client tells over the channel of a connection, such as `speaking`. */
  noteStatus(id: string, kind: string, status: { type: string }): void {
    this.emit("channelMessage", { id, type: kind }, "status", status);
  }

  /** Notes what a telephone tells. */
  noteFlags(content: { sessionid: string; flags: number }): void {
    this.connection.emit("participantFlagsChanged", content);
  }

  /** Notes that a session has left the call. */
  noteEnd(id: string): void {
    this.emit("peerEnded", { id, type: "video" });
  }
}
