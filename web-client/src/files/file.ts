/** Files in messages: what the API says about them, how they are shown, and where they are. */

import { SvelteSet } from "svelte/reactivity";
import { ROOT, type Message } from "../core/api";
import { parametersOf } from "../chat/markdown";

export interface SharedFile {
  id: string;
  name: string;
  /** Bytes. */
  size: number;
  mimetype: string;
  hasPreview: boolean;
  /** Pixels, or 0 if they are not known. */
  width: number;
  height: number;
  blurhash: string;
  /** Seconds, or 0 if they are not known. */
  duration: number;
  /** Whether the reader may keep it. */
  canDownload: boolean;
}
export type Kind = "picture" | "film" | "sound" | "voice" | "other";

/** The text of a message that has a file and no caption. */
export const NO_CAPTION = "{file}";
/** Characters that turn the direction of what follows. With one, `photo_gpj.exe` would look like `photo_exe.jpg`. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/gu;
const WIDEST = 320;
const HIGHEST = 280;
const NARROWEST = 96;
const HIGH_CARD = 58;
/** Widths of previews that are asked for, so that the server makes few, and browsers keep them. */
const PREVIEWS = [256, 512, 1024, 2048, 4096];
const LARGEST = 4096;

/** Returns the file of a message. */
export function fileIn(message: Message): SharedFile | undefined {
  const found = parametersOf(message)["file"];
  if (found?.type !== "file" || message.systemMessage !== "" || message.messageType === "comment_deleted")
    return undefined;
  return {
    id: found.id,
    name: found.name.replaceAll(DIRECTIONS, "\ufffd"),
    size: Number(found["size"] ?? 0),
    mimetype: (found["mimetype"] ?? "").toLowerCase(),
    hasPreview: found["preview-available"] === "yes",
    width: Number(found["width"] ?? 0),
    height: Number(found["height"] ?? 0),
    blurhash: found["blurhash"] ?? "",
    duration: Number(found["duration"] ?? 0) / 1000,
    canDownload: found["hide-download"] !== "yes",
  };
}

/** The ids of sounds, films and pictures that this browser cannot show. Cards take their places. */
export const unplayable = new SvelteSet<string>();

/** Returns how a file is shown. */
export function kindOf(file: SharedFile, message: Message): Kind {
  if (unplayable.has(file.id)) return "other";
  if (message.messageType === "voice-message") return "voice";
  if (file.mimetype.startsWith("image/") && file.hasPreview) return "picture";
  if (file.mimetype.startsWith("video/")) return "film";
  return file.mimetype.startsWith("audio/") ? "sound" : "other";
}

/** Returns the size of a file in a list of messages in pixels, which is known before it is loaded. */
export function boxOf(file: SharedFile, kind: Kind): { width: number; height: number } {
  if (kind !== "picture" && kind !== "film") return { width: WIDEST, height: HIGH_CARD };
  if (!(file.width > 0 && file.height > 0)) return { width: WIDEST, height: (WIDEST * 9) / 16 };
  const scale = Math.min(1, WIDEST / file.width, HIGHEST / file.height);
  const least = kind === "film" ? WIDEST * 0.75 : NARROWEST; // the buttons of a player need space
  return {
    width: Math.round(Math.max(least, file.width * scale)),
    height: Math.round(Math.max(NARROWEST, file.height * scale)),
  };
}

/** Returns the address of a preview for a box, in pixels of the page. The preview covers it, or fits into it. */
export function previewOf(file: SharedFile, width: number, height: number, fit: "cover" | "contain" = "cover"): string {
  const side = PREVIEWS.find((each) => each >= neededOf(file, width, height, fit) * devicePixelRatio) ?? LARGEST;
  const query = new URLSearchParams({ fileId: file.id, x: String(side), y: String(side), a: "1" });
  return `${ROOT}/index.php/core/preview?${query}`;
}

/** Returns how long the longer side of a preview should be. That of a panorama is far longer than the box it covers. */
function neededOf(file: SharedFile, width: number, height: number, fit: "cover" | "contain"): number {
  if (!(file.width > 0 && file.height > 0)) return Math.max(width, height);
  const scales = [width / file.width, height / file.height];
  const scale = fit === "cover" ? Math.max(...scales) : Math.min(...scales);
  return Math.max(file.width, file.height) * Math.min(1, scale);
}

/** Returns the address of the file itself. */
export function addressOf(file: SharedFile): string {
  return `${ROOT}/f/${encodeURIComponent(file.id)}?download=1`;
}
