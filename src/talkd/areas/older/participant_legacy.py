"""Attendees as API v1–v3 knew them: with one device each, and before v3 by user id."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.participants.view import ParticipantView
from talkd.conversation.participant import Attendee
from talkd.core.actor import USERS
from talkd.core.constants import ParticipantType
from talkd.core.errors import Forbidden, Invalid, NotFound, PreconditionFailed, TalkError

NOT_JOINED = "0"
"""The session id of who has the conversation open nowhere."""


class PersonV1(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody in a conversation; `userId` is empty for guests."""

    userId: str
    displayName: str
    participantType: int
    lastPing: int
    sessionId: str
    inCall: int


class PersonV2(PersonV1, frozen=True, omit_defaults=True):
    """The same with the status, where it was asked for."""

    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET


class PersonV3(msgspec.Struct, frozen=True, omit_defaults=True):
    """An attendee of whatever kind."""

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


def people_v1(shown: list[ParticipantView]) -> list[PersonV1]:
    """Users, and whoever is here without an account; groups and who has not come yet had no place in the list."""
    return [PersonV1(*_by_user_id(each)) for each in shown if _has_place(each)]


def people_v2(shown: list[ParticipantView]) -> list[PersonV2]:
    """As in v1, with statuses."""
    return [PersonV2(*_by_user_id(each), *_status(each)) for each in shown if _has_place(each)]


def people_v3(shown: list[ParticipantView]) -> list[PersonV3]:
    """Everybody."""
    return [
        PersonV3(
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


def _has_place(each: ParticipantView) -> bool:
    return each.actorType == USERS or bool(each.sessionIds)


def _by_user_id(each: ParticipantView) -> tuple[str, str, int, int, str, int]:
    user_id = each.actorId if each.actorType == USERS else ""
    return user_id, each.displayName, each.participantType, each.lastPing, _session_id(each), each.inCall


def _session_id(each: ParticipantView) -> str:
    """Of several devices the one that came last."""
    return each.sessionIds[-1] if each.sessionIds else NOT_JOINED


def _status(each: ParticipantView) -> tuple[str | UnsetType, str | UnsetType | None, str | UnsetType | None]:
    return each.status, each.statusIcon, each.statusMessage


def new_type(data: dict[str, int] | list[Any]) -> dict[str, str] | list[Any]:
    """What adding somebody made of the conversation; v1 wrote the number as a text."""
    return {"type": str(data["type"])} if isinstance(data, dict) else data


def not_added(refused: TalkError) -> TalkError:
    """Only 403 and 404 are known: 404 for what names nobody, and 403 with today's reason for every other rule."""
    if not isinstance(refused, Invalid):
        return refused
    if refused.reason in ("new-participant", "newParticipant"):
        return NotFound("new-participant")
    return Forbidden(refused.reason)


def not_removed(refused: TalkError) -> TalkError:
    """Only 403 and 404 are known: 403 when the last moderator of a room without owner removes themselves."""
    return Forbidden(refused.reason) if isinstance(refused, Invalid) else refused


def require_removable(attendee: Attendee) -> None:
    """Raises Forbidden for an owner, also when owners name themselves (seed 2018, line 263).

    Both users of a one-to-one are owners.
    """
    if attendee.type == ParticipantType.OWNER:
        raise Forbidden("owner")


def require_promotable(attendee: Attendee) -> None:
    """Raises Forbidden for an owner and PreconditionFailed for who is no plain member or guest."""
    if attendee.type == ParticipantType.OWNER:
        raise Forbidden
    if attendee.type not in (ParticipantType.USER, ParticipantType.GUEST):
        raise PreconditionFailed


def require_demotable(attendee: Attendee) -> None:
    """Raises PreconditionFailed for who is no moderator, or more than one."""
    if attendee.type not in (ParticipantType.MODERATOR, ParticipantType.GUEST_MODERATOR):
        raise PreconditionFailed
