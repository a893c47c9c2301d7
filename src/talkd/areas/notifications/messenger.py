"""Create the notifications of messages soon after the commit."""

import asyncio

from talkd.areas.notifications import outbox, outbox_store, service
from talkd.storage.database import Database

USERS_AT_ONCE = 20
"""Users whose notifications are trimmed in one transaction."""


class Messenger:
    """Remembers which rooms have new messages, and which users got notifications."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rooms: set[int] = set()
        self._notified: set[str] = set()
        self._turn = asyncio.Lock()

    def note_room(self, room_id: int) -> None:
        """Note that the room has a message without notifications."""
        self._rooms.add(room_id)

    def note_notified(self, user_ids: tuple[str, ...]) -> None:
        """Note that these users got notifications."""
        self._notified.update(user_ids)

    async def resume(self) -> None:
        """Note the rooms where an earlier process, another process or a failure left messages without notifications."""
        self._rooms.update(await self._db.read_aside(outbox_store.list_rooms))

    async def deliver(self) -> None:
        """Create the notifications of all noted rooms. Rooms that fail are tried again after the next `resume`."""
        async with self._turn:
            room_ids, self._rooms = sorted(self._rooms), set()
            await outbox.deliver(self._db, room_ids)

    async def trim(self) -> None:
        """For users who got notifications since the last call: delete outdated ones, and all but the newest."""
        notified, self._notified = sorted(self._notified), set()
        for start in range(0, len(notified), USERS_AT_ONCE):
            await self._trim(notified[start : start + USERS_AT_ONCE])

    async def _trim(self, user_ids: list[str]) -> None:
        await self._db.write(lambda tx: service.trim(tx, user_ids))
