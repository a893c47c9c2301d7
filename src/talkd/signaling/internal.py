"""Parts of the installation that join calls by themselves, such as a recording server or a telephone bridge.

They prove that they know the secret for internal clients (`hello.py`) and may enter every room. A bridge also brings
people who have no client of their own, as virtual peers: what others send to these goes to the bridge. A virtual peer
that stands for an attendee of the room has a session there, and is in the call for everybody, also over HTTP.
"""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from talkd.areas.sessions import bridge_service as bridge
from talkd.conversation.participant import Participant
from talkd.core import ids
from talkd.core.actor import Actor
from talkd.core.constants import InCall as Flags
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.core.json import UNREADABLE
from talkd.core.names import cleaned
from talkd.signaling import messages
from talkd.signaling.announcing import send_to
from talkd.signaling.connection import Connection
from talkd.signaling.joining import encode_sender
from talkd.signaling.messages import Incoming, Refused
from talkd.signaling.peer import Peer, Standing
from talkd.signaling.registry import LiveRoom

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

MAX_VIRTUAL = 1000
"""Maximum number of virtual peers of one internal client."""
ID_LENGTH = 32
BY_PHONE = int(Flags.IN_CALL | Flags.PHONE)
"""The flags of a virtual peer whose bridge names none."""


class Options(msgspec.Struct, frozen=True):
    """The participant that a virtual peer stands for."""

    actorId: str = ""
    actorType: str = ""


class Virtual(msgspec.Struct, frozen=True):
    """A virtual peer, named by the internal client's own id `sessionid`."""

    sessionid: str
    roomid: str
    userid: str = ""
    user: dict[str, Any] | None = None
    flags: int | None = None
    incall: int | None = None
    options: Options | None = None


class InCall(msgspec.Struct, frozen=True):
    """The flags of the internal client itself in the call."""

    incall: int


class Request(msgspec.Struct, frozen=True):
    """A message of an internal client. The field with the name of its type has the content."""

    type: str = ""
    addsession: Virtual | None = None
    updatesession: Virtual | None = None
    removesession: Virtual | None = None
    incall: InCall | None = None
    dialout: msgspec.Raw = messages.RAW_NULL


_read = msgspec.json.Decoder(Request).decode


class VirtualLine:
    """The way to a virtual peer: messages for it go to its internal client."""

    def __init__(self, owner: Peer, session_id: str) -> None:
        self._owner, self._session_id = owner, session_id

    def send(self, message: bytes) -> None:
        """Pass on a message of another peer, with the virtual peer as its recipient. Events reach the owner anyway."""
        content = msgspec.json.decode(message, type=dict[str, Any])
        kind = content["type"]
        if kind in ("message", "control"):
            content[kind]["recipient"] = {"type": "session", "sessionid": self._session_id}
            self._owner.send(messages.encode(content))

    def send_frame(self, frame: bytes) -> None:
        """Do nothing: the owner is in the room too and gets what all get."""

    def ping(self, content: bytes) -> None:
        """Do nothing: there is no connection."""

    def hang_up(self) -> None:
        """Do nothing: there is no connection."""


def handle(signaling: "Signaling", socket: Connection, incoming: Incoming) -> Coroutine[Any, Any, None] | None:
    """Change the virtual peers of an internal client, or its own part in the call."""
    peer = socket.peer
    if peer is None or not peer.is_internal:
        raise Refused("not_allowed", "Only internal clients may send this.")
    try:
        request = _read(incoming.internal)
    except UNREADABLE as error:
        raise Refused("invalid_format", "The message does not have the form of an internal message.") from error
    if request.type == "dialout":
        signaling.dialouts.take(peer, incoming.id, request.dialout)
        return None
    room = peer.room
    if request.type == "incall" and request.incall is not None:
        peer.in_call = request.incall.incall  # recording servers say it before they join, so that all see it at once
        if room is not None:
            signaling.announcer.schedule(room, list_changed=True)
        return None
    if room is None:
        raise Refused("not_in_room", "Join a room first.")
    if request.type == "addsession" and request.addsession is not None:
        return _add(signaling, peer, room, request.addsession)
    if request.type == "updatesession" and request.updatesession is not None:
        return _update(signaling, _find(peer, request.updatesession), request.updatesession)
    if request.type == "removesession" and request.removesession is not None:
        signaling.end(_find(peer, request.removesession))
    else:
        raise Refused("bad_request", "The type of the internal message is unknown, or its content is missing.")
    return None


def _add(signaling: "Signaling", owner: Peer, room: LiveRoom, wanted: Virtual) -> Coroutine[Any, Any, None] | None:
    if wanted.roomid != room.token or wanted.sessionid in owner.virtual or len(owner.virtual) >= MAX_VIRTUAL:
        raise Refused("add_failed", "The session is there already, there are too many, or it is for another room.")
    peer = Peer(
        ids.text(ID_LENGTH),
        ids.text(ID_LENGTH),
        user_id=None,
        display_name=cleaned(str((wanted.user or {}).get("displayname", ""))),
        login="",
        features=frozenset(),
        is_internal=True,
        address=owner.address,
    )
    options = wanted.options or Options()
    peer.line = VirtualLine(owner, wanted.sessionid)
    peer.in_call = wanted.incall if wanted.incall is not None else BY_PHONE
    peer.sender = encode_sender(peer)
    owner.virtual[wanted.sessionid], peer.owner = peer, owner
    if options.actorId:
        return _bring(signaling, peer, room, Actor(options.actorType, options.actorId), wanted)
    _enter(signaling, peer, room, wanted.flags)
    return None


async def _bring(signaling: "Signaling", peer: Peer, room: LiveRoom, target: Actor, wanted: Virtual) -> None:
    """Let an attendee of the room join it, with the id of the virtual peer as the session."""
    owner = peer.owner
    assert owner is not None, "it is virtual"
    try:
        me = await _keep_session(signaling, peer.id, room.token, target, peer.in_call)
    except Refused:
        owner.virtual.pop(wanted.sessionid, None)
        raise
    if owner.room is not room or owner.virtual.get(wanted.sessionid) is not peer:
        signaling.leave_call(peer.id)
        raise Refused("add_failed", "The internal client has left the room.")
    _enter(signaling, peer, room, wanted.flags, me)


async def _keep_session(
    signaling: "Signaling", session_id: str, token: str, target: Actor, in_call: int | None
) -> Participant:
    world = signaling.world
    try:
        return await world.db.write(
            lambda tx: bridge.keep(tx, token, target, session_id, in_call, world.talk_settings), queue=token
        )
    except (NotFound, Forbidden, Invalid) as error:
        raise Refused("add_failed", "There is no such attendee, or the attendee may not join the call.") from error


def _enter(
    signaling: "Signaling", peer: Peer, room: LiveRoom, flags: int | None, me: Participant | None = None
) -> None:
    signaling.registry.enter(peer, room.id, room.token, peer.id if me is not None else "")
    if me is not None:
        peer.standing, peer.actor, peer.display_name = Standing(me), me.actor, me.attendee.display_name
    signaling.announcer.schedule(room, list_changed=True)
    _tell_flags(peer, flags)


def _update(signaling: "Signaling", peer: Peer, wanted: Virtual) -> Coroutine[Any, Any, None] | None:
    if wanted.incall is not None and peer.room is not None:
        if peer.actor is not None:
            return _update_session(signaling, peer, peer.actor, peer.room.token, wanted)
        peer.in_call = wanted.incall
        signaling.announcer.schedule(peer.room, list_changed=True)
    _tell_flags(peer, wanted.flags)
    return None


async def _update_session(signaling: "Signaling", peer: Peer, target: Actor, token: str, wanted: Virtual) -> None:
    await _keep_session(signaling, peer.id, token, target, wanted.incall)
    _tell_flags(peer, wanted.flags)


def _find(owner: Peer, wanted: Virtual) -> Peer:
    peer = owner.virtual.get(wanted.sessionid)
    if peer is None:
        raise Refused("no_such_session", "The internal client has no such session.")
    return peer


def _tell_flags(peer: Peer, flags: int | None) -> None:
    """Tell the room whether a virtual peer is muted, speaks or listens."""
    if flags is not None and peer.room is not None:
        content = {"roomid": peer.room.token, "sessionid": peer.id, "flags": flags}
        others = [each for each in peer.room.list_present() if each is not peer]
        send_to(others, messages.event("participants", "flags", content))
