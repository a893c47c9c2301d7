/** One live connection: events of a room and of the list of rooms, over a socket or, where none connects, polls. */

import { Refused, ROOT, talk, type Message } from "./api";
import { Polls } from "./polls";
import {
  SignalingError,
  Socket,
  type Frame,
  type RoomSession,
  type SignalingSettings,
  type SocketEvent,
  type SocketOwner,
} from "./socket";

/** A session in a call. `inCall` has the bits of the API's call flags. */
export interface CallUser {
  sessionId: string;
  inCall: number;
  actorId?: string;
  actorType?: string;
  userId?: string;
  displayName?: string;
  participantType?: number;
  participantPermissions?: number;
  /** For a part of the server's installation, such as a recording server. */
  internal?: boolean;
}

/** What clients in a call send to each other. */
export interface Signal {
  type: string;
  [name: string]: unknown;
}

export type LiveEvent =
  | { type: "message"; token: string; message: Message }
  | { type: "missed"; token: string } // messages may have been missed
  | { type: "room"; token: string } // a property of the room has changed
  | { type: "rooms" } // the list of rooms may have changed
  | { type: "gone"; token: string; reason: string } // the caller is no longer in the room
  | { type: "loggedOut" }
  | { type: "refused"; token: string; error: Refused } // the room could not be joined again
  | { type: "switch"; token: string } // moderators have opened a breakout room for the caller, or closed it
  | { type: "sessions"; joined: RoomSession[]; left: string[] }
  | { type: "users"; users: CallUser[]; hasEnded: boolean }
  | { type: "signal"; from: string; signal: Signal }
  | { type: "control"; from: string; signal: Signal };

/** Returns whether what another client has sent is a signal. Clients may send anything. */
export function isSignal(data: unknown): data is Signal {
  return typeof data === "object" && data !== null && "type" in data && typeof data.type === "string";
}

/** A room that this page is in. */
export interface Stay {
  token: string;
  /** Joins the room over HTTP and returns the id of the session. */
  join(): Promise<string>;
  /** Reads the room, which this page has joined before. */
  look(): Promise<void>;
  /** Returns the id of the newest message that is shown. */
  known(): number;
}

const LONGEST_PAUSE = 15_000;
const FAILURES_BEFORE_POLLS = 2;
const OFFLINE_PAUSE = 2000;
/** Why no socket is tried: the server has none. */
const WITHOUT_SOCKETS = "no-sockets";

/** `polls`: no socket connects, so events come by requests. */
export type LiveState = "connecting" | "online" | "polls" | "offline";

export class Line implements SocketOwner {
  state = $state<LiveState>("connecting");
  sessionId = $state("");
  /** The sessions in the room, also those of the caller. */
  sessions = new Map<string, RoomSession>();
  #listeners = new Set<(event: LiveEvent) => void>();
  #stay: Stay | null = null;
  #joins = 0; // that are on their way
  #session = ""; // of the join over HTTP
  #failures = 0;
  #polls: Polls | null = null;
  #socket = new Socket(
    this,
    () => this.#settings(),
    `${location.origin}${ROOT}/ocs/v2.php/apps/spreed/api/v3/signaling/backend`,
  );
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing = new AbortController();

  start(): void {
    const { signal } = this.#closing;
    addEventListener("online", () => this.#retry(0), { signal });
    addEventListener("offline", () => this.#socket.drop(), { signal });
    document.addEventListener(
      "visibilitychange",
      () => {
        if (!document.hidden && this.state !== "online") this.#retry(0);
      },
      { signal },
    );
    this.#retry(0);
  }

  /** Ends the connection for good. */
  close(): void {
    this.leave();
    this.#closing.abort();
    clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#socket.close();
  }

  /** Calls the function with each event, until the returned function is called. */
  on(listener: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Enters a room, and leaves the one before. Throws `Refused` if the room cannot be joined. */
  async enter(stay: Stay): Promise<void> {
    this.#stay = stay;
    this.#session = "";
    this.sessions.clear();
    await this.#join(stay, true);
  }

  /** The room that this connection is in, or an empty text. */
  get token(): string {
    return this.#stay?.token ?? "";
  }

  /** Leaves the room. */
  leave(): void {
    this.#stay = null;
    this.sessions.clear();
    this.#polls?.leave();
    this.#socket.send("room", { roomid: "" });
  }

  /** Sends a message to the client of another session. */
  signal(to: string, signal: Signal): void {
    if (this.#polls) this.#polls.send(to, signal);
    else this.#socket.send("message", { recipient: { type: "session", sessionid: to }, data: { to, ...signal } });
  }

  get features(): ReadonlySet<string> {
    return this.#socket.features;
  }

  ready(isResumed: boolean): void {
    this.#failures = 0;
    this.#polls?.leave();
    this.#polls = null;
    this.state = "online";
    this.sessionId = this.#socket.sessionId;
    if (isResumed) return;
    this.sessions.clear();
    this.#emit({ type: "rooms" });
    const stay = this.#stay;
    if (stay && this.#joins === 0) void this.#rejoin(stay).catch(this.#joinFailed(stay));
  }

  lost(wasReady: boolean): void {
    this.#failures = wasReady ? 0 : this.#failures + 1;
    if (this.#failures >= FAILURES_BEFORE_POLLS && navigator.onLine) this.#poll();
    else if (this.state !== "polls") this.state = wasReady ? "connecting" : "offline";
    this.#retry(wasReady ? 200 : Math.min(1000 * 2 ** this.#failures, LONGEST_PAUSE));
  }

  receive(frame: Frame): void {
    const sent = frame.message ?? frame.control;
    if (sent) {
      const type = frame.message ? "signal" : "control";
      if (isSignal(sent.data)) this.#emit({ type, from: sent.sender.sessionid, signal: sent.data });
    } else if (frame.type === "bye" && frame.bye?.reason === "logged_out") {
      this.#emit({ type: "loggedOut" });
    } else if (frame.type === "room" && frame.id === undefined && frame.room) {
      if (frame.room.roomid !== "") this.#emit({ type: "room", token: frame.room.roomid });
      else if (this.#stay && this.#joins === 0) this.#end(this.#stay.token, "elsewhere"); // another page has joined
    } else if (frame.type === "event" && frame.event) {
      this.#note(frame.event);
    }
  }

  #note(event: SocketEvent): void {
    if (event.target === "roomlist") {
      const { disinvite, update } = event;
      if (disinvite) this.#end(disinvite.roomid, disinvite.reason ?? "");
      const isOnlyMessage = update?.properties?.["last-message"] !== undefined; // in a room that this line is not in
      if (update && !isOnlyMessage) this.#emit({ type: "room", token: update.roomid });
      this.#emit({ type: "rooms" });
    } else if (event.target === "participants" && event.type === "update" && event.update) {
      const { all, incall, users } = event.update;
      this.#emit({ type: "users", users: users ?? [], hasEnded: all === true && incall === 0 });
    } else if (event.target === "room") {
      this.#noteRoom(event);
    }
  }

  #noteRoom(event: SocketEvent): void {
    if (event.type === "message" && event.message) {
      const { roomid: token, data } = event.message;
      if (data?.chat?.comment) this.#emit({ type: "message", token, message: data.chat.comment });
      else if (data?.chat) this.#emit({ type: "missed", token });
    } else if (event.switchto) {
      this.#emit({ type: "switch", token: event.switchto.roomid });
    } else if (event.type === "join" || event.type === "leave") {
      const [joined, left] = [event.join ?? [], event.leave ?? []];
      for (const each of joined) this.sessions.set(each.sessionid, each);
      for (const id of left) this.sessions.delete(id);
      this.#emit({ type: "sessions", joined, left });
    }
  }

  /** Tells that the caller is no longer in a room, which the next connection then does not join again. */
  #end(token: string, reason: string): void {
    if (this.#stay?.token === token) this.#stay = null;
    this.#emit({ type: "gone", token, reason });
  }

  #emit(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Continues the session of the join before. Joins anew if it has ended. */
  async #rejoin(stay: Stay): Promise<void> {
    try {
      if (this.#session === "") throw new SignalingError("no_such_session");
      await this.#socket.request("room", { roomid: stay.token, sessionid: this.#session });
    } catch {
      if (this.#stay === stay) await this.#join(stay);
      return;
    }
    this.#emit({ type: "missed", token: stay.token });
  }

  async #join(stay: Stay, isFirst = false): Promise<void> {
    this.#joins += 1;
    try {
      const session = await stay.join();
      if (this.#stay !== stay) return;
      this.#session = session;
      if (this.state === "online") {
        await this.#socket.request("room", { roomid: stay.token, sessionid: session });
        if (!isFirst) this.#emit({ type: "missed", token: stay.token });
      } else {
        this.#enterPolls(stay, session);
      }
    } finally {
      this.#joins -= 1;
    }
  }

  #enterPolls(stay: Stay, session: string): void {
    this.sessionId = session;
    this.#polls?.enter(stay, session);
  }

  #joinFailed(stay: Stay): (error: unknown) => void {
    return (error) => {
      if (this.#stay !== stay) return;
      if (error instanceof Refused && !error.isOffline) this.#emit({ type: "refused", token: stay.token, error });
      else this.#socket.drop(); // the next connection tries again
    };
  }

  #poll(): void {
    if (this.#polls) return;
    this.#polls = new Polls((event) => this.#emit(event));
    this.state = "polls";
    const stay = this.#stay;
    if (!stay || this.#joins > 0) return;
    if (this.#session === "") void this.#join(stay).catch(this.#joinFailed(stay));
    else this.#enterPolls(stay, this.#session);
  }

  #retry(pause: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#socket.isOpen) return;
      this.#socket.connect().catch((error: unknown) => {
        if (error instanceof Refused && error.isOffline) this.#goOffline();
        else if (error instanceof Refused && error.reason === WITHOUT_SOCKETS) this.#poll();
        else this.lost(false);
      });
    }, pause);
  }

  /** Waits for the server, which answers no request. Polls would not reach it either. */
  #goOffline(): void {
    this.#polls?.leave();
    this.#polls = null;
    this.state = "offline";
    this.#retry(OFFLINE_PAUSE);
  }

  async #settings(): Promise<SignalingSettings> {
    const token = this.#stay?.token ?? "";
    const found = (await talk.get("v3/signaling/settings", { query: { token } })) as unknown as SignalingSettings & {
      signalingMode: string;
    };
    if (found.signalingMode === "internal") throw new Refused(404, WITHOUT_SOCKETS);
    return found;
  }
}
