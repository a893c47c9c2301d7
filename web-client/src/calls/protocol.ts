/** The rules by which the clients of a call find each other (docs/api/signaling.md). */

import { InCall } from "../core/constants";

/** What a connection carries: the camera and microphone of a session, or its screen. */
export type Kind = "video" | "screen";

/** The bits of a call flag that say that a session sends something. */
export const MEDIA = InCall.audio | InCall.video;

/** Returns whether a session offers its camera and microphone to another one. Of two that both send, only one does. */
export function isOurOffer(mine: { id: string; flags: number }, theirs: { id: string; flags: number }): boolean {
  if ((mine.flags & MEDIA) === 0) return false;
  return (theirs.flags & MEDIA) === 0 || theirs.id < mine.id;
}

/** Returns whether the media of a session go through the gateway. Those who poll connect to each one directly. */
export function goesThroughGateway(id: string): boolean {
  return !/^[-~]/.test(id);
}

const LONGEST_HAND = 12 * 3_600_000; // milliseconds for which a hand may have been up
const CLOCK_ERROR = 60_000;

/** Returns the flags of a session that sends these media. */
export function flagsOf(sends: { audio: boolean; video: boolean }): number {
  return InCall.inCall | (sends.audio ? InCall.audio : 0) | (sends.video ? InCall.video : 0);
}

/** A layer of a camera's picture: a quarter, half or all of its width. */
export type Layer = 0 | 1 | 2;

/** The layers in which a camera is sent to the gateway, which passes on to each receiver the one that fits. */
export const LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "h", maxBitrate: 900_000 },
  { rid: "m", maxBitrate: 300_000, scaleResolutionDownBy: 2 },
  { rid: "l", maxBitrate: 100_000, scaleResolutionDownBy: 4 },
];

/** Returns the layer that looks sharp at a width in pixels of the screen. */
export function layerFor(width: number): Layer {
  if (width <= 360) return 0;
  return width <= 720 ? 1 : 2;
}

/** Returns the number of columns in which tiles of 16:9 are largest in an area. */
export function columnsFor(tiles: number, width: number, height: number): number {
  let [best, largest] = [1, 0];
  for (let columns = 1; columns <= tiles; columns++) {
    const rows = Math.ceil(tiles / columns);
    const size = Math.min(width / columns, (height / rows) * (16 / 9));
    if (size > largest) [best, largest] = [columns, size];
  }
  return best;
}

/** Returns when a hand was raised, in milliseconds: as its owner tells, or now if that cannot be true. */
export function handTime(told: unknown): number {
  const now = Date.now();
  const isPossible = typeof told === "number" && told > now - LONGEST_HAND && told < now + CLOCK_ERROR;
  return isPossible ? told : now;
}

/** Returns a duration as `4:05` or `1:04:05`. */
export function durationText(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((each, index) => (index === 0 ? String(each) : String(each).padStart(2, "0"))).join(":");
}
