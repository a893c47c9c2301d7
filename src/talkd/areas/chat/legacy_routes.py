"""The way in which clients of 2018 get messages: by counting them. `routes.py` hands their requests over."""

import asyncio
from typing import Any

import msgspec

from talkd.areas.chat import legacy, offset_service, service
from talkd.areas.chat.offset_service import Position
from talkd.areas.chat.waiting import dismiss_notifications, note_presence, wait_for
from talkd.areas.messages import view
from talkd.web.call import Call
from talkd.web.ocs import Reply


class CountingParams(msgspec.Struct, frozen=True):
    """How many of the messages since then are known, and how long to wait for more."""

    offset: int = 0
    notOlderThanTimestamp: int = 0
    timeout: int = legacy.DEFAULT_SECONDS


class _Counter:
    """Where one request is among the messages; what was passed over once is not looked at again."""

    def __init__(self, params: CountingParams) -> None:
        self._since = max(0, params.notOlderThanTimestamp)
        self._offset = max(0, params.offset)
        self._position = Position(0, self._offset)

    async def arrive(self, call: Call[Any]) -> None:
        """Whoever knows a message has read it, and is there."""
        note_presence(call)
        me = call.me
        self._position = await call.world.db.read(
            lambda tx: offset_service.get_beginning(tx, me.room, self._since, self._offset)
        )
        await self._pass_over(call)
        last = self._position.after
        if self._offset and service.is_ahead(me, last):
            await call.write_if_possible(lambda tx: service.note_read(tx, me, last))
        await dismiss_notifications(call)

    async def look(self, call: Call[Any]) -> Reply | None:
        """What comes after those that are known, newest first."""
        await self._pass_over(call)
        room = call.me.room
        while not self._position.left:
            before = self._position
            page, self._position = await call.world.db.read(
                lambda tx: offset_service.get_next(tx, room.id, self._position, self._since)
            )
            if page.messages:
                shown = view.messages(page, room, call.me.actor)
                return Reply([legacy.message(item) for item in reversed(shown)])
            if self._position == before:
                break
            await asyncio.sleep(0)  # others get their turn
        return None

    async def _pass_over(self, call: Call[Any]) -> None:
        """Go on to the last message that is known, as far as it is there."""
        room_id = call.me.room.id
        while self._position.left:
            before = self._position
            self._position = await call.world.db.read(
                lambda tx: offset_service.pass_over(tx, room_id, self._position, self._since)
            )
            if self._position == before:
                break
            await asyncio.sleep(0)


async def receive(call: Call[Any], params: CountingParams) -> Reply:
    """Answers what follows the known messages when there is some, or nothing at the end of the time."""
    counter = _Counter(params)
    seconds = legacy.seconds_to_wait(params.timeout)
    return await wait_for(call, counter.arrive, counter.look, seconds) or Reply([])
