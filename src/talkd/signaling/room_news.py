"""Tell clients that ask for it in which rooms of their user there are new messages, while they are in another room."""

import asyncio
from typing import TYPE_CHECKING

from talkd.areas.signaling import identity_service as identities
from talkd.core.errors import Unavailable
from talkd.signaling import messages
from talkd.signaling.announcing import send_to
from talkd.signaling.peer import ROOM_NEWS

if TYPE_CHECKING:
    from talkd.signaling.dispatch import Signaling

PAUSE = 0.5
"""Seconds in which messages are collected: each room is told of once, whatever was posted in it."""
AT_ONCE = 50
"""How many rooms are looked at after each pause. The others wait for the next one."""
MOST_ATTENDEES = 200
"""Larger rooms are not told of: each message would bring requests of too many clients, which also ask without it."""
NEWS = {"last-message": "refresh"}
"""The properties that tell clients to fetch the room again."""


class RoomNews:
    """The rooms with messages that clients have not been told of yet."""

    def __init__(self, signaling: "Signaling") -> None:
        self._signaling = signaling
        self._noted: dict[int, None] = {}
        self._is_telling = False
        self.is_wanted = False
        """Whether any client has asked for the news since the server was started."""

    def note(self, room_id: int) -> None:
        """Note that a message was posted in a room."""
        if not self.is_wanted:
            return
        self._noted[room_id] = None
        if not self._is_telling:
            self._is_telling = True
            self._signaling.spawn(self._tell())

    async def _tell(self) -> None:
        try:
            while self._noted:
                await asyncio.sleep(PAUSE)
                room_ids = list(self._noted)[:AT_ONCE]
                for room_id in room_ids:
                    del self._noted[room_id]
                await self._tell_of(room_ids)
        finally:
            self._is_telling = False

    async def _tell_of(self, room_ids: list[int]) -> None:
        registry, world = self._signaling.registry, self._signaling.world
        try:
            found = await world.db.read(lambda tx: identities.list_hearers(tx, room_ids, most=MOST_ATTENDEES))
        except Unavailable:
            return  # clients fetch their lists again every few seconds
        for room, user_ids in found:
            peers = [
                peer
                for user_id in user_ids
                for peer in registry.list_of_user(user_id)
                if ROOM_NEWS in peer.features and (peer.room is None or peer.room.id != room.id)
            ]
            send_to(peers, messages.event("roomlist", "update", {"roomid": room.token, "properties": NEWS}))
