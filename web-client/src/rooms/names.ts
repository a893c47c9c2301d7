/** The names of rooms and authors. Those that the server gives are English; they are shown in the reader's language. */

import type { Message, Room } from "../core/api";
import { RoomType } from "../core/constants";
import { t } from "../core/i18n.svelte";

const NOTE = { name: "Note to self", description: "A place for your private notes, thoughts and ideas" };

/** Returns the name of a room as it is shown. A note to self may have been renamed by its user. */
export function nameOf({ type, displayName }: Pick<Room, "type" | "displayName">): string {
  if (type === RoomType.changelog) return t("rooms.updates");
  return type === RoomType.noteToSelf && displayName === NOTE.name ? t("rooms.note") : displayName;
}

/** Returns the description of a room as it is shown. */
export function descriptionOf({ type, description }: Pick<Room, "type" | "description">): string {
  return type === RoomType.noteToSelf && description === NOTE.description ? t("rooms.note.text") : description;
}

/** Returns the name of a message's author as it is shown. */
export function authorOf(message: Pick<Message, "actorType" | "actorId" | "actorDisplayName">): string {
  if (message.actorType === "bots" && message.actorId === "changelog") return t("rooms.updates");
  return message.actorDisplayName || t("guest");
}
