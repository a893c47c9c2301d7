"""Attendees as JSON."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET, UnsetType

from talkd.conversation.participant import Attendee, AttendeeList, Participant, Session, permissions_of
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import USERS


class ParticipantView(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attendee."""

    roomToken: str
    inCall: int
    lastPing: int
    sessionIds: list[str]
    participantType: int
    attendeeId: int
    actorId: str
    actorType: str
    displayName: str
    permissions: int
    attendeePermissions: int
    attendeePin: str
    phoneNumber: str
    callId: str
    invitedActorId: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET
    statusClearAt: int | UnsetType | None = UNSET


def participants(
    room: Room,
    attendees: Iterable[Attendee],
    sessions: Iterable[Session],
    *,
    viewer: Participant,
    online: set[str] | None = None,
) -> list[ParticipantView]:
    """Show the attendees and sessions of a room, with the fields that the viewer may see.

    `online`: the ids of the users who are online, or None to show no statuses.
    """
    by_attendee: dict[int, list[Session]] = {}
    for session in sessions:
        by_attendee.setdefault(session.attendee_id, []).append(session)
    return [_participant(room, attendee, by_attendee.get(attendee.id, []), viewer, online) for attendee in attendees]


def all_participants(found: AttendeeList, *, viewer: Participant) -> list[ParticipantView]:
    """Show the attendees and sessions of all rooms in the list, with the fields that the viewer may see."""
    return [
        shown
        for room, attendees, sessions in found.rooms
        for shown in participants(room, attendees, sessions, viewer=viewer, online=found.online)
    ]


def _participant(
    room: Room, attendee: Attendee, sessions: list[Session], viewer: Participant, online: set[str] | None
) -> ParticipantView:
    in_call = 0
    for_moderator = viewer.is_moderator
    has_status = online is not None and attendee.actor_type == USERS
    for session in sessions:
        in_call |= session.in_call
    return ParticipantView(
        roomToken=room.token,
        inCall=in_call,
        lastPing=clock.date_of(max((session.last_ping for session in sessions), default=0)),
        sessionIds=[session.session_id for session in sessions],
        participantType=attendee.type,
        attendeeId=attendee.id,
        actorId=attendee.actor_id,
        actorType=attendee.actor_type,
        displayName=attendee.display_name,
        permissions=permissions_of(room, attendee),
        attendeePermissions=attendee.permissions,
        attendeePin=attendee.pin if for_moderator else "",
        phoneNumber=attendee.phone_number if for_moderator else "",
        callId=attendee.call_id if for_moderator else "",
        invitedActorId=attendee.invited_address if viewer.can_see_addresses and attendee.invited_address else UNSET,
        status=status_of(attendee.actor_id, online) if has_status else UNSET,
        statusIcon=None if has_status else UNSET,
        statusMessage=None if has_status else UNSET,
        statusClearAt=None if has_status else UNSET,
    )


def status_of(user_id: str, online: set[str] | None) -> str:
    """Return "online" for a user among `online`, else "offline"."""
    return "online" if online and user_id in online else "offline"
