/** What users do with a room in their list. All throw `Refused`. */

import { ROOT, talk, type Room } from "../core/api";
import { RoomType } from "../core/constants";
import { t } from "../core/i18n.svelte";
import { router } from "../core/router.svelte";
import { toasts } from "../ui/toasts.svelte";
import { rooms } from "./rooms.svelte";

/** What ends a room for somebody. Each is asked about before. */
export type RoomEnd = "leave" | "delete" | "clear";

const MARKS = {
  favorite: "isFavorite",
  archive: "isArchived",
  important: "isImportant",
  sensitive: "isSensitive",
} as const;

/** Shows a room, or one of its messages. */
export function openRoom(token: string, message: number | null = null): void {
  router.go({ view: "room", token, message });
}

/** Shows the room of two users, which is created if it is missing. */
export async function openOneToOne(user: string): Promise<void> {
  const room = await talk.post("v4/room", { body: { roomType: RoomType.oneToOne, invite: user } });
  rooms.set(room);
  openRoom(room.token);
}

/** Shows the user's room for notes. */
export async function openNoteToSelf(): Promise<void> {
  const room = await talk.get("v4/room/note-to-self", {});
  rooms.set(room);
  openRoom(room.token);
}

/** Returns the address under which people join a room. */
export function linkTo(token: string): string {
  return `${location.origin}${ROOT}/call/${token}`;
}

export async function copyLink(token: string): Promise<void> {
  await navigator.clipboard.writeText(linkTo(token));
  toasts.show(t("rooms.link.copied"));
}

/** Marks all messages of a room as read, or the newest one as unread. */
export async function setRead(room: Room, isRead: boolean): Promise<void> {
  const path = { token: room.token };
  if (isRead) {
    rooms.change(room.token, { unreadMessages: 0, unreadMention: false, unreadMentionDirect: false });
    await talk.post("v1/chat/{token}/read", { path, body: {} });
  } else {
    await talk.delete("v1/chat/{token}/read", { path });
  }
  await rooms.refresh();
}

function forget(room: Room): void {
  rooms.byToken.delete(room.token);
  if (router.place.view === "room" && router.place.token === room.token) router.replace({ view: "home" });
}

/** Turns a mark of the user on a room on or off. It is shown before the server has it. */
export async function setMark(room: Room, mark: keyof typeof MARKS, isOn: boolean): Promise<void> {
  const path = { token: room.token };
  const field = MARKS[mark];
  rooms.change(room.token, { [field]: isOn });
  try {
    rooms.set(
      isOn
        ? await talk.post(`v4/room/{token}/${mark}`, { path })
        : await talk.delete(`v4/room/{token}/${mark}`, { path }),
    );
  } catch (error) {
    rooms.change(room.token, { [field]: !isOn });
    throw error;
  }
}

/** Sets which messages of a room notify the user. */
export async function setLevel(room: Room, level: number): Promise<void> {
  rooms.set(await talk.post("v4/room/{token}/notify", { path: { token: room.token }, body: { level } }));
}

/** Leaves a room for good. */
export async function leaveRoom(room: Room): Promise<void> {
  await talk.delete("v4/room/{token}/participants/self", { path: { token: room.token } });
  forget(room);
}

/** Deletes a room for everybody. */
export async function deleteRoom(room: Room): Promise<void> {
  await talk.delete("v4/room/{token}", { path: { token: room.token } });
  forget(room);
}
