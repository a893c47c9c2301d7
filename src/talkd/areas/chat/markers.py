"""Wake requests that wait for the common read marker of a room, once for many read markers that move together."""

import asyncio

from talkd.areas.chat.feed import CommonRead, Feed
from talkd.core.errors import Unavailable
from talkd.realtime.changes import Changes, marker_topic

MERGED = 0.02
"""Seconds in which all moved read markers of a room are looked at together."""


class Markers:
    """The rooms whose read markers have just moved.

    A message that a thousand clients receive moves a thousand read markers. If each woke all who wait, a million
    requests would look. So nobody is woken before a moment has passed, and only if the common read marker is another.
    """

    def __init__(self, changes: Changes, feed: Feed) -> None:
        self._changes = changes
        self._feed = feed
        self._moved: dict[int, CommonRead | None] = {}
        """What the waiting requests of a room know, by room; None if that is uncertain."""
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, room_id: int) -> None:
        """Note that a read marker of a room has moved."""
        before = self._feed.forget_common_read(room_id)
        if not self._changes.has_watch(marker_topic(room_id)):
            return
        if room_id not in self._moved:
            self._moved[room_id] = before
            asyncio.get_running_loop().call_later(MERGED, self._begin, room_id)
        elif before is not None and before != self._moved[room_id]:
            self._moved[room_id] = None  # some have read again in between

    def _begin(self, room_id: int) -> None:
        task = asyncio.ensure_future(self._wake(room_id, self._moved.pop(room_id)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self, room_id: int, before: CommonRead | None) -> None:
        topic = marker_topic(room_id)
        if not self._changes.has_watch(topic):
            return
        try:
            if before is not None and before.marker == await self._feed.get_common_read(room_id):
                return
        except Unavailable:
            pass  # those who wait read themselves, and tell their clients that it fails
        self._changes.publish([topic])
