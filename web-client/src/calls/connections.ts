/** All connections of a call: who is connected to whom, directly or through the gateway, and what is tried after a failure. */

import type { Signal } from "../core/line.svelte";
import { Peer, type Outgoing, type PeerOwner, type Role } from "./peer";
import { goesThroughGateway, isOurOffer, MEDIA, type Kind, type Layer } from "./protocol";

const ASK_AGAIN_AFTER = 6000; // milliseconds until a stream that has not come is asked for once more
const OFFER_INSTEAD_AFTER = 3000; // milliseconds in which the one whose turn it is may not have noticed a failure
const EARLY_FOR = 10_000; // milliseconds in which the list of the call may come after a message of a newcomer
const MOST_EARLY = 100;
const OF_CONNECTIONS = new Set(["offer", "answer", "candidate", "endOfCandidates"]);

/** A session in the call with its flags. */
export interface Member {
  id: string;
  flags: number;
}

/** What the owner of the connections gives and is told. */
export interface ConnectionsOwner extends Pick<PeerOwner, "send" | "received" | "told" | "changed"> {
  readonly usesGateway: boolean;
  /** Whether the gateway takes cameras in layers. */
  readonly usesLayers: boolean;
  readonly iceServers: RTCIceServer[];
  /** What is sent of a kind, or null. */
  outgoing(kind: Kind): Outgoing | null;
}

export class Connections implements PeerOwner {
  list: Peer[] = [];
  #me: Member = { id: "", flags: 0 };
  #others: Member[] = [];
  /** The streams that were asked for, and when. */
  #asked = new Map<string, number>();
  #offered = new Set<string>();
  /** The layers in which the cameras of others fit where they are shown. */
  #layers = new Map<string, Layer>();
  /** Messages of sessions that are not in the list of the call, or not yet. */
  #early: { from: string; signal: Signal; at: number }[] = [];
  #number = 0;

  constructor(private readonly owner: ConnectionsOwner) {}

  /** Takes the list of the sessions in the call: ends connections to those who left, and begins those to newcomers. */
  update(me: Member, others: Member[]): void {
    [this.#me, this.#others] = [me, others];
    const known = new Set([me.id, ...others.map((each) => each.id)]);
    for (const peer of this.list.filter((each) => !known.has(each.options.id))) this.drop(peer);
    for (const id of this.#asked.keys()) if (!known.has(id)) this.#asked.delete(id);
    for (const id of this.#offered) if (!known.has(id)) this.#offered.delete(id);
    for (const id of this.#layers.keys()) if (!known.has(id)) this.#layers.delete(id);
    const since = Date.now() - EARLY_FOR;
    for (const { from, signal, at } of this.#early.splice(0)) if (at > since) this.#take(from, signal, at);
    if (this.owner.usesGateway) this.#publish();
    for (const other of others) {
      if (this.#isThrough(other.id)) this.#receiveThroughGateway(other);
      else this.#offerTo(other);
    }
  }

  /** Does the same again, for example after a screen was shared or a stream has not come. */
  refresh(): void {
    if (this.#me.id !== "") this.update(this.#me, this.#others);
  }

  /** Handles a message of another session. Returns false if it is not about connections. */
  receive(from: string, signal: Signal): boolean {
    if (!OF_CONNECTIONS.has(signal.type)) return false;
    this.#take(from, signal, Date.now());
    return true;
  }

  /** Handles a message, or keeps it until its sender is in the call: everybody in the room can send messages. */
  #take(from: string, signal: Signal, at: number): void {
    if (from !== this.#me.id && !this.#others.some((each) => each.id === from)) {
      this.#early = [...this.#early, { from, signal, at }].slice(-MOST_EARLY);
      return;
    }
    const kind: Kind = signal["roomType"] === "screen" ? "screen" : "video";
    const sid = typeof signal["sid"] === "string" ? signal["sid"] : "";
    let peer = this.list.find((each) => this.#is(each, from, kind) && (sid === "" || each.options.sid === sid));
    if (signal.type === "offer" && !peer) {
      const older = this.list.find((each) => this.#is(each, from, kind));
      if (older) this.drop(older);
      peer = this.#add(from, kind, this.#isThrough(from) ? "subscriber" : "mesh", sid);
    }
    peer?.receive(signal);
  }

  /** Ends the connections that send a screen. */
  stopScreen(): void {
    const sent = this.list.filter((each) => each.options.kind === "screen" && each.sends);
    for (const { id } of this.#others) this.owner.send(id, { type: "unshareScreen", roomType: "screen" });
    for (const peer of sent) this.drop(peer);
    this.#offered.clear();
  }

  /** Notes the layer in which somebody's camera is shown, and asks the gateway for it. */
  show(id: string, layer: Layer): void {
    this.#layers.set(id, layer);
    const peer = this.#find(id, "video");
    if (peer) this.#select(peer);
  }

  #select(peer: Peer): void {
    const { id, kind, role, sid } = peer.options;
    const layer = this.#layers.get(id);
    if (!this.owner.usesLayers || role !== "subscriber" || kind !== "video" || !peer.isConnected) return;
    if (layer === undefined || layer === peer.layer) return;
    peer.layer = layer;
    this.owner.send(id, { type: "selectStream", roomType: kind, sid, payload: { substream: layer } });
  }

  dropOf(id: string, kind: Kind): void {
    for (const peer of this.list.filter((each) => this.#is(each, id, kind) && !each.sends)) this.drop(peer);
  }

  drop(peer: Peer): void {
    this.list = this.list.filter((each) => each !== peer);
    peer.close();
  }

  /** Looks for new ways to all, after the network has changed. */
  restart(): void {
    for (const peer of this.list) peer.restart();
  }

  close(): void {
    for (const peer of this.list) peer.close();
    this.list = [];
    this.#asked.clear();
    this.#offered.clear();
    this.#layers.clear();
    this.#early = [];
    this.#others = [];
    this.#me = { id: "", flags: 0 };
  }

  send(to: string, signal: Signal): void {
    this.owner.send(to, signal);
  }

  received(peer: Peer, track: MediaStreamTrack): void {
    this.owner.received(peer, track);
  }

  told(peer: Peer, status: { type: string; payload?: unknown }): void {
    this.owner.told(peer, status);
  }

  changed(peer: Peer): void {
    if (!this.list.includes(peer)) return;
    this.owner.changed(peer);
    this.#select(peer);
    if (!peer.hasFailed) return;
    this.drop(peer);
    this.#asked.delete(peer.options.id);
    if (peer.options.role === "publisher") this.#offered.clear();
    setTimeout(() => this.refresh(), 500);
    const { id, kind, role } = peer.options;
    if (role === "mesh" && kind === "video") setTimeout(() => this.offerInstead(id), OFFER_INSTEAD_AFTER);
  }

  /** Offers a connection to a session that should have offered one by now. */
  offerInstead(id: string): void {
    const isThere = this.#others.some((each) => each.id === id);
    if (isThere && !this.#isThrough(id) && !this.#find(id, "video")) void this.#add(id, "video", "mesh").start();
  }

  #isThrough(id: string): boolean {
    return this.owner.usesGateway && goesThroughGateway(id);
  }

  #is(peer: Peer, id: string, kind: Kind): boolean {
    return peer.options.id === id && peer.options.kind === kind;
  }

  #find(id: string, kind: Kind): Peer | undefined {
    return this.list.find((each) => this.#is(each, id, kind));
  }

  /** Sends the own streams to the gateway. */
  #publish(): void {
    for (const kind of ["video", "screen"] as const) {
      if (kind === "video" && (this.#me.flags & MEDIA) === 0) continue;
      if (this.owner.outgoing(kind) && !this.#find(this.#me.id, kind))
        void this.#add(this.#me.id, kind, "publisher").start();
    }
  }

  #receiveThroughGateway(other: Member): void {
    const { id, flags } = other;
    const askedAt = this.#asked.get(id) ?? 0;
    if (flags & MEDIA && !this.#find(id, "video") && Date.now() - askedAt > ASK_AGAIN_AFTER) {
      this.#asked.set(id, Date.now());
      this.owner.send(id, { type: "requestoffer", roomType: "video" });
    }
    if (this.owner.outgoing("screen") && !this.#offered.has(id)) {
      this.#offered.add(id);
      this.owner.send(id, { type: "sendoffer", roomType: "screen" });
    }
  }

  #offerTo(other: Member): void {
    if (isOurOffer(this.#me, other) && !this.#find(other.id, "video"))
      void this.#add(other.id, "video", "mesh").start();
    const sendsScreen = this.list.some((each) => this.#is(each, other.id, "screen") && each.sends);
    if (this.owner.outgoing("screen") && !sendsScreen) void this.#add(other.id, "screen", "mesh").start();
  }

  #add(id: string, kind: Kind, role: Role, sid = ""): Peer {
    const isOurs = sid === "";
    const options = {
      id,
      kind,
      role,
      sid: isOurs ? `${Date.now()}${++this.#number}` : sid,
      isPolite: this.#me.id < id,
      iceServers: this.owner.iceServers,
      sends: isOurs || (role === "mesh" && kind === "video"),
      isLayered: role === "publisher" && kind === "video" && this.owner.usesLayers,
    };
    const nothing = { stream: new MediaStream(), audio: undefined, video: undefined };
    const peer = new Peer(this, options, options.sends ? (this.owner.outgoing(kind) ?? nothing) : nothing);
    this.list.push(peer);
    return peer;
  }
}
