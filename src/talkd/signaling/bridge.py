"""Pass messages between peers and sessions whose clients poll, so that both kinds of clients meet in one call.

Clients compare ids to decide who of two sends the offer: the one with the greater id. A polling client knows itself and
others by the sessions of the HTTP API, a peer by peer ids. So each peer gets a name for the polling session that
compares with its own id as their two sessions do: `-` sorts before all peer ids, and `~` after them.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from talkd.areas.signaling import service
from talkd.core.json import UNREADABLE
from talkd.signaling import messages
from talkd.signaling.messages import Refused
from talkd.signaling.peer import Peer
from talkd.signaling.registry import LiveRoom
from talkd.storage.database import Tx

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

BEFORE, AFTER = "-", "~"
MAX_WAITING = 1000
"""Maximum number of messages of a room that wait to be stored for polling sessions."""


def name_for(peer: Peer, session_id: str) -> str:
    """Return the name of a polling session for a peer."""
    return (BEFORE if session_id < peer.session_id else AFTER) + session_id


def session_named(name: str) -> str:
    """Return the polling session with this name, or "" if it is not such a name."""
    return name[1:] if name[:1] in (BEFORE, AFTER) else ""


def send_to_session(signaling: "Signaling", peer: Peer, session_id: str, data: msgspec.Raw) -> None:
    """Store a message of a peer for a polling session of its room soon. What is not a JSON object is dropped."""
    try:
        content = msgspec.json.decode(data, type=dict[str, Any])
    except UNREADABLE:
        return
    room = peer.room
    if room is None:
        return
    if len(room.for_polling) >= MAX_WAITING:
        raise Refused("too_many_requests", "Too many messages wait for clients that poll.")
    room.for_polling.append((session_id, content | {"from": peer.session_id, "to": session_id}))
    if room.storing is None:
        room.storing = signaling.spawn(_store_messages(signaling, room))


async def _store_messages(signaling: "Signaling", room: LiveRoom) -> None:
    """Store what waits for the polling sessions of a room, in its order."""
    try:
        while room.for_polling:
            taken, room.for_polling = room.for_polling, []

            async def work(tx: Tx, taken: list[tuple[str, dict[str, Any]]] = taken) -> None:
                for session_id, content in taken:
                    await service.store_message(tx, room.id, session_id, content)

            await signaling.write(work)
    finally:
        room.storing = None


async def bring_messages(signaling: "Signaling", room_id: int, session_id: str) -> None:
    """Bring a peer the messages that polling clients have sent to its session."""
    taken = await signaling.write(lambda tx: service.take_messages(tx, room_id, session_id))
    peer = signaling.registry.find_by_session(session_id)
    if peer is None:
        return
    for text in taken:
        content = msgspec.json.decode(text, type=dict[str, Any])
        sender = name_for(peer, str(content.get("from", "")))
        content |= {"from": sender, "to": peer.id}
        peer.send(
            messages.reply(
                "message", {"sender": {"type": "session", "sessionid": sender, "userid": ""}, "data": content}
            )
        )
