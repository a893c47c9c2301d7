/** Which calls ring. The server notifies those who want to know of a call, and takes it back when they have answered. */

import type { Room } from "../core/api";

/** A notification about a call. */
export interface CallNotice {
  notification_id: number;
  object_id: string;
}

/** Returns the rooms whose running calls the user was notified of, each once with the newest notification. */
export function ringing(
  notices: readonly CallNotice[],
  rooms: ReadonlyMap<string, Room>,
): { id: number; room: Room }[] {
  const newest = new Map<string, number>();
  for (const { object_id: token, notification_id: id } of notices)
    newest.set(token, Math.max(id, newest.get(token) ?? 0));
  return [...newest].flatMap(([token, id]) => {
    const room = rooms.get(token);
    return room?.hasCall === true ? [{ id, room }] : []; // an ended call leaves a notification that it was missed
  });
}
