"""Get messages by offset, as clients of 2018 do. `routes.py` calls this for their requests."""

import asyncio
from typing import Any

import msgspec

from talkd.areas.chat import legacy, offset_service, waiting
from talkd.areas.chat.offset_service import Position
from talkd.areas.messages import view as message_view
from talkd.web.call import Call
from talkd.web.ocs import Reply


class CountingParams(msgspec.Struct, frozen=True):
    """How many messages since `notOlderThanTimestamp` the client has, and how many seconds to wait for more."""

    offset: int = 0
    notOlderThanTimestamp: int = 0
    timeout: int = legacy.DEFAULT_SECONDS


class _Counter:
    """The position of one request among the messages. Messages that were skipped once are not read again."""

    def __init__(self, params: CountingParams) -> None:
        self._since = max(0, params.notOlderThanTimestamp)
        self._offset = max(0, params.offset)
        self._position = Position(0, self._offset)

    async def arrive(self, call: Call[Any]) -> None:
        """Skip the messages that the client has, and mark them as read."""
        waiting.note_presence(call)
        me = call.me
        self._position = await call.world.db.read(
            lambda tx: offset_service.get_beginning(tx, me.room, self._since, self._offset)
        )
        await self._skip(call)
        await waiting.note_arrival(call, read=self._position.after if self._offset else 0)

    async def look(self, call: Call[Any]) -> Reply | None:
        """Return the messages after those that the client has, newest first."""
        await self._skip(call)
        room = call.me.room
        while not self._position.left:
            before = self._position
            page, self._position = await call.world.db.read(
                lambda tx: offset_service.get_next(tx, room.id, self._position, self._since)
            )
            if page.messages:
                shown = message_view.messages(page, room, call.me.actor)
                return Reply([legacy.message(item) for item in reversed(shown)])
            if self._position == before:
                break
            await asyncio.sleep(0)  # let other tasks run
        return None

    async def _skip(self, call: Call[Any]) -> None:
        """Skip the messages that the client has, up to the end of the chat."""
        room_id = call.me.room.id
        while self._position.left:
            before = self._position
            self._position = await call.world.db.read(
                lambda tx: offset_service.skip(tx, room_id, self._position, self._since)
            )
            if self._position == before:
                break
            await asyncio.sleep(0)


async def receive(call: Call[Any], params: CountingParams) -> Reply:
    """Wait for messages after those that the client has. Return an empty list if none comes in time."""
    counter = _Counter(params)
    seconds = legacy.seconds_to_wait(params.timeout)
    return await waiting.wait_for(call, counter.arrive, counter.look, seconds) or Reply([])
