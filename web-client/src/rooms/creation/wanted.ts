/** A room that is about to be created, as its form has it. */

import type { Room } from "../../core/api";
import { MEMBER_PERMISSIONS, Permission, RoomType } from "../../core/constants";
import type { Found } from "../../people/finding";
import { emojiBody, type Picture } from "../pictures";
import { secondsOf } from "../times";

export interface Wanted {
  name: string;
  description: string;
  isPublic: boolean;
  password: string;
  picture: Picture | null;
  people: Found[];
  isListed: boolean;
  hasLobby: boolean;
  /** When the lobby opens, as a field of the type `datetime-local` has it. */
  lobbyTimer: string;
  expiration: number;
  isLocked: boolean;
  canMentionAll: boolean;
  asksForConsent: boolean;
  permissions: number;
}

export function nothingWanted(): Wanted {
  return {
    name: "",
    description: "",
    isPublic: false,
    password: "",
    picture: null,
    people: [],
    isListed: false,
    hasLobby: false,
    lobbyTimer: "",
    expiration: 0,
    isLocked: false,
    canMentionAll: true,
    asksForConsent: false,
    permissions: MEMBER_PERMISSIONS,
  };
}

/** Returns what is sent to create the room. A picture from a file is sent afterwards. */
export function creationOf(wanted: Wanted) {
  const { picture, people } = wanted;
  const emoji = picture && "emoji" in picture ? emojiBody(picture) : null;
  const participants: Record<string, string[]> = {};
  for (const { source, id } of people) (participants[source] ??= []).push(id);
  return {
    roomType: wanted.isPublic ? RoomType.public : RoomType.group,
    roomName: wanted.name.trim(),
    description: wanted.description.trim(),
    password: wanted.isPublic ? wanted.password : "",
    listable: Number(wanted.isListed),
    lobbyState: Number(wanted.hasLobby),
    lobbyTimer: wanted.hasLobby ? secondsOf(wanted.lobbyTimer) : 0,
    messageExpiration: wanted.expiration,
    readOnly: Number(wanted.isLocked),
    mentionPermissions: wanted.canMentionAll ? 0 : 1,
    recordingConsent: Number(wanted.asksForConsent),
    permissions: wanted.permissions === MEMBER_PERMISSIONS ? 0 : wanted.permissions | Permission.custom,
    participants,
    ...(emoji ? { emoji: emoji.emoji, avatarColor: emoji.color } : {}),
  };
}

/** Returns the people who could not be added to a new room. */
export function missedIn(room: Room): string[] {
  return Object.values(room.invalidParticipants ?? {}).flat();
}
