"""Calls as API v1–v3 knew them: before v3 by user id."""

import msgspec

from talkd.areas.calls.routes import JoinParams, LeaveParams
from talkd.areas.calls.view import PeerView
from talkd.core.actor import USERS
from talkd.core.errors import Forbidden, Invalid, TalkError
from talkd.web.params import NoParams


class OldJoinParams(msgspec.Struct, frozen=True):
    """What a device brings to the call; null, as in 2018, for everything."""

    flags: int | None = None


class OldPeer(msgspec.Struct, frozen=True):
    """A device in a call; `userId` is empty for guests."""

    userId: str
    lastPing: int
    sessionId: str


class PeerV3(msgspec.Struct, frozen=True):
    """A device in a call, with whose it is."""

    actorType: str
    actorId: str
    displayName: str
    lastPing: int
    sessionId: str


def read_join(given: OldJoinParams) -> JoinParams:
    """Who joined then could neither be silent nor agree to being recorded."""
    return JoinParams(flags=given.flags)


def read_leave(_: NoParams) -> LeaveParams:
    """Who left then did so alone."""
    return LeaveParams()


def not_joined(refused: TalkError) -> TalkError:
    """Only 403, 404 and 412 are known (seed 2019, lines 98 to 102): a rule that came later refuses with 403."""
    if isinstance(refused, Invalid) and refused.reason in ("type", "consent"):
        return Forbidden(refused.reason)
    return refused


def old_peers(shown: list[PeerView]) -> list[OldPeer]:
    """All devices in a call."""
    return [OldPeer(each.actorId if each.actorType == USERS else "", each.lastPing, each.sessionId) for each in shown]


def peers_v3(shown: list[PeerView]) -> list[PeerV3]:
    """All devices in a call."""
    return [PeerV3(each.actorType, each.actorId, each.displayName, each.lastPing, each.sessionId) for each in shown]
