/** A call: who is in it, what they send, and what is sent to them. */

import { SvelteMap } from "svelte/reactivity";
import { Refused, talk, type Room } from "../core/api";
import { InCall, isModerator, Permission, Recording } from "../core/constants";
import { t } from "../core/i18n.svelte";
import type { CallUser, Line, LiveEvent, Signal } from "../core/line.svelte";
import { live } from "../core/live.svelte";
import { rooms } from "../rooms/rooms.svelte";
import { toasts } from "../ui/toasts.svelte";
import { Connections, type ConnectionsOwner } from "./connections";
import { Exchange } from "./exchange";
import { media, type Source } from "./media.svelte";
import type { Outgoing, Peer } from "./peer";
import { Person } from "./person.svelte";
import { flagsOf, layerFor, MEDIA, type Kind } from "./protocol";

const WATCH_EVERY = 250; // milliseconds
const REFRESH_EVERY = 3000;

/** What was chosen before joining. */
export interface JoinOptions {
  isSilent: boolean;
  consents: boolean;
  /** Whether the caller's other devices leave the call. */
  switchesHere: boolean;
}

export class Call implements ConnectionsOwner {
  people = new SvelteMap<string, Person>();
  joinedAt = $state(0);
  /** Whether somebody could not be reached and the server has no TURN relay. */
  lacksRelay = $state(false);
  /** Whether the newest recording had failed before the caller joined. */
  #failedBefore = $state(false);
  usesGateway = false;
  usesLayers = false;
  iceServers: RTCIceServer[] = [];
  readonly line: Line = live.hold();
  readonly exchange: Exchange;
  readonly #token: string;
  #room = $state.raw<Room>() as Room;
  #me = "";
  #names = new Map<string, string>();
  #stream = new MediaStream();
  #connections = new Connections(this);
  #ends: (() => void)[] = [];
  #hasRelay = false;
  #wasSeen = false;
  #consents = false;
  #refreshedAt = 0;

  constructor(
    room: Room,
    private readonly onended: () => void,
  ) {
    this.#room = room;
    this.#token = room.token;
    this.#failedBefore = room.callRecording === Recording.failed;
    this.exchange = new Exchange(this, this.#connections);
  }

  /** The room, as the list or the open chat has it. */
  get room(): Room {
    return rooms.byToken.get(this.#token) ?? this.#room;
  }

  set room(room: Room) {
    this.#room = room;
  }

  get isModerator(): boolean {
    return isModerator(this.room.participantType);
  }

  /** Whether a recording has failed while the caller was in the call. */
  get hasRecordingFailed(): boolean {
    return this.room.callRecording === Recording.failed && !this.#failedBefore;
  }

  /** Notes that another recording has begun after one that had failed earlier. */
  noteRecording(): void {
    if (this.room.callRecording !== Recording.failed) this.#failedBefore = false;
  }

  /** The other people, those who raised their hands first. */
  get others(): Person[] {
    return this.sessions.filter((each) => !each.isService).sort((a, b) => (a.hand || Infinity) - (b.hand || Infinity));
  }

  /** All other sessions in the call, also a recording server. */
  get sessions(): Person[] {
    return [...this.people.values()].filter((each) => !each.isMe);
  }

  get me(): Person | undefined {
    return [...this.people.values()].find((each) => each.isMe);
  }

  /** Returns whether a session is another device of the caller. */
  isOtherDevice(person: Person): boolean {
    return !person.isMe && person.actorType === this.room.actorType && person.actorId === this.room.actorId;
  }

  may(source: Source | "screen"): boolean {
    const needed = { audio: Permission.publishAudio, video: Permission.publishVideo, screen: Permission.publishScreen };
    return (this.room.permissions & needed[source]) !== 0;
  }

  /** Stops the devices that the caller may no longer use. */
  obeyPermissions(): void {
    for (const source of ["audio", "video"] as const)
      if (!this.may(source) && media.tracks[source]) media.close(source);
    if (!this.may("screen") && media.screen) media.stopScreen();
  }

  /** Joins the call with the media that are open. Throws `Refused`. */
  async join(options: JoinOptions): Promise<void> {
    this.#ends = [this.line.on((event) => this.#note(event))];
    this.exchange.switchesHere = options.switchesHere;
    this.#consents = options.consents;
    try {
      await this.#loadSettings();
      media.onchange = (source) => this.#changed(source);
      await this.#enter(options);
    } catch (error) {
      this.#stop();
      live.release(this.line);
      throw error;
    }
    this.joinedAt = Date.now();
    const watch = setInterval(() => this.#watch(), WATCH_EVERY);
    const leave = (): void => void this.leave({ isClosing: true });
    const restart = (): void => this.#connections.restart();
    addEventListener("pagehide", leave);
    addEventListener("online", restart);
    this.#ends.push(
      () => clearInterval(watch),
      () => removeEventListener("pagehide", leave),
      () => removeEventListener("online", restart),
    );
  }

  /** Leaves the call, or as a moderator ends it for everyone. */
  async leave({ forAll = false, isClosing = false } = {}): Promise<void> {
    const path = { token: this.#token };
    const left = talk.delete("v4/call/{token}", { path, body: { all: forAll }, keepalive: isClosing });
    this.#end(left);
    await left.catch((error: unknown) => {
      if (!(error instanceof Refused && error.status === 404)) throw error;
    });
  }

  /** Notifies a member of the room who is not in the call. */
  async ring(attendeeId: number): Promise<void> {
    await talk.post("v4/call/{token}/ring/{attendeeId}", { path: { token: this.#token, attendeeId } });
  }

  outgoing(kind: Kind): Outgoing | null {
    if (kind === "screen") {
      const { screen } = media;
      return screen && { stream: screen, audio: screen.getAudioTracks()[0], video: screen.getVideoTracks()[0] };
    }
    return {
      stream: this.#stream,
      audio: this.may("audio") ? media.tracks.audio : undefined,
      video: this.may("video") ? media.tracks.video : undefined,
    };
  }

  /** Notes how wide the picture of somebody's camera is on the page. */
  show(person: Person, width: number): void {
    this.#connections.show(person.id, layerFor(width * devicePixelRatio));
  }

  send(to: string, signal: Signal): void {
    this.line.signal(to, signal);
  }

  received(peer: Peer, track: MediaStreamTrack): void {
    const person = this.people.get(peer.options.id);
    if (peer.options.role !== "publisher") person?.add(track, peer.options.kind);
  }

  told(peer: Peer, { type, payload }: { type: string; payload?: unknown }): void {
    this.people.get(peer.options.id)?.note(type, payload);
  }

  changed(peer: Peer): void {
    const person = this.people.get(peer.options.id);
    if (peer.isConnected) this.exchange.tellState(peer);
    if (!person) return;
    person.noteLink(peer);
    if (peer.hasFailed && !this.#hasRelay) this.lacksRelay = true;
    if (peer.isConnected) this.lacksRelay = false;
  }

  async #loadSettings(): Promise<void> {
    const settings = (await talk.get("v3/signaling/settings", { query: { token: this.#token } })) as unknown as {
      stunservers: RTCIceServer[];
      turnservers: RTCIceServer[];
    };
    this.iceServers = [...settings.stunservers, ...settings.turnservers];
    this.#hasRelay = settings.turnservers.length > 0;
  }

  get #flags(): number {
    return flagsOf({
      audio: this.may("audio") && media.tracks.audio !== null,
      video: this.may("video") && media.tracks.video !== null,
    });
  }

  async #enter({ isSilent, consents }: Pick<JoinOptions, "isSilent" | "consents">): Promise<void> {
    this.#me = this.line.sessionId;
    this.#wasSeen = false;
    this.usesGateway = this.line.state !== "polls" && this.line.features.has("mcu");
    this.usesLayers = this.usesGateway && this.line.features.has("simulcast");
    const body = { flags: this.#flags, silent: isSilent, recordingConsent: consents };
    await talk.post("v4/call/{token}", { path: { token: this.#token }, body });
    void this.#loadNames();
  }

  #note(event: LiveEvent): void {
    if (event.type === "users") {
      if (event.hasEnded) this.#endBy(t("call.ended"));
      else this.#list(event.users);
    } else if (event.type === "sessions") {
      for (const id of event.left) this.people.delete(id);
      this.#connect();
    } else if (event.type === "signal" || event.type === "control") {
      if (!this.#connections.receive(event.from, event.signal)) this.exchange.receive(event.from, event.signal);
    } else if ((event.type === "gone" || event.type === "refused") && event.token === this.#token) {
      this.#endBy(t("call.removed"));
    } else if (event.type === "missed" && event.token === this.#token && this.line.sessionId !== this.#me) {
      void this.#beginAnew();
    }
  }

  /** Ends what this page does in the call, because the server says so. */
  #endBy(text: string): void {
    toasts.show(text);
    this.#end();
  }

  /** Ends what this page does in the call, and lets the room go after the request that leaves the call. */
  #end(left: Promise<unknown> = Promise.resolve()): void {
    this.#stop();
    media.stop();
    this.people.clear();
    this.onended();
    left.catch(() => undefined).finally(() => live.release(this.line));
  }

  #stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#connections.close();
  }

  /** Enters again with a new session: the server has ended the one before. */
  async #beginAnew(): Promise<void> {
    this.#connections.close();
    this.people.clear();
    try {
      await this.#enter({ isSilent: true, consents: this.#consents });
    } catch (error) {
      toasts.failed(error);
      this.#end();
    }
  }

  #list(users: CallUser[]): void {
    const inCall = users.filter((each) => each.inCall !== InCall.disconnected);
    const present = new Set(inCall.map((each) => each.sessionId));
    if (present.has(this.#me)) this.#wasSeen = true;
    else if (this.#wasSeen) {
      this.#endBy(t("call.removed"));
      return;
    }
    for (const id of this.people.keys()) if (!present.has(id)) this.people.delete(id);
    for (const user of inCall) this.#add(user);
    this.#showMe();
    this.#connect();
  }

  /** Notes what the server tells of a session in the call, which may be new. */
  #add(user: CallUser): void {
    const { sessionId, actorType = "", actorId = "" } = user;
    const known = this.people.get(sessionId);
    const person = known ?? new Person(sessionId, actorType, actorId, sessionId === this.#me, user.internal);
    person.update(user);
    if (person.name === "") person.name = this.#names.get(`${actorType}/${actorId}`) ?? "";
    if (known) return;
    this.people.set(sessionId, person);
    if (!person.isMe) this.exchange.introduce(person);
    if (person.name === "" && !person.isService) void this.#loadNames();
  }

  #connect(): void {
    const me = this.me;
    if (!me) return;
    const others = this.sessions.map(({ id, flags }) => ({ id, flags }));
    this.#connections.update({ id: me.id, flags: me.flags | (this.#flags & MEDIA) }, others);
  }

  async #loadNames(): Promise<void> {
    const found = await talk.get("v4/call/{token}", { path: { token: this.#token } }).catch(() => []);
    for (const each of found) this.#names.set(`${each.actorType}/${each.actorId}`, each.displayName);
    for (const person of this.people.values())
      if (person.name === "") person.name = this.#names.get(`${person.actorType}/${person.actorId}`) || t("guest");
  }

  /** Sends what has changed: a device was opened, closed, muted or replaced. */
  #changed(source: Source | "screen"): void {
    if (source === "screen") {
      if (media.screen) this.#connections.refresh();
      else this.#connections.stopScreen();
      if (this.me) this.me.screen = media.screen;
      return;
    }
    const track = this.may(source) ? media.tracks[source] : null;
    for (const peer of this.#connections.list.filter((each) => each.options.kind === "video" && each.sends))
      void peer.set(source, track);
    this.exchange.tellAllOf(source);
    this.#showMe();
    if (this.me && this.me.flags !== this.#flags)
      talk
        .put("v4/call/{token}", { path: { token: this.#token }, body: { flags: this.#flags } })
        .catch((error: unknown) => toasts.failed(error));
  }

  #showMe(): void {
    const me = this.me;
    if (!me) return;
    me.isMuted = media.isMuted;
    me.isCameraOff = media.isCameraOff;
    const track = media.tracks.video;
    if (me.stream?.getVideoTracks()[0] !== (track ?? undefined)) me.stream = track && new MediaStream([track]);
  }

  /** Sees who speaks, and asks again for what has not come. */
  #watch(): void {
    this.exchange.noteSpeakers();
    if (Date.now() - this.#refreshedAt > REFRESH_EVERY) {
      this.#refreshedAt = Date.now();
      this.#connections.refresh();
    }
  }
}
