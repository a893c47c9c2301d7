/** What a participant may do with another one. The server decides; these rules say what to offer. */

import type { Participant, Room } from "../core/api";
import { isModerator, ParticipantType, RoomType } from "../core/constants";

export type PersonAction = "promote" | "demote" | "permissions" | "resend" | "remove" | "ban";

const PEOPLE = ["users", "guests", "emails"];

/** Returns whether the room has several people whose roles can be managed. */
export function isShared(room: Room): boolean {
  return room.type === RoomType.group || room.type === RoomType.public;
}

/** Returns whether the caller may change the room and its people. */
export function canManage(room: Room): boolean {
  return isShared(room) && isModerator(room.participantType);
}

/** Returns whether the caller may add people, which guests may not. */
export function canAdd(room: Room): boolean {
  return canManage(room) && room.actorType === "users";
}

/** Returns what the caller may do with a participant. */
export function actionsFor(room: Room, person: Participant): PersonAction[] {
  if (!canManage(room) || person.attendeeId === room.attendeeId) return [];
  if (person.participantType === ParticipantType.owner) return [];
  if (isModerator(person.participantType)) return ["demote", "remove"];
  if (!PEOPLE.includes(person.actorType)) return ["remove"];
  const actions: PersonAction[] = ["promote", "permissions"];
  if (person.actorType === "emails" && room.actorType === "users") actions.push("resend");
  actions.push("remove");
  if (room.actorType === "users") actions.push("ban");
  return actions;
}

/** Returns whether the participant has an open session, or is in the call by telephone. */
export function isOnline(person: Participant): boolean {
  return person.sessionIds.length > 0;
}

/** Returns the participants whose name matches: moderators first, then who is here, then by name. */
export function arranged(people: readonly Participant[], matches: (name: string) => boolean): Participant[] {
  return people
    .filter((each) => matches(each.displayName))
    .sort(
      (a, b) =>
        rank(a) - rank(b) ||
        Number(isOnline(b)) - Number(isOnline(a)) ||
        a.displayName.localeCompare(b.displayName) ||
        a.attendeeId - b.attendeeId,
    );
}

function rank(person: Participant): number {
  if (person.participantType === ParticipantType.owner) return 0;
  if (isModerator(person.participantType)) return 1;
  return PEOPLE.includes(person.actorType) ? 2 : 3;
}
