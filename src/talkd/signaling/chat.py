"""Bring new chat messages to the peers of their room: the messages themselves, or a hint to fetch them."""

from typing import TYPE_CHECKING, Any

import msgspec

from talkd.areas.chat.feed import Feed
from talkd.conversation import room_store
from talkd.core.errors import Unavailable
from talkd.signaling import messages
from talkd.signaling.frames import frame_of
from talkd.signaling.peer import CHAT_RELAY, Peer
from talkd.signaling.registry import LiveRoom

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

AT_ONCE = 200
"""How many messages are read at once."""

_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ChatRelay:
    """Brings the messages of all rooms to their peers. Those of one commit cost each peer one hint."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling

    def note(self, room: LiveRoom, message_id: int) -> None:
        """Note that a message was posted in a room."""
        room.chat_seen = max(room.chat_seen, message_id)
        if room.chat_from is None:
            room.chat_from = message_id - 1
        if not room.is_relaying:
            room.is_relaying = True
            self._signaling.spawn(self._relay(room))

    async def _relay(self, room: LiveRoom) -> None:
        """Bring peers the messages that were noted, and those that are noted in the meantime."""
        try:
            while room.chat_from is not None and room.members:
                known, room.chat_from = room.chat_from, None
                self._send_hint(room, [peer for peer in room.list_present() if CHAT_RELAY not in peer.features])
                await self._send_messages(room, known)
        except Unavailable:
            room.chat_from = None  # the hint is about these messages, too
            self._send_hint(room, room.list_present())
        finally:
            room.is_relaying = False

    def catch_up(self, room: LiveRoom, newest: int) -> None:
        """Bring what was missed up to the newest message of the room, as it was read."""
        if room.may_have_missed and 0 < room.chat_seen < newest:
            self.note(room, room.chat_seen + 1)
        if room.may_have_missed or not room.chat_seen:
            room.chat_seen = max(room.chat_seen, newest)
        room.may_have_missed = False

    def hint(self, room: LiveRoom, peer: Peer) -> None:
        """Let a peer fetch the messages of its room, because it may have missed some."""
        self._send_hint(room, [peer])

    def _send_hint(self, room: LiveRoom, peers: list[Peer]) -> None:
        hint = _frame(room, {"refresh": True})
        for peer in peers:
            peer.send_hint(hint)

    async def _send_messages(self, room: LiveRoom, known: int) -> None:
        """Bring each reader the messages after `known`. A read may also find messages whose events come later."""
        world = self._signaling.world
        readers = [peer for peer in room.list_present() if CHAT_RELAY in peer.features]
        found = await world.db.read(lambda tx: room_store.get_room(tx, room.token)) if readers else None
        if found is None:
            return
        framed: dict[bytes, list[bytes]] = {}
        for peer in readers:
            while peer.room is room and peer.actor is not None:
                position = peer.chat_known or known  # what was missed before `known` comes with it
                news = await world[Feed].get_news(found, peer.actor, known=position, limit=AT_ONCE)
                if news is None or peer.room is not room:
                    break
                body = bytes(news.body)
                frames = framed.get(body)  # most readers see the same text
                if frames is None:
                    frames = framed[body] = [_frame(room, {"comment": comment}) for comment in _read_list(body)]
                for frame in frames:
                    peer.send_frame(frame)
                peer.chat_known = news.last_id


def _frame(room: LiveRoom, chat: dict[str, Any]) -> bytes:
    content = {"roomid": room.token, "data": {"type": "chat", "chat": chat}}
    return frame_of(messages.event("room", "message", content))
