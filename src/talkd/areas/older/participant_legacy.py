"""Participants in API v1, v2 and v3. Each has one session only; v1 and v2 identify users by user id."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.participants.view import ParticipantView
from talkd.core.actor import USERS
from talkd.core.errors import Forbidden, Invalid, NotFound, TalkError

NOT_JOINED = "0"
"""The session id of attendees without a session."""


class ParticipantV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attendee in API v1; `userId` is empty for guests."""

    userId: str
    displayName: str
    participantType: int
    lastPing: int
    sessionId: str
    inCall: int


class ParticipantV2(ParticipantV1, frozen=True, omit_defaults=True):
    """An attendee in API v2, with their status if it was requested."""

    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET


class ParticipantV3(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attendee of any kind in API v3."""

    attendeeId: int
    actorType: str
    actorId: str
    displayName: str
    participantType: int
    lastPing: int
    sessionId: str
    inCall: int
    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET


def participants_v1(shown: list[ParticipantView]) -> list[ParticipantV1]:
    """Return all users, and the other attendees who have a session. API v1 lists no others."""
    return [ParticipantV1(*_by_user_id(each)) for each in shown if _is_listed(each)]


def participants_v2(shown: list[ParticipantView]) -> list[ParticipantV2]:
    """Return the attendees that v1 lists, with their statuses."""
    return [ParticipantV2(*_by_user_id(each), *_status(each)) for each in shown if _is_listed(each)]


def participants_v3(shown: list[ParticipantView]) -> list[ParticipantV3]:
    """Return all attendees."""
    return [
        ParticipantV3(
            each.attendeeId,
            each.actorType,
            each.actorId,
            each.displayName,
            each.participantType,
            each.lastPing,
            _session_id(each),
            each.inCall,
            *_status(each),
        )
        for each in shown
    ]


def _is_listed(each: ParticipantView) -> bool:
    return each.actorType == USERS or bool(each.sessionIds)


def _by_user_id(each: ParticipantView) -> tuple[str, str, int, int, str, int]:
    user_id = each.actorId if each.actorType == USERS else ""
    return user_id, each.displayName, each.participantType, each.lastPing, _session_id(each), each.inCall


def _session_id(each: ParticipantView) -> str:
    """Return the newest session of an attendee."""
    return each.sessionIds[-1] if each.sessionIds else NOT_JOINED


def _status(each: ParticipantView) -> tuple[str | UnsetType, str | UnsetType | None, str | UnsetType | None]:
    return each.status, each.statusIcon, each.statusMessage


def new_type(data: dict[str, int] | list[Any]) -> dict[str, str] | list[Any]:
    """Return the type that the room got, as a string in v1."""
    return {"type": str(data["type"])} if isinstance(data, dict) else data


def not_added(error: TalkError) -> TalkError:
    """Answer 404 if the participant to add does not exist, else 403. These versions have no other errors."""
    if not isinstance(error, Invalid):
        return error
    if error.reason in ("new-participant", "newParticipant"):
        return NotFound("new-participant")
    return Forbidden(error.reason)


def not_removed(error: TalkError) -> TalkError:
    """Answer 403 if the last moderator of a room without owner removes themselves. These versions know no 400."""
    return Forbidden(error.reason) if isinstance(error, Invalid) else error
