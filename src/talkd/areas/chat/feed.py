"""The newest messages of busy rooms, in memory and ready to send.

A message to a thousand waiting clients costs one query and one encoding for each kind of reader, not a
thousand: readers of whom the server does not speak, and who have not reacted, all get the same bytes.
"""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from cachetools import LRUCache

from talkd.areas.messages import service as messages
from talkd.areas.messages import view
from talkd.conversation import message_store
from talkd.conversation.message import Message, Page
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.storage.database import Database

ROOMS = 2_000
"""Rooms kept at most; the one longest not asked for goes first."""
BODIES = 16
"""Encoded answers kept of a room at most: those who wait ask for the same."""
MESSAGES = 200
"""Messages kept of a room at most."""

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class News:
    """What a reader gets: the encoded list, and the id of its last message."""

    body: msgspec.Raw
    last_id: int


@dataclass(slots=True)
class _Recent:
    """All messages of a room after `low`."""

    low: int
    page: Page
    bodies: LRUCache[tuple[int, ...], msgspec.Raw] = field(default_factory=lambda: LRUCache(BODIES))


class Feed:
    """Recent messages by room."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rooms: LRUCache[int, _Recent] = LRUCache(ROOMS)
        self._common: LRUCache[int, int | None] = LRUCache(ROOMS)
        self._loading: dict[int, tuple[int, asyncio.Task[_Recent]]] = {}
        self._reading: dict[int, object] = {}

    # What is being read while something changes is good for whoever waits for it, but not kept.
    def forget(self, room_id: int) -> None:
        """Something new was said, or something old has changed: look again at the next request."""
        self._rooms.pop(room_id, None)
        self._loading.pop(room_id, None)
        self.forget_markers(room_id)

    def forget_markers(self, room_id: int) -> None:
        """Somebody has read further."""
        self._common.pop(room_id, None)
        self._reading.pop(room_id, None)

    def clear(self) -> None:
        """Forget everything, for example after people were renamed."""
        memories: tuple[MutableMapping[int, Any], ...] = (self._rooms, self._common, self._loading, self._reading)
        for memory in memories:
            memory.clear()

    async def get_news(self, room: Room, viewer: Actor, *, known: int, limit: int) -> News | None:
        """What was said after `known`, oldest first, `limit` messages at most; None when there is nothing."""
        recent = self._rooms.get(room.id)
        if recent is None or recent.low > known:
            recent = await self._load(room.id, known)
        now = clock.now()
        fresh = [message for message in recent.page.messages if message.id > known and not message.is_expired(now)][
            :limit
        ]
        if not fresh:
            return None
        return News(self._body(recent, fresh, room, viewer), fresh[-1].id)

    async def get_common_read(self, room_id: int) -> int | None:
        """How far everybody in the room has read, of those who let it be known; None when nobody does."""
        if room_id in self._common:
            return self._common[room_id]
        mine = self._reading[room_id] = object()
        known = await self._db.read(lambda tx: message_store.get_common_read(tx, room_id))
        if self._reading.get(room_id) is mine:
            del self._reading[room_id]
            self._common[room_id] = known
        return known

    async def _load(self, room_id: int, known: int) -> _Recent:
        """All after `known`; those who ask at the same moment share one query."""
        if not self._db.suspends:
            recent = await self._read(room_id, known)
            self._keep(room_id, recent)
            return recent
        low, task = self._loading.get(room_id, (known + 1, None))
        if task is None or low > known:
            task = asyncio.ensure_future(self._read(room_id, known))
            self._loading[room_id] = known, task
            task.add_done_callback(lambda done: self._loaded(room_id, done))
        return await asyncio.shield(task)

    async def _read(self, room_id: int, known: int) -> _Recent:
        page = await self._db.read(lambda tx: messages.get_news(tx, room_id, known=known, limit=MESSAGES))
        return _Recent(known, page)

    def _loaded(self, room_id: int, task: asyncio.Task[_Recent]) -> None:
        if self._loading.get(room_id, (0, None))[1] is task:
            del self._loading[room_id]
            if not task.cancelled() and task.exception() is None:
                self._keep(room_id, task.result())

    def _keep(self, room_id: int, recent: _Recent) -> None:
        if len(recent.page.messages) < MESSAGES:  # else there may be more, and this is not all since then
            self._rooms[room_id] = recent

    @staticmethod
    def _body(recent: _Recent, fresh: list[Message], room: Room, viewer: Actor) -> msgspec.Raw:
        now = clock.now()
        parents = {key: parent for key, parent in recent.page.parents.items() if not parent.is_expired(now)}
        page = Page(fresh, parents, recent.page.names, recent.page.reactors)
        if room.is_one_to_one or view.is_personal(page, viewer):  # each of two knows it by the other's name
            return msgspec.Raw(_encode(view.messages(page, room, viewer)))
        key = fresh[0].id, fresh[-1].id, len(fresh), len(parents)  # some may have expired in between
        body = recent.bodies.get(key)
        if body is None:
            body = recent.bodies[key] = msgspec.Raw(_encode(view.messages(page, room, Actor("", ""))))
        return body
