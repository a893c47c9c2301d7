"""What external signaling servers ask: who a client is, whether it may join a room, and which sessions are alive."""

from collections.abc import Mapping
from typing import Any

import msgspec

from talkd.areas.sessions import bridge_service as bridge
from talkd.areas.sessions import service as sessions
from talkd.areas.signaling import identity_service as identities
from talkd.conversation.participant import Participant
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import USERS, Actor
from talkd.core.constants import Permission
from talkd.core.errors import Invalid
from talkd.signaling.properties import properties
from talkd.storage.database import Tx

VERSION = "1.0"
Answer = Mapping[str, Any]


class Ticket(msgspec.Struct, frozen=True):
    """The proof of a client that the server passes on."""

    userid: str | None = None
    ticket: str = ""


class AuthRequest(msgspec.Struct, frozen=True):
    """The question who a client is."""

    params: Ticket


class RoomRequest(msgspec.Struct, frozen=True):
    """The report that a client joins (`action` is "join") or leaves ("leave") a room."""

    roomid: str
    userid: str = ""
    sessionid: str = ""
    action: str = "join"
    actortype: str = ""
    actorid: str = ""
    """The attendee without a client whom a telephone bridge brings, with flags in the call; else empty."""
    incall: int | None = None

    @property
    def is_virtual(self) -> bool:
        """Return True if a telephone bridge brings an attendee."""
        return bool(self.actortype and self.actorid)


class Alive(msgspec.Struct, frozen=True):
    """A session whose client is connected to the server. The id is "0" if it has none in talkd."""

    sessionid: str = "0"


class PingRequest(msgspec.Struct, frozen=True):
    """The report that sessions are alive."""

    entries: list[Alive] = []


class Request(msgspec.Struct, frozen=True):
    """A request of a server: the part that `type` names is set."""

    type: str
    auth: AuthRequest | None = None
    room: RoomRequest | None = None
    ping: PingRequest | None = None


async def identify(tx: Tx, talk: TalkSettings, given: AuthRequest) -> Answer:
    """Return who the client is, or the error `no_such_user` or `invalid_ticket`."""
    try:
        found = await identities.check_ticket(tx, talk, given.params.userid or "", given.params.ticket)
    except Invalid as error:
        return refusal(error.reason or "invalid_ticket", "The ticket is not valid.")
    answer: dict[str, Any] = {"version": VERSION}
    if found.user_id is not None:
        answer |= {"userid": found.user_id, "user": {"displayname": found.display_name}}
    return {"type": "auth", "auth": answer}


async def join(tx: Tx, given: RoomRequest) -> Answer:
    """Return the properties of a room, and what the session may do there; or the error `no_such_room`."""
    me = await identities.find_joined(tx, given.roomid, given.sessionid, given.userid or None)
    if me is None:
        return refusal("no_such_room", "The client has no session in such a room.")
    return await _admit(tx, given, me)


async def bring(tx: Tx, given: RoomRequest, talk: TalkSettings) -> Answer:
    """Let an attendee without a client join, and answer as `join` does."""
    target = Actor(given.actortype, given.actorid)
    return await _admit(tx, given, await bridge.keep(tx, given.roomid, target, given.sessionid, given.incall, talk))


async def _admit(tx: Tx, given: RoomRequest, me: Participant) -> Answer:
    name = await identities.get_room_name(tx, me.room, given.userid or None)
    answer: dict[str, Any] = {
        "version": VERSION,
        "roomid": me.room.token,
        "properties": properties(me.room, name),
        "permissions": list_permissions(me),
    }
    if not given.userid:
        answer["session"] = {"displayname": me.attendee.display_name}
    return {"type": "room", "room": answer}


async def leave(tx: Tx, given: RoomRequest) -> Answer:
    """End the session of a client that has left. Succeeds too if it has ended already."""
    user_id = given.userid or None
    if given.is_virtual and given.actortype == USERS:
        user_id = given.actorid
    if await identities.find_joined(tx, given.roomid, given.sessionid, user_id) is not None:
        await sessions.end_by_id(tx, given.sessionid)
    return {"type": "room", "room": {"version": VERSION, "roomid": given.roomid}}


def list_permissions(me: Participant) -> list[str]:
    """Return what a session may do, in the words of the servers. Who waits in the lobby may do nothing."""
    if not me.can_pass_lobby:
        return []
    allowed = {
        "publish-audio": me.may(Permission.PUBLISH_AUDIO),
        "publish-video": me.may(Permission.PUBLISH_VIDEO),
        "publish-screen": me.may(Permission.PUBLISH_SCREEN),
        "control": me.is_moderator,
    }
    return [name for name, is_allowed in allowed.items() if is_allowed]


def refusal(code: str, message: str) -> Answer:
    """Return the answer to a request that is refused. Its HTTP status is 200, too."""
    return {"type": "error", "error": {"code": code, "message": message}}
