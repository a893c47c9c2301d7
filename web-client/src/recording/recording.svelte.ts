/** A call as a recording server takes part in it: it receives from all and sends nothing. */

import { SvelteMap } from "svelte/reactivity";
import { talk } from "../core/api";
import { InCall } from "../core/constants";
import { isSignal, type CallUser, type Signal } from "../core/line.svelte";
import { session } from "../core/session.svelte";
import { t } from "../core/i18n.svelte";
import { Socket, type Frame, type SignalingSettings, type SocketEvent, type SocketOwner } from "../core/socket";
import { Connections, type ConnectionsOwner } from "../calls/connections";
import type { Peer } from "../calls/peer";
import { Person } from "../calls/person.svelte";
import { MEDIA } from "../calls/protocol";
import { Speakers } from "./speakers";

const WATCH_EVERY = 500; // milliseconds
const OFFER_INSTEAD_AFTER = 5000; // milliseconds in which somebody who sends media may have offered them
const LONGEST_PAUSE = 10_000;

interface Settings extends SignalingSettings {
  stunservers: RTCIceServer[];
  turnservers: RTCIceServer[];
}

export class Recording implements ConnectionsOwner, SocketOwner {
  people = new SvelteMap<string, Person>();
  readonly speakers = new Speakers();
  usesGateway = false;
  readonly usesLayers = false; // recordings have the largest pictures
  iceServers: RTCIceServer[] = [];
  #connections = new Connections(this);
  #socket: Socket | null = null;
  #token = "";
  #failures = 0;
  #seenAt = new Map<string, number>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Ends the wait for the first time that the room is joined. */
  #joined: { resolve: () => void; reject: (error: Error) => void } | null = null;

  /** Returns the signaling settings. The checksum of the random text proves that a recording server asks. */
  getSettings = async (token: string, random: string, checksum: string): Promise<object> => {
    await session.start();
    const headers = { "Talk-Recording-Random": random, "Talk-Recording-Checksum": checksum };
    return talk.get("v3/signaling/settings", { query: { token }, headers });
  };

  /** Joins a call with a proof of knowing the secret for internal clients. Throws if the proof is wrong. */
  join = async (token: string, settings: Settings, proof: object): Promise<void> => {
    this.#token = token;
    this.iceServers = [...settings.stunservers, ...settings.turnservers];
    const helloAuthParams = { internal: proof };
    const { server } = settings;
    const socket = new Socket(this, () => Promise.resolve({ server, helloAuthParams }), "");
    this.#socket = socket;
    const joined = new Promise<void>((resolve, reject) => (this.#joined = { resolve, reject }));
    await socket.connect();
    await joined;
    this.#timer = setInterval(() => this.#watch(), WATCH_EVERY);
  };

  /** Leaves the call. */
  close = (): void => {
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#forgetAll();
  };

  // --- the signaling ------------------------------------------------------------------------
  ready(isResumed: boolean): void {
    this.#failures = 0;
    if (!isResumed) void this.#enter();
  }

  lost(): void {
    const pause = Math.min(250 * 2 ** this.#failures++, LONGEST_PAUSE);
    setTimeout(() => void this.#socket?.connect(), pause);
  }

  receive(frame: Frame): void {
    if (frame.type === "error" && frame.id === "hello") this.#refuse(frame.error?.code ?? "");
    else if (frame.type === "event" && frame.event) this.#note(frame.event);
    else if (frame.message) this.#hear(frame.message.sender.sessionid, frame.message.data);
  }

  /** Ends the first attempt to join if the proof is wrong. Later, the session was lost, and a new one begins. */
  #refuse(code: string): void {
    if (!this.#joined) return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#joined.reject(new Error(`Authentication failed for signaling server: ${code}`));
  }

  async #enter(): Promise<void> {
    const socket = this.#socket;
    if (!socket) return;
    this.#forgetAll();
    this.usesGateway = socket.features.has("mcu");
    socket.send("internal", { type: "incall", incall: { incall: InCall.inCall } });
    try {
      await socket.request("room", { roomid: this.#token });
      this.#joined?.resolve();
    } catch (error) {
      this.#joined?.reject(error as Error);
      if (!this.#joined) socket.drop();
    }
    this.#joined = null;
  }

  #note(event: SocketEvent): void {
    if (event.target === "participants" && event.update) {
      const hasEnded = event.update.all === true && event.update.incall === 0;
      this.#list(hasEnded ? [] : (event.update.users ?? []));
    } else if (event.target === "participants" && event.flags) {
      this.speakers.noteFlags(event.flags);
    } else if (event.target === "room" && (event.type === "join" || event.type === "leave")) {
      this.speakers.noteJoined(event.join ?? []);
      for (const id of event.leave ?? []) this.#forget(id);
      this.#connect();
    }
  }

  #hear(from: string, data: unknown): void {
    if (!isSignal(data) || this.#connections.receive(from, data)) return;
    const person = this.people.get(from);
    if (data.type !== "unshareScreen") person?.hear(data);
    else {
      this.#connections.dropOf(from, "screen");
      if (person) person.screen = null;
    }
  }

  #list(users: CallUser[]): void {
    const mine = this.#socket?.sessionId;
    const inCall = users.filter((each) => each.inCall !== InCall.disconnected && each.sessionId !== mine);
    const present = new Set(inCall.map((each) => each.sessionId));
    for (const id of this.people.keys()) if (!present.has(id)) this.#forget(id);
    for (const user of inCall) this.#add(user);
    this.#connect();
  }

  #add(user: CallUser): void {
    const { sessionId, actorType = "", actorId = "" } = user;
    const known = this.people.get(sessionId);
    const person = known ?? new Person(sessionId, actorType, actorId, false, user.internal);
    person.update(user);
    if (person.name === "")
      person.name = this.speakers.connection.joinedUsers[sessionId]?.user?.displayname ?? t("guest");
    if (known) return;
    this.#seenAt.set(sessionId, Date.now());
    this.people.set(sessionId, person);
  }

  #forget(id: string): void {
    if (!this.people.delete(id)) return;
    this.#seenAt.delete(id);
    this.speakers.noteEnd(id);
  }

  #forgetAll(): void {
    for (const id of this.people.keys()) this.#forget(id);
    this.#connections.close();
  }

  // --- the media ----------------------------------------------------------------------------
  outgoing(): null {
    return null;
  }

  send(to: string, signal: Signal): void {
    this.#socket?.send("message", { recipient: { type: "session", sessionid: to }, data: { to, ...signal } });
  }

  received(peer: Peer, track: MediaStreamTrack): void {
    this.people.get(peer.options.id)?.add(track, peer.options.kind);
  }

  told(peer: Peer, status: { type: string; payload?: unknown }): void {
    this.people.get(peer.options.id)?.note(status.type, status.payload);
    this.speakers.noteStatus(peer.options.id, peer.options.kind, status);
  }

  changed(peer: Peer): void {
    this.people.get(peer.options.id)?.noteLink(peer);
  }

  #connect(): void {
    const socket = this.#socket;
    if (!socket) return;
    const others = [...this.people.values()].map(({ id, flags }) => ({ id, flags }));
    this.#connections.update({ id: socket.sessionId, flags: InCall.inCall }, others);
  }

  /** Sees who speaks, asks again for what has not come, and offers a connection to clients that offer none. */
  #watch(): void {
    for (const peer of this.#connections.list) {
      const person = this.people.get(peer.options.id);
      if (person && peer.options.kind === "video") person.isSpeaking = !person.isMuted && peer.isAudible;
    }
    this.#connections.refresh();
    const since = Date.now() - OFFER_INSTEAD_AFTER;
    for (const { id, flags } of this.people.values())
      if (flags & MEDIA && (this.#seenAt.get(id) ?? 0) < since) this.#connections.offerInstead(id);
  }
}
