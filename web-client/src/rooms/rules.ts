/** What a room is, and what may be done with it. The server decides; these rules say what to offer. */

import type { Room } from "../core/api";
import { isModerator, RoomType } from "../core/constants";

/** Returns whether the room is one of the breakout rooms of another room, whose settings it has. */
export function isBreakoutRoom(room: Room): boolean {
  return room.objectType === "room";
}

/** Returns whether the caller may let messages expire. */
export function canExpire(room: Room): boolean {
  const isOpen = room.type !== RoomType.changelog && room.type !== RoomType.formerOneToOne;
  return isOpen && isModerator(room.participantType) && !isBreakoutRoom(room);
}
