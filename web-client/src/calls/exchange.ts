/** What the clients in a call tell each other besides media: muted, speaking, raised hands, reactions. */

import { t } from "../core/i18n.svelte";
import type { Signal } from "../core/line.svelte";
import { toasts } from "../ui/toasts.svelte";
import type { Call } from "./call.svelte";
import type { Connections } from "./connections";
import { media, type Source } from "./media.svelte";
import type { Peer } from "./peer";
import type { Person } from "./person.svelte";

/** Asks another device of the same person to leave the call. Only this client knows it. */
const MOVED = "callMovedHere";

export class Exchange {
  /** Whether the caller's other devices are asked to leave. */
  switchesHere = false;
  #wasSpeaking = false;

  constructor(
    private readonly call: Call,
    private readonly connections: Connections,
  ) {}

  raiseHand(isRaised: boolean): void {
    const timestamp = Date.now();
    if (this.call.me) this.call.me.hand = isRaised ? timestamp : 0;
    this.#tellAll({ type: "raiseHand", roomType: "video", payload: { state: isRaised, timestamp } });
  }

  react(reaction: string): void {
    this.call.me?.react(reaction);
    this.#tellAll({ type: "reaction", roomType: "video", payload: { reaction } });
  }

  /** Mutes somebody, as moderators can. All in the call are told. */
  mute(person: Person): void {
    this.#tellAll({ type: "control", roomType: "video", payload: { action: "forceMute", peerId: person.id } });
  }

  /** Tells a newcomer what is on and whether the hand is raised. */
  introduce(newcomer: Person): void {
    const tell = (signal: Signal): void => this.call.send(newcomer.id, signal);
    for (const source of ["audio", "video"] as const) tell(switched(source));
    const hand = this.call.me?.hand ?? 0;
    if (hand) tell({ type: "raiseHand", roomType: "video", payload: { state: true, timestamp: hand } });
    if (this.switchesHere && this.call.isOtherDevice(newcomer)) tell({ type: MOVED, roomType: "video" });
  }

  /** Tells all that a device was switched on or off. */
  tellAllOf(source: Source): void {
    for (const peer of this.connections.list) this.tellState(peer);
    this.#tellAll(switched(source));
  }

  /** Tells the other side of a connection what is on. */
  tellState(peer: Peer): void {
    for (const source of ["audio", "video"] as const) peer.tell({ type: `${source}${isOff(source) ? "Off" : "On"}` });
  }

  /** Handles a message of another session. */
  receive(from: string, signal: Signal): void {
    const { type } = signal;
    const person = this.call.people.get(from);
    if (type === "control") {
      const payload = (signal["payload"] ?? {}) as Record<string, unknown>;
      if (payload["action"] === "forceMute" && payload["peerId"] === this.call.me?.id && !media.isMuted) {
        void media.setMuted(true);
        toasts.show(t("call.muted.by.moderator"));
      }
    } else if (!person) {
      return;
    } else if (type === "unshareScreen") {
      this.connections.dropOf(from, "screen");
      person.screen = null;
    } else if (type === MOVED && this.call.isOtherDevice(person)) {
      toasts.show(t("call.moved"));
      void this.call.leave().catch((error: unknown) => toasts.failed(error));
    } else {
      person.hear(signal);
    }
  }

  /** Sees who is loud, and tells the others when the caller begins or stops to speak. */
  noteSpeakers(): void {
    for (const peer of this.connections.list) {
      const person = this.call.people.get(peer.options.id);
      if (!person || person.isMe || peer.options.kind !== "video") continue;
      person.isSpeaking = !person.isMuted && peer.isAudible;
    }
    if (this.call.me) this.call.me.isSpeaking = media.isSpeaking;
    if (media.isSpeaking === this.#wasSpeaking) return;
    this.#wasSpeaking = media.isSpeaking;
    const type = media.isSpeaking ? "speaking" : "stoppedSpeaking";
    for (const peer of this.connections.list) peer.tell({ type });
  }

  #tellAll(signal: Signal): void {
    for (const { id } of this.call.sessions) this.call.send(id, signal);
  }
}

function isOff(source: Source): boolean {
  return source === "audio" ? media.isMuted : media.isCameraOff;
}

function switched(source: Source): Signal {
  return { type: isOff(source) ? "mute" : "unmute", roomType: "video", payload: { name: source } };
}
