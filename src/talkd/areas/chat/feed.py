"""The newest messages of busy rooms, in memory and ready to send.

A message to a thousand waiting clients costs one query and one encoding for each kind of reader, not a
thousand: readers whom the server does not speak of all get the same bytes.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

import msgspec

from talkd.areas.chat import service, view
from talkd.areas.chat.model import Message, Page
from talkd.areas.rooms.model import Room
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.storage.database import Database

ROOMS = 2_000
"""Rooms kept at most; the one longest not asked for goes first."""
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
    bodies: dict[tuple[int, int], msgspec.Raw] = field(default_factory=dict)


class Feed:
    """Recent messages by room."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rooms: OrderedDict[int, _Recent] = OrderedDict()
        self._common: OrderedDict[int, int] = OrderedDict()
        self._generation = 0

    def forget(self, room_id: int) -> None:
        """Something new was said, or something old has changed: look again at the next request."""
        self._generation += 1
        self._rooms.pop(room_id, None)
        self._common.pop(room_id, None)

    def forget_markers(self, room_id: int) -> None:
        """Somebody has read further."""
        self._generation += 1
        self._common.pop(room_id, None)

    def clear(self) -> None:
        """Forget everything, for example after people were renamed."""
        self._generation += 1
        self._rooms.clear()
        self._common.clear()

    async def get_news(self, room: Room, viewer: Actor, *, known: int, limit: int) -> News | None:
        """What was said after `known`, oldest first, `limit` messages at most; None when there is nothing."""
        recent = self._rooms.get(room.id)
        if recent is None or recent.low > known:
            recent = await self._load(room.id, known)
        now = clock.now()
        fresh = [
            message
            for message in recent.page.messages
            if message.id > known and (not message.expires_at or message.expires_at > now)
        ][:limit]
        if not fresh:
            return None
        return News(self._body(recent, fresh, room, viewer), fresh[-1].id)

    async def get_common_read(self, room_id: int) -> int:
        """How far everybody in the room has read."""
        known = self._common.get(room_id)
        if known is None:
            generation = self._generation
            known = await self._db.read(lambda tx: service.get_common_read(tx, room_id))
            if generation == self._generation:
                self._common[room_id] = known
                while len(self._common) > ROOMS:
                    self._common.popitem(last=False)
        return known

    async def _load(self, room_id: int, known: int) -> _Recent:
        generation = self._generation
        page = await self._db.read(
            lambda tx: service.get_news(tx, room_id, known=known, including=False, limit=MESSAGES)
        )
        recent = _Recent(known, page)
        # With a full page there may be more, and what was forgotten while we read may be missing here.
        if len(page.messages) < MESSAGES and generation == self._generation:
            self._rooms[room_id] = recent
            self._rooms.move_to_end(room_id)
            while len(self._rooms) > ROOMS:
                self._rooms.popitem(last=False)
        return recent

    @staticmethod
    def _body(recent: _Recent, fresh: list[Message], room: Room, viewer: Actor) -> msgspec.Raw:
        page = Page(fresh, recent.page.parents, recent.page.names)
        if any(view.speaks_of(message, viewer) for message in fresh):
            return msgspec.Raw(_encode(view.messages(page, room, viewer)))
        key = fresh[0].id, fresh[-1].id
        body = recent.bodies.get(key)
        if body is None:
            body = recent.bodies[key] = msgspec.Raw(_encode(view.messages(page, room, Actor("", ""))))
        return body
