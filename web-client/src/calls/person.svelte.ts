/** One session in a call, as the views show it. */

import type { CallUser, Signal } from "../core/line.svelte";
import { InCall } from "../core/constants";
import { session } from "../core/session.svelte";
import type { Peer } from "./peer";
import { handTime, type Kind } from "./protocol";

/** How far the connection to a session is. `silent`: nothing is expected of it. */
export type Link = "connecting" | "connected" | "failed";

const REACTION_SHOWN_FOR = 4000;

export class Person {
  name = $state("");
  flags = $state(0);
  /** Camera and microphone, or null while nothing has come. */
  stream = $state.raw<MediaStream | null>(null);
  screen = $state.raw<MediaStream | null>(null);
  isMuted = $state(false);
  isCameraOff = $state(false);
  isSpeaking = $state(false);
  /** When the hand was raised, in milliseconds, or 0. */
  hand = $state(0);
  reaction = $state("");
  link = $state<Link>("connecting");
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    readonly actorType: string,
    readonly actorId: string,
    readonly isMe: boolean,
    /** Whether it is a part of the server's installation, such as a recording server, which nobody sees. */
    readonly isService = false,
  ) {}

  /** The account whose picture is shown, or null for guests. */
  get user(): string | null {
    return this.actorType === "users" ? this.actorId : null;
  }

  get showsCamera(): boolean {
    return (
      this.stream !== null &&
      !this.isCameraOff &&
      (this.flags & InCall.video) !== 0 &&
      this.stream.getVideoTracks().length > 0
    );
  }

  update(user: CallUser): void {
    if (user.displayName !== undefined && user.displayName !== "") this.name = user.displayName;
    this.flags = user.inCall;
    if ((user.inCall & InCall.audio) === 0) this.isMuted = true;
  }

  /** Adds a track, in place of one of its kind if it is of the camera or microphone. */
  add(track: MediaStreamTrack, kind: Kind): void {
    if (kind === "screen") {
      this.screen = new MediaStream([...(this.screen?.getTracks() ?? []), track]);
      return;
    }
    const others = this.stream?.getTracks().filter((each) => each.kind !== track.kind) ?? [];
    this.stream = new MediaStream([...others, track]);
  }

  /** Notes how far a connection that brings media of this session is. */
  noteLink(peer: Peer): void {
    if (peer.options.kind === "video")
      this.link = peer.hasFailed ? "failed" : peer.isConnected ? "connected" : "connecting";
    else if (peer.hasFailed && !peer.sends) this.screen = null;
  }

  /** Shows a reaction for some seconds. */
  react(reaction: string): void {
    this.reaction = reaction;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.reaction = ""), REACTION_SHOWN_FOR);
  }

  /** Notes what the client of this session tells all over the signaling. */
  hear({ type, payload: given }: Signal): void {
    const payload = (given ?? {}) as Record<string, unknown>;
    if (type === "mute" || type === "unmute") {
      const source = payload["name"] === "video" ? "video" : "audio";
      this.note(`${source}${type === "mute" ? "Off" : "On"}`, null);
    } else if (type === "raiseHand") {
      this.hand = payload["state"] === true ? handTime(payload["timestamp"]) : 0;
    } else if (type === "reaction") {
      const known = session.capabilities.spreed.config.call["supported-reactions"];
      const reaction = known.find((each) => each === payload["reaction"]);
      if (reaction !== undefined) this.react(reaction);
    } else if (type === "nickChanged") {
      this.note("nickChanged", payload);
    }
  }

  /** Notes what the client of this session tells about its media. Only guests choose their names. */
  note(type: string, payload: unknown): void {
    if (type === "audioOn") this.isMuted = false;
    else if (type === "audioOff") this.isMuted = true;
    else if (type === "videoOn") this.isCameraOff = false;
    else if (type === "videoOff") this.isCameraOff = true;
    else if (type === "nickChanged" && this.user === null) this.name = nameIn(payload) || this.name;
  }
}

function nameIn(payload: unknown): string {
  if (typeof payload === "string") return payload;
  const name = typeof payload === "object" && payload !== null && "name" in payload ? payload.name : "";
  return typeof name === "string" ? name : "";
}
