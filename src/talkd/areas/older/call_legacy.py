"""Calls and signaling in API v1, v2 and v3: pure functions from and to the requests, answers and errors of v4."""

from typing import Any

import msgspec

from talkd.areas.calls.routes import JoinParams, LeaveParams
from talkd.areas.calls.view import PeerView
from talkd.core import ids
from talkd.core.actor import USERS
from talkd.core.errors import Forbidden, Invalid, TalkError
from talkd.web.params import NoParams

Settings = dict[str, Any]


class OldJoinParams(msgspec.Struct, frozen=True):
    """Call flags of the joining session; null, as clients of 2018 send, for all of them."""

    flags: int | None = None


class OldPeer(msgspec.Struct, frozen=True):
    """A session in a call; `userId` is empty for guests."""

    userId: str
    lastPing: int
    sessionId: str


class PeerV3(msgspec.Struct, frozen=True):
    """A session in a call, with its actor."""

    actorType: str
    actorId: str
    displayName: str
    lastPing: int
    sessionId: str


def read_join(params: OldJoinParams) -> JoinParams:
    """Return the parameters of v4, without its options to join silently and to consent to recording."""
    return JoinParams(flags=params.flags)


def read_leave(_: NoParams) -> LeaveParams:
    """Return the parameters of v4 for leaving without ending the call for everyone."""
    return LeaveParams()


def not_joined(error: TalkError) -> TalkError:
    """Answer 403 for reasons that are 400 in v4, because older clients know only 403 (docs/api/call-api-v1-2019.md)."""
    if isinstance(error, Invalid) and error.reason in ("type", "consent"):
        return Forbidden(error.reason)
    return error


def old_peers(peers: list[PeerView]) -> list[OldPeer]:
    """Return the sessions in a call in API v1 and v2."""
    return [OldPeer(each.actorId if each.actorType == USERS else "", each.lastPing, each.sessionId) for each in peers]


def peers_v3(peers: list[PeerView]) -> list[PeerV3]:
    """Return the sessions in a call in API v3."""
    return [PeerV3(each.actorType, each.actorId, each.displayName, each.lastPing, each.sessionId) for each in peers]


# --- signaling ----------------------------------------------------------------------------------
def settings_v1(today: Settings) -> Settings:
    """Return the settings of v1, with one STUN and one TURN server chosen at random: its clients use only one."""
    known = ("signalingMode", "userId", "hideWarning", "server", "ticket")
    stun = [url for entry in today["stunservers"] for url in entry["urls"]]
    return {
        **{name: today[name] for name in known},
        "stunservers": [{"url": url, "urls": [url]} for url in _any(stun)],
        "turnservers": [{"url": entry["urls"][0], **entry} for entry in _any(today["turnservers"]) if entry["urls"]],
    }


def settings_v2(today: Settings) -> Settings:
    """Return the settings of v2: those of v1 and how to dial in by phone."""
    return {**settings_v1(today), "sipDialinInfo": today["sipDialinInfo"]}


def _any(entries: list[Any]) -> list[Any]:
    """Return a list with one of the entries, or an empty list if there are none."""
    return [ids.source.choice(entries)] if entries else []
