/** Numbers of the API (docs/api/overview.md). */

export const RoomType = { oneToOne: 1, group: 2, public: 3, changelog: 4, formerOneToOne: 5, noteToSelf: 6 } as const;

export const ParticipantType = {
  owner: 1,
  moderator: 2,
  user: 3,
  guest: 4,
  invitedGuest: 5,
  guestModerator: 6,
} as const;

export const Permission = {
  custom: 1,
  startCall: 2,
  joinCall: 4,
  ignoreLobby: 8,
  publishAudio: 16,
  publishVideo: 32,
  publishScreen: 64,
  chat: 128,
} as const;

/** The permissions of members where a room has no default of its own. */
export const MEMBER_PERMISSIONS =
  Permission.startCall |
  Permission.joinCall |
  Permission.publishAudio |
  Permission.publishVideo |
  Permission.publishScreen |
  Permission.chat;

export const NotificationLevel = { default: 0, always: 1, mention: 2, never: 3 } as const;

export const Listable = { nobody: 0, users: 1, everybody: 2 } as const;

export const InCall = { disconnected: 0, inCall: 1, audio: 2, video: 4, phone: 8 } as const;

/** Whether a call is recorded: `callRecording` of a room. */
export const Recording = { none: 0, video: 1, audio: 2, videoStarting: 3, audioStarting: 4, failed: 5 } as const;

/** Returns whether a type of participant may moderate. */
export function isModerator(type: number): boolean {
  return (
    type === ParticipantType.owner || type === ParticipantType.moderator || type === ParticipantType.guestModerator
  );
}
