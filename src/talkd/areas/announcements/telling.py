"""Tell the other processes the events of this one."""

import asyncio
from collections.abc import Sequence
from typing import Any

from talkd.areas.announcements.model import encode
from talkd.bus.others import Others
from talkd.core import events
from talkd.core.events import Event

EVENTS = "events"
"""The kind of these messages on the bus."""
MERGED = 0.01
"""Seconds in which the moves of read markers of a room are told together. A message that many receive moves many."""


class Teller:
    """Collects the events of all commits of a moment and tells them together, those of one commit in their order.

    `interesting`: the kinds of events that have an effect in other processes.
    """

    def __init__(self, others: Others, interesting: frozenset[type[Event]]) -> None:
        self._others = others
        self._interesting = interesting
        self._waiting: list[Any] = []
        self._markers: dict[int, events.ReadMarkerMoved] = {}

    def note(self, happened: Sequence[Any]) -> None:
        """Tell the events of a commit soon."""
        loop = asyncio.get_running_loop()
        for event in happened:
            if type(event) is events.ReadMarkerMoved:
                if not self._markers:
                    loop.call_later(MERGED, self._tell_markers)
                self._markers[event.room_id] = event
            elif type(event) in self._interesting:
                if not self._waiting:
                    loop.call_soon(self._tell)
                self._waiting.append(event)

    def flush(self) -> None:
        """Tell at once what was noted, because the server stops."""
        if self._waiting:
            self._tell()
        if self._markers:
            self._tell_markers()

    def _tell(self) -> None:
        told, self._waiting = self._waiting, []
        if told:
            self._others.tell(EVENTS, encode(told))

    def _tell_markers(self) -> None:
        told, self._markers = list(self._markers.values()), {}
        if told:
            self._others.tell(EVENTS, encode(told))
