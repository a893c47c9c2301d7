"""Transient data: values that a room keeps for its peers as long as somebody is in it."""

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from talkd.core import clock
from talkd.signaling import messages
from talkd.signaling.connection import Connection
from talkd.signaling.frames import frame_of
from talkd.signaling.messages import Incoming, Refused, Transient
from talkd.signaling.peer import Peer
from talkd.signaling.registry import LiveRoom

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

OWN = "sd:"
"""Prefix of the keys that only the session named after it may write. They end with that session."""
CALL_STATUS = "callstatus_"
"""Prefix of the keys with the states of telephone calls. They end with the id of the call."""
CALL_STATUS_SECONDS = 5.0
"""How long the state of a call that is over is kept."""
MAX_KEYS = 1000
"""Maximum number of values in a room."""
MAX_BYTES = 1024 * 1024
"""Maximum size of all values of a room together."""
MAX_OWN_BYTES = 8 * 1024
"""Maximum size of the value of a session, so that a few sessions cannot use up the space of the room."""
MAX_KEY_LENGTH = 255
MAX_SECONDS = 365 * 86_400.0
ABSENT_SECONDS = 30.0
"""How long a new home keeps values of sessions whose clients have not come to it: so long may they resume."""


@dataclass(slots=True)
class Value:
    """A value, as JSON, and the timer that removes it."""

    value: msgspec.Raw
    timer: asyncio.TimerHandle | None = None
    until: int = 0
    """The date at which it is removed, or 0."""

    def keep(self) -> None:
        """Stop the timer."""
        if self.timer is not None:
            self.timer.cancel()


class Kept(msgspec.Struct, frozen=True):
    """A value, as another home gets it."""

    key: str
    value: msgspec.Raw
    until: int


def handle(signaling: "Signaling", socket: Connection, incoming: Incoming) -> None:
    """Set or remove a value."""
    peer, wanted = socket.peer, incoming.transient
    if wanted is None or peer is None or not 0 < len(wanted.key) <= MAX_KEY_LENGTH:
        raise Refused("bad_request", "The message has no key, or one that is too long.")
    room = peer.room
    if room is None or not peer.is_present:
        raise Refused("not_in_room", "Join a room first.")
    if not _may_write(peer, wanted.key):
        raise Refused("not_allowed", "You may not change this value.")
    if wanted.type == "remove":
        _remove(room, wanted.key)
    elif wanted.type == "set":
        _require_space(room, wanted)
        _set(room, wanted.key, wanted.value, wanted.ttl / 1e9)
    else:
        raise Refused("bad_request", "Transient data can be set or removed.")
    signaling.homes.note_transient(room)


def restore(signaling: "Signaling", room: LiveRoom, stored: str) -> None:
    """Give the first peer's room the values that it had at another home, as `dump` has returned them.

    Others are in the room only if its values are known here, and what is stored may be older.
    """
    if not stored or len(room.members) > 1:
        return
    now = clock.now()
    for each in msgspec.json.decode(stored, type=list[Kept]):
        if not each.until or each.until > now:
            _put(room, each.key, each.value, each.until - now if each.until else 0)
    if any(key.startswith(OWN) for key in room.transient):
        asyncio.get_running_loop().call_later(ABSENT_SECONDS, _forget_absent, signaling, room)


def dump(room: LiveRoom) -> str:
    """Return the values of a room as JSON."""
    return msgspec.json.encode([Kept(key, each.value, each.until) for key, each in room.transient.items()]).decode()


def send_initial(room: LiveRoom, peer: Peer) -> None:
    """Tell a newcomer the values of the room."""
    if room.transient:
        data = {key: each.value for key, each in room.transient.items()}
        peer.send(messages.reply("transient", {"type": "initial", "data": data}))


def set_call_status(room: LiveRoom, call_id: str, status: msgspec.Raw, *, is_over: bool) -> None:
    """Tell the room the state of a telephone call. It is removed soon after the call is over."""
    wanted = Transient("set", f"{CALL_STATUS}{call_id}", status)
    if len(wanted.key) > MAX_KEY_LENGTH:
        raise Refused("bad_request", "The id of the call is too long.")
    _require_space(room, wanted)
    _set(room, wanted.key, wanted.value, CALL_STATUS_SECONDS if is_over else 0)


def forget_session(room: LiveRoom, peer: Peer) -> None:
    """Remove the values of a peer that has left the room."""
    _remove(room, OWN + peer.id)
    if not room.members:
        for each in room.transient.values():
            each.keep()
        room.transient.clear()


def _forget_absent(signaling: "Signaling", room: LiveRoom) -> None:
    """Remove the values of sessions that are not in the room."""
    if signaling.registry.find_room(room.id) is not room:
        return
    for key in list(room.transient):
        if key.startswith(OWN) and key.removeprefix(OWN) not in room.members:
            _remove(room, key)
    signaling.homes.note_transient(room)


def _may_write(peer: Peer, key: str) -> bool:
    if key.startswith(OWN):
        return key == OWN + peer.id
    if key.startswith(CALL_STATUS):
        return peer.is_internal
    return peer.standing is None or peer.standing.is_moderator


def _require_space(room: LiveRoom, wanted: Transient) -> None:
    others = [each for key, each in room.transient.items() if key != wanted.key]
    size = sum(len(bytes(each.value)) for each in others) + len(bytes(wanted.value))
    if len(others) >= MAX_KEYS or size > MAX_BYTES:
        raise Refused("not_allowed", "The room has too many values.")
    if wanted.key.startswith(OWN) and len(bytes(wanted.value)) > MAX_OWN_BYTES:
        raise Refused("not_allowed", "The value is too long.")


def _set(room: LiveRoom, key: str, value: msgspec.Raw, seconds: float) -> None:
    old = room.transient.get(key)
    if old is not None:
        old.keep()
    kept = _put(room, key, value, seconds)
    if old is None or bytes(old.value) != bytes(kept):
        _tell(room, {"type": "set", "key": key, "value": kept} | ({"oldvalue": old.value} if old is not None else {}))


def _put(room: LiveRoom, key: str, value: msgspec.Raw, seconds: float) -> msgspec.Raw:
    timer, until = None, 0
    if seconds > 0:
        seconds = min(seconds, MAX_SECONDS)
        timer = asyncio.get_running_loop().call_later(seconds, _remove, room, key)
        until = clock.now() + math.ceil(seconds)
    kept = msgspec.Raw(bytes(value))
    room.transient[key] = Value(kept, timer, until)
    return kept


def _remove(room: LiveRoom, key: str) -> None:
    old = room.transient.pop(key, None)
    if old is not None:
        old.keep()
        _tell(room, {"type": "remove", "key": key, "oldvalue": old.value})


def _tell(room: LiveRoom, content: dict[str, Any]) -> None:
    frame = frame_of(messages.reply("transient", content))
    for each in room.list_present():
        each.send_frame(frame)
