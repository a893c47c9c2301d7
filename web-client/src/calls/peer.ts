/** One connection of a call: to another session, or to the gateway for the stream of a session. */

import { isSignal, type Signal } from "../core/line.svelte";
import { LAYERS, type Kind, type Layer } from "./protocol";

/** `mesh`: both sides send. `publisher` and `subscriber`: to and from the gateway. */
export type Role = "mesh" | "publisher" | "subscriber";

/** What is sent. A source that may not be sent is undefined; null if it is off now. */
export interface Outgoing {
  stream: MediaStream;
  audio: MediaStreamTrack | null | undefined;
  video: MediaStreamTrack | null | undefined;
}

export interface PeerOwner {
  send(to: string, signal: Signal): void;
  /** A track of the other side has come. */
  received(peer: Peer, track: MediaStreamTrack): void;
  /** The other side has told something over the channel. */
  told(peer: Peer, status: { type: string; payload?: unknown }): void;
  /** The connection is there, or failed for good. */
  changed(peer: Peer): void;
}

/** What a connection needs to begin. */
export interface PeerOptions {
  id: string;
  kind: Kind;
  role: Role;
  sid: string;
  /** Whether it gives in if both sides offer at once. */
  isPolite: boolean;
  iceServers: RTCIceServer[];
  /** Whether own media go this way. */
  sends: boolean;
  /** Whether the camera is sent in layers. */
  isLayered: boolean;
}

const CONNECTING_PATIENCE = 30_000; // milliseconds
const AUDIBLE = 0.01;
const RESTART_AFTER = 3000; // without a way to the other side
const GIVE_UP_AFTER = 10_000;

export class Peer {
  readonly connection: RTCPeerConnection;
  readonly startedAt = Date.now();
  #channel: RTCDataChannel | null = null;
  #isOffering = false;
  #isDescribed = false;
  #isIgnoring = false;
  #candidates: RTCIceCandidateInit[] = [];
  #queue: Promise<void> = Promise.resolve();
  #timers: ReturnType<typeof setTimeout>[] = [];
  hasFailed = false;
  /** The layer of the picture that the gateway was asked for. */
  layer: Layer | null = null;

  constructor(
    private readonly owner: PeerOwner,
    readonly options: PeerOptions,
    private outgoing: Outgoing,
  ) {
    this.connection = new RTCPeerConnection({ iceServers: options.iceServers });
    this.connection.ontrack = ({ track }) => owner.received(this, track);
    this.connection.ondatachannel = ({ channel }) => this.#listen(channel);
    this.connection.onicecandidate = ({ candidate }) => {
      if (!candidate) {
        this.#send("endOfCandidates");
        return;
      }
      const { sdpMid, sdpMLineIndex } = candidate;
      this.#send("candidate", { candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex } });
    };
    this.connection.onconnectionstatechange = () => this.#note();
    this.connection.onnegotiationneeded = () => {
      if (this.#isDescribed && options.role !== "subscriber") void this.#offer();
    };
    this.#timers.push(setTimeout(() => this.#giveUp(), CONNECTING_PATIENCE));
  }

  /** Begins with an offer. */
  start(): Promise<void> {
    const { role, kind } = this.options;
    this.#listen(this.connection.createDataChannel("status"));
    for (const source of ["audio", "video"] as const) {
      const track = this.outgoing[source];
      if (kind === "screen" && !track) continue;
      const sends = track !== undefined;
      if (!sends && role === "publisher") continue;
      const isOneWay = role === "publisher" || kind === "screen";
      const direction = isOneWay ? "sendonly" : sends ? "sendrecv" : "recvonly";
      this.#addLine(source, track ?? null, direction);
    }
    return this.#offer();
  }

  /** Sends another track in place of the one before, or nothing. */
  async set(source: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    this.outgoing = { ...this.outgoing, [source]: track };
    if (this.options.role === "subscriber") return;
    const transceiver = this.connection
      .getTransceivers()
      .find((each) => each.receiver.track.kind === source && each.direction.startsWith("send"));
    if (transceiver) await transceiver.sender.replaceTrack(track);
    else if (track) this.#addLine(source, track, "sendrecv");
  }

  #addLine(source: "audio" | "video", track: MediaStreamTrack | null, direction: RTCRtpTransceiverDirection): void {
    const sendEncodings = this.options.isLayered && source === "video" ? LAYERS : [];
    this.connection.addTransceiver(track ?? source, { direction, streams: [this.outgoing.stream], sendEncodings });
  }

  /** Handles a message about this connection, after those before it. */
  receive(signal: Signal): void {
    this.#queue = this.#queue.then(() => this.#receive(signal)).catch((error: unknown) => this.#fail(error));
  }

  /** Tells the other side something over the channel, if there is one. */
  tell(status: { type: string; payload?: unknown }): void {
    if (this.#channel?.readyState === "open") this.#channel.send(JSON.stringify(status));
  }

  /** Looks for another way to the other side, for example after the network has changed. */
  restart(): void {
    if (this.options.role === "subscriber" || !this.#isDescribed) this.#giveUp();
    else this.connection.restartIce(); // a new offer follows
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  get sends(): boolean {
    return this.options.sends;
  }

  /** Whether the other side is loud. */
  get isAudible(): boolean {
    const sources = this.connection.getReceivers().flatMap((each) => each.getSynchronizationSources());
    return sources.some((each) => (each.audioLevel ?? 0) > AUDIBLE);
  }

  get isConnected(): boolean {
    return this.connection.connectionState === "connected";
  }

  async #offer(): Promise<void> {
    this.#isOffering = true;
    try {
      await this.connection.setLocalDescription();
      this.#describe();
    } finally {
      this.#isOffering = false;
    }
  }

  #describe(): void {
    const description = this.connection.localDescription;
    if (!description) return;
    this.#isDescribed = true;
    this.#send(description.type, { type: description.type, sdp: description.sdp, nick: "" });
  }

  async #receive({ type, payload }: Signal): Promise<void> {
    if (this.connection.signalingState === "closed") return;
    if (type === "candidate") {
      await this.#add((payload as { candidate: RTCIceCandidateInit }).candidate);
    } else if (type === "answer" && this.connection.signalingState === "have-local-offer") {
      await this.connection.setRemoteDescription(payload as RTCSessionDescriptionInit);
      await this.#addEarly();
    } else if (type === "offer") {
      const collides = this.#isOffering || this.connection.signalingState !== "stable";
      this.#isIgnoring = collides && !this.options.isPolite;
      if (this.#isIgnoring) return;
      await this.connection.setRemoteDescription(payload as RTCSessionDescriptionInit);
      await this.#addEarly();
      await this.#answer();
    }
  }

  async #answer(): Promise<void> {
    const { role, kind } = this.options;
    if (role === "mesh" && kind === "video") await this.#attach();
    // A gateway sends what the other side tells only to those who have a channel.
    if (role === "subscriber" && !this.#channel) this.#listen(this.connection.createDataChannel("status"));
    await this.connection.setLocalDescription();
    this.#describe();
  }

  /** Sends the own tracks over the lines of an offer. */
  async #attach(): Promise<void> {
    for (const transceiver of this.connection.getTransceivers()) {
      const track = this.outgoing[transceiver.receiver.track.kind as "audio" | "video"];
      if (track === undefined || transceiver.direction.startsWith("send")) continue;
      transceiver.direction = "sendrecv";
      transceiver.sender.setStreams(this.outgoing.stream);
      await transceiver.sender.replaceTrack(track);
    }
  }

  async #add(candidate: RTCIceCandidateInit): Promise<void> {
    if (!this.connection.remoteDescription) {
      this.#candidates.push(candidate);
      return;
    }
    try {
      await this.connection.addIceCandidate(candidate);
    } catch (error) {
      if (!this.#isIgnoring) throw error;
    }
  }

  async #addEarly(): Promise<void> {
    for (const each of this.#candidates.splice(0)) await this.connection.addIceCandidate(each);
  }

  #listen(channel: RTCDataChannel): void {
    channel.onmessage = ({ data }) => {
      const status = statusIn(data);
      if (status) this.owner.told(this, status);
    };
    // Gateways give the channel that they open another name, and send over that one.
    if (channel.label === "status" || !this.#channel) this.#channel = channel;
    channel.onopen = () => this.owner.changed(this);
  }

  #note(): void {
    const state = this.connection.connectionState;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    if (state === "disconnected") {
      this.#timers.push(setTimeout(() => this.restart(), RESTART_AFTER));
      this.#timers.push(setTimeout(() => this.#giveUp(), GIVE_UP_AFTER));
    } else if (state === "failed") {
      this.#giveUp();
    }
    this.owner.changed(this);
  }

  #giveUp(): void {
    if (this.isConnected || this.hasFailed) return;
    this.hasFailed = true;
    this.owner.changed(this);
  }

  #fail(error: unknown): void {
    if (this.connection.signalingState === "closed") return;
    console.info("connection of a call failed", error);
    this.hasFailed = true;
    this.owner.changed(this);
  }

  #send(type: string, payload?: unknown): void {
    const { id, kind, sid } = this.options;
    this.owner.send(id, { type, roomType: kind, sid, ...(payload === undefined ? {} : { payload }) });
  }
}

/** Returns what the other side tells over a channel, or null if it is nothing that clients tell. */
export function statusIn(data: unknown): { type: string; payload?: unknown } | null {
  if (typeof data !== "string") return null;
  try {
    const status: unknown = JSON.parse(data);
    return isSignal(status) ? status : null;
  } catch {
    return null;
  }
}
