"""The newest messages of busy rooms, cached in memory as structs and as JSON.

A message to a thousand waiting clients costs one query and, except for readers with a personal form of it
(`message_view.is_personal`), one encoding and one answer.
"""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from cachetools import LRUCache

from talkd.areas.messages import service as messages
from talkd.areas.messages import view as message_view
from talkd.conversation import message_store
from talkd.conversation.message import Page
from talkd.conversation.room import Room
from talkd.conversation.standing import Marks, get_marks
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.storage.database import Database, Tx

ROOMS = 2_000
"""How many rooms are cached. The least recently used room is dropped first."""
EXCERPTS = 16
"""Maximum number of cached excerpts of each room. Most waiting clients ask for the same one."""
CHANGED = 10_000
"""Of how many rooms the time of the last change is known."""
MESSAGES = 200
"""How many messages are cached for each room."""

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class News:
    """New messages for one reader: the encoded list, and the id of its last message."""

    body: msgspec.Raw
    last_id: int
    marks: Marks | None = None
    """Those of the room, read after the messages, if other processes serve the database too."""
    answers: dict[int | None, Any] = field(default_factory=dict)
    """The answers to readers who got these messages with a common read marker."""


@dataclass(frozen=True, slots=True)
class CommonRead:
    """The common read marker of a room; None if all its users hide theirs."""

    marker: int | None


@dataclass(frozen=True, slots=True)
class _Excerpt:
    """The messages of a room after one of them that had not expired at the time `at`."""

    at: int
    page: Page
    common: News | None
    """The news for readers who see the same form of it as all others; None if there are no messages."""
    is_personal: bool
    """Whether some readers may see another form."""


@dataclass(slots=True)
class _Recent:
    """All messages of a room after `low`."""

    low: int
    page: Page
    marks: Marks | None
    excerpts: dict[tuple[int, int], _Excerpt] = field(default_factory=dict)
    """Excerpts by the message that the reader knows, and by the size of the page."""


class Feed:
    """Recent messages by room."""

    def __init__(self, db: Database, *, is_shared: bool) -> None:
        """`is_shared`: whether other processes may serve the same database."""
        self._db = db
        self._is_shared = is_shared
        self._rooms: LRUCache[int, _Recent] = LRUCache(ROOMS)
        self._common: LRUCache[int, CommonRead] = LRUCache(ROOMS)
        self._loading: dict[int, tuple[int, asyncio.Task[_Recent]]] = {}
        """Reads of messages in progress, each with the `low` of its result."""
        self._reading: dict[int, asyncio.Task[CommonRead]] = {}
        """Reads of common read markers in progress."""
        self._changed: dict[int, float] = {}
        """The times of the last changes in rooms."""
        self._all_changed_at = clock.ticks()

    def note_change(self, room_id: int) -> None:
        """Note that a message of a room was changed or removed."""
        if len(self._changed) >= CHANGED:
            self._changed.clear()
            self._all_changed_at = clock.ticks()
        self._changed[room_id] = clock.ticks()

    def changed_at(self, room_id: int) -> float:
        """Return a time (`clock.ticks`) after which no message of the room was changed or removed."""
        return self._changed.get(room_id, self._all_changed_at)

    # A change removes reads in progress from these dictionaries: the result still answers the requests that wait for
    # it, but is not cached.
    def forget(self, room_id: int) -> None:
        """Drop what is cached for a room, after a message was added or changed."""
        self._rooms.pop(room_id, None)
        self._loading.pop(room_id, None)
        self.forget_common_read(room_id)

    def forget_common_read(self, room_id: int) -> CommonRead | None:
        """Drop the common read marker of a room, after a read marker has moved. Return what was cached."""
        self._reading.pop(room_id, None)
        return self._common.pop(room_id, None)

    def clear(self) -> None:
        """Drop everything, for example after a user was renamed."""
        self._changed.clear()
        self._all_changed_at = clock.ticks()
        memories: tuple[MutableMapping[int, Any], ...] = (self._rooms, self._common, self._loading, self._reading)
        for memory in memories:
            memory.clear()

    async def get_news(self, room: Room, viewer: Actor, *, known: int, limit: int) -> News | None:
        """Return up to `limit` messages after the message `known`, oldest first; None if there is none."""
        recent = self._rooms.get(room.id)
        if recent is None or recent.low > known:
            recent = await self._load(room.id, known)
        excerpt = recent.excerpts.get((known, limit))
        if excerpt is None or excerpt.at != clock.now():
            if len(recent.excerpts) >= EXCERPTS:
                recent.excerpts.clear()
            excerpt = recent.excerpts[known, limit] = _excerpt(recent, room, known, limit)
        if excerpt.is_personal and message_view.is_personal(excerpt.page, viewer, room):
            return _news(excerpt.page, room, viewer, recent.marks)
        return excerpt.common

    async def get_common_read(self, room_id: int) -> int | None:
        """Return the common read marker of a room; None if all its users hide theirs.

        Requests at the same time share one query.
        """
        known = self._common.get(room_id)
        if known is None and not self._db.suspends:
            known = self._common[room_id] = await self._read_common(room_id)
        if known is None:
            task = self._reading.get(room_id)
            if task is None:
                task = self._reading[room_id] = asyncio.ensure_future(self._read_common(room_id))
                task.add_done_callback(lambda done: self._keep_common(room_id, done))
            known = await asyncio.shield(task)
        return known.marker

    async def _read_common(self, room_id: int) -> CommonRead:
        return CommonRead(await self._db.read(lambda tx: message_store.get_common_read(tx, room_id)))

    def _keep_common(self, room_id: int, task: asyncio.Task[CommonRead]) -> None:
        is_current = self._reading.get(room_id) is task
        if is_current:
            del self._reading[room_id]
        if not task.cancelled() and task.exception() is None and is_current:
            self._common[room_id] = task.result()

    async def _load(self, room_id: int, known: int) -> _Recent:
        """Read all messages after `known`. Requests at the same time share one query."""
        if not self._db.suspends:
            recent = await self._read(room_id, known)
            self._keep(room_id, recent)
            return recent
        loading = self._loading.get(room_id)
        if loading is not None and loading[0] <= known:
            task = loading[1]
        else:
            task = asyncio.ensure_future(self._read(room_id, known))
            self._loading[room_id] = known, task
            task.add_done_callback(lambda done: self._loaded(room_id, done))
        return await asyncio.shield(task)

    async def _read(self, room_id: int, known: int) -> _Recent:
        async def work(tx: Tx) -> _Recent:
            page = await messages.get_news(tx, room_id, known=known, limit=MESSAGES)
            return _Recent(known, page, await get_marks(tx, room_id) if self._is_shared else None)

        return await self._db.read(work)

    def _loaded(self, room_id: int, task: asyncio.Task[_Recent]) -> None:
        if self._loading.get(room_id, (0, None))[1] is task:
            del self._loading[room_id]
            if not task.cancelled() and task.exception() is None:
                self._keep(room_id, task.result())

    def _keep(self, room_id: int, recent: _Recent) -> None:
        if len(recent.page.messages) < MESSAGES:  # a full page may leave out later messages
            self._rooms[room_id] = recent


def _excerpt(recent: _Recent, room: Room, known: int, limit: int) -> _Excerpt:
    page, now = recent.page, clock.now()
    fresh = [message for message in page.messages if message.id > known and not message.is_expired(now)][:limit]
    parents = {key: parent for key, parent in page.parents.items() if not parent.is_expired(now)}
    page = Page(fresh, parents, page.names, page.reactors)
    common = _news(page, room, Actor("", ""), recent.marks) if fresh else None
    return _Excerpt(now, page, common, is_personal=bool(fresh) and message_view.can_be_personal(page, room))


def _news(page: Page, room: Room, viewer: Actor, marks: Marks | None) -> News:
    return News(msgspec.Raw(_encode(message_view.messages(page, room, viewer))), page.messages[-1].id, marks)
