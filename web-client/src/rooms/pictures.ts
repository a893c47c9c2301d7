/** Pictures of rooms: an emoji on a colour, or a file. All throw `Refused`. */

import { talk } from "../core/api";
import { rooms } from "./rooms.svelte";

const EMOJI =
  /^(\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{Regional_Indicator}{2}|[#*\d]\ufe0f?\u20e3)/u;

/** `color` is written as `#0b6e8a`. */
export type Picture = { emoji: string; color: string } | { file: File };

/** Returns the emoji at the start of a name, which is the picture of a room without another one, or an empty text. */
export function emojiOf(name: string): string {
  const [first] = new Intl.Segmenter().segment(name.trim());
  return first && EMOJI.test(first.segment) ? first.segment : "";
}

/** Returns an emoji and its background as the API wants them. */
export function emojiBody(picture: { emoji: string; color: string }): { emoji: string; color: string } {
  return { emoji: picture.emoji, color: picture.color.replace("#", "") };
}

/** Sets the picture of a room. */
export async function setPicture(token: string, picture: Picture): Promise<void> {
  const path = { token };
  if ("emoji" in picture) {
    rooms.set(await talk.post("v1/room/{token}/avatar/emoji", { path, body: emojiBody(picture) }));
    return;
  }
  const body = new FormData();
  body.append("file", picture.file);
  rooms.set(await talk.post("v1/room/{token}/avatar", { path, body }));
}

/** Removes the picture of a room, which then shows the ordinary one. */
export async function removePicture(token: string): Promise<void> {
  rooms.set(await talk.delete("v1/room/{token}/avatar", { path: { token } }));
}
