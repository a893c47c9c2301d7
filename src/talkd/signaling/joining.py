"""Join and leave rooms."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple

from talkd.areas.signaling import identity_service as identities
from talkd.areas.signaling import service as polls
from talkd.areas.signaling.home_model import KnownPeer
from talkd.areas.signaling.identity_service import Match
from talkd.conversation import room_store
from talkd.conversation.participant import Participant
from talkd.conversation.pings import Pings
from talkd.signaling import messages, transient
from talkd.signaling.connection import Connection
from talkd.signaling.messages import Incoming, Refused, RoomRequest
from talkd.signaling.peer import Peer, Standing
from talkd.signaling.properties import properties
from talkd.storage.availability import persist
from talkd.storage.database import Tx

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling


def handle(signaling: "Signaling", socket: Connection, incoming: Incoming) -> Coroutine[Any, Any, None] | None:
    """Join the room of a message, or leave the current one if the message names none."""
    peer, wanted = socket.peer, incoming.room
    if wanted is None or peer is None:
        raise Refused("bad_request", "The message has no room.")
    if wanted.roomid:
        return _enter(signaling, peer, wanted, incoming.id)
    session_id = peer.session_id
    signaling.part(peer)
    signaling.leave_call(session_id)
    peer.send(messages.reply("room", {"roomid": ""}, incoming.id))
    signaling.require_room_soon(peer)
    return None


def _enter(signaling: "Signaling", peer: Peer, wanted: RoomRequest, request_id: str) -> Coroutine[Any, Any, None]:
    """Return what lets a peer enter a room. It raises Refused and Unavailable."""
    return (_join_internal if peer.is_internal else _join)(signaling, peer, wanted, request_id)


async def _join(signaling: "Signaling", peer: Peer, wanted: RoomRequest, request_id: str) -> None:
    joined = peer.room
    if joined is not None and (joined.token, peer.session_id) == (wanted.roomid, wanted.sessionid):
        raise Refused("already_joined", details={"room": {"roomid": joined.token}})
    me, name, match, has_polled = await _find_participant(signaling, peer, wanted)
    transients = ""
    if me is not None:
        # Nothing waits between this and the entry: a room without peers is given up.
        home, transients = await signaling.homes.claim(me.room.id)
        if home != signaling.homes.me:
            _move(signaling, peer, home, wanted, request_id)
            return
    previous = signaling.registry.find_by_session(wanted.sessionid)
    held = Match.SURE if has_polled else None
    if held is None and previous is not None and previous is not peer:  # also while its client may resume
        held = previous.match
    # Everybody in a room knows the sessions of guests, so a guest cannot push out another by naming theirs. Some proofs
    # are older than the cookie of the session; who has a better one than the client that came first takes over.
    is_free = held is None or match == Match.SURE or match > held
    if me is None or me.session is None or not is_free:
        if me is not None and signaling.registry.find_room(me.room.id) is None:
            signaling.homes.note_empty(me.room.id)
        raise Refused("no_such_room", "Join the room over HTTP first, and give the session that you got.")
    _require_alive(signaling, peer)
    previous = signaling.registry.find_by_session(wanted.sessionid)
    if previous is not None and previous is not peer:
        signaling.end(previous, "room_session_reconnected")
    _leave_for(signaling, peer, wanted)
    room = signaling.registry.enter(peer, me.room.id, me.room.token, me.session.session_id)
    peer.standing, peer.actor, peer.in_call = Standing(me), me.actor, me.session.in_call
    peer.sender, peer.match, peer.chat_known = encode_sender(peer), match, me.room.last_message_id
    peer.display_name = me.attendee.display_name or peer.display_name
    signaling.world[Pings].note(peer.session_id)
    joined_room: dict[str, Any] = {"roomid": room.token, "properties": properties(me.room, name)}
    transient.restore(signaling, room, transients)
    signaling.homes.note(peer)
    if signaling.sfu is not None:
        joined_room["bandwidth"] = signaling.sfu.bandwidth
    peer.send(messages.reply("room", joined_room, request_id))
    if peer.is_present:
        transient.send_initial(room, peer)
    signaling.announcer.schedule(room)


async def _join_internal(signaling: "Signaling", peer: Peer, wanted: RoomRequest, request_id: str) -> None:
    """Enter a room as a part of the installation, which is no participant."""
    found = await signaling.world.db.read(lambda tx: room_store.get_room(tx, wanted.roomid))
    if found is None:
        raise Refused("no_such_room")
    home, transients = await signaling.homes.claim(found.id)
    if home != signaling.homes.me:
        _move(signaling, peer, home, wanted, request_id)
        return
    _require_alive(signaling, peer)
    signaling.part(peer)
    room = signaling.registry.enter(peer, found.id, found.token, "")
    transient.restore(signaling, room, transients)
    signaling.homes.note(peer)
    peer.sender = encode_sender(peer)
    shown = properties(found, found.name_for("", ""))
    peer.send(messages.reply("room", {"roomid": room.token, "properties": shown}, request_id))
    transient.send_initial(room, peer)
    signaling.announcer.schedule(room, list_changed=True)


def _leave_for(signaling: "Signaling", peer: Peer, wanted: RoomRequest) -> None:
    """Take a peer out of the room that it is in, because it joins another one."""
    if peer.room is not None:
        left = peer.session_id
        signaling.part(peer)
        if left != wanted.sessionid:
            signaling.leave_call(left)


def _move(signaling: "Signaling", peer: Peer, home: int, wanted: RoomRequest, request_id: str) -> None:
    """Let a peer live at another process, the home of the room that it joins. That one then lets it join."""
    _require_alive(signaling, peer)
    if not isinstance(peer.line, Connection):
        raise Refused("processing_failed", "The connection was lost; join the room again.")
    _leave_for(signaling, peer, wanted)
    request = {"roomid": wanted.roomid, "sessionid": wanted.sessionid}
    signaling.elsewhere.passages.move(peer.line, peer, home, messages.reply("room", request, request_id))


async def enter_again(signaling: "Signaling", peer: Peer, known: KnownPeer) -> None:
    """Let a peer whose home has died enter the room that it was in. Its client learns if that is not possible."""
    if not known.token:
        return
    wanted = RoomRequest(known.token, known.session_id)
    try:
        await persist(lambda: _enter(signaling, peer, wanted, ""))
    except Refused:
        peer.send(messages.reply("room", {"roomid": ""}))
        signaling.require_room_soon(peer)
    else:
        if peer.room is not None:
            signaling.chat.hint(peer.room, peer)


def _require_alive(signaling: "Signaling", peer: Peer) -> None:
    """Raise Refused if the peer has ended while the database was read. It would stay in the room for ever."""
    if signaling.registry.find(peer.id) is not peer:
        raise Refused("no_such_session", "The session has ended.")


def encode_sender(peer: Peer) -> bytes:
    """Return how a peer is named as the sender of a message: the end of a JSON object."""
    return messages.encode({"sessionid": peer.id, "userid": peer.user_id or ""})[1:-1]


class _Found(NamedTuple):
    """The participant of a session, as far as there is one."""

    me: Participant | None = None
    room_name: str = ""
    match: Match = Match.NONE
    """How well the peer has proven to be the participant."""
    has_polled: bool = False
    """Whether a guest's client has polled with the session."""


async def _find_participant(signaling: "Signaling", peer: Peer, wanted: RoomRequest) -> _Found:
    """Return the participant of a session. If sessions or rights change during the read, look again."""

    async def look(tx: Tx) -> _Found:
        me = await identities.find_joined(tx, wanted.roomid, wanted.sessionid, peer.user_id)
        if me is None or me.session is None:
            return _Found()
        name = await identities.get_room_name(tx, me.room, peer.user_id)
        if peer.user_id is not None:
            return _Found(me, name, Match.SURE)
        match = await identities.compare_browsers(tx, me.session, peer.login)
        return _Found(me, name, match, has_polled=bool(await polls.find_newest_poll(tx, wanted.sessionid)))

    changes = signaling.world.changes
    while True:
        before = signaling.ended_sessions, changes.standing
        found = await signaling.world.db.read(look)
        if before == (signaling.ended_sessions, changes.standing):
            return found
