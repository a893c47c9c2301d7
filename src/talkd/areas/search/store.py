"""Statements that search messages and list the rooms of a user."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from talkd.areas.search.model import Criteria, Membership
from talkd.conversation.attendee_store import MEMBER, PARTNER_NAME, with_partner
from talkd.conversation.message import Message
from talkd.conversation.message_store import MESSAGE, is_visible
from talkd.core.actor import USERS
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.core.search import searchable
from talkd.storage.database import Tx
from talkd.storage.queries import Query, combined, single
from talkd.storage.schema import attendees, messages, rooms
from talkd.storage.statements import (
    COMMON,
    EMPTY,
    ONE,
    Statement,
    bind,
    by_value,
    contains,
    holds,
    is_found_often,
    number,
    one_of,
    rarest_sequences,
    word,
)

SEQUENCE = 3
"""Length of the character sequences in the search index (trigrams)."""

_MEMBERSHIP = combined(Membership, MEMBER, single(PARTNER_NAME))
_of_user = (
    sa.select(*_MEMBERSHIP)
    .select_from(with_partner(attendees.join(rooms, rooms.c.id == attendees.c.room_id)))
    .where(attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"))
    .order_by(attendees.c.room_id)
)
_MEMBERSHIPS = Query(_of_user, _MEMBERSHIP)
_AMONG = Query(_of_user.where(one_of(attendees.c.room_id, "room_ids")), _MEMBERSHIP)

_id, _created = messages.c.id, messages.c.created_at
_by_anybody = bind("person", sa.Text) == EMPTY


def _page(room_id: sa.ColumnElement[int]) -> sa.Select[Any]:
    return (
        sa.select(*MESSAGE)
        .where(
            one_of(room_id, "room_ids"),
            messages.c.countable == ONE,
            is_visible(messages),
            _id < bind("before", _id.type),
            _created >= bind("since", _created.type),
            _created <= bind("until", _created.type),
            sa.or_(
                _by_anybody,
                sa.and_(messages.c.actor_type == word(USERS), messages.c.actor_id == bind("person", sa.Text)),
            ),
        )
        .order_by(_id.desc())
        .limit(bind("limit", sa.Integer))
    )


_READ_NEWEST = Query(_page(messages.c.room_id).where(_id > bind("after", _id.type), holds(messages, "term")), MESSAGE)
_SEARCH_INDEX = Query(_page(messages.c.room_id).where(contains(messages, "term")), MESSAGE)
# Otherwise PostgreSQL would also list all messages of the rooms by their index.
_SEARCH_INDEX_FIRST = Query(_page(by_value(messages.c.room_id)).where(contains(messages, "term")), MESSAGE)
_SEQUENCES = Statement(sa.select(rarest_sequences("term")))
_IS_COMMON = Statement(sa.select(is_found_often("term")))

MANY_ROOMS = 200
"""With more rooms than this, PostgreSQL searches the text index first and filters by room."""
NEAR = 1_000
"""How many of the newest message ids are searched first, by reading the messages."""
WIDER = (512_000, 64_000, 8_000)
"""How many are searched if the rooms have few messages among them. The more rooms others have, the fewer these are."""
VERY_FAST, FAST = 200, 1_000
"""How many messages of the rooms may be among them, at first, and in a second step if the first has found some."""
MANY_ACTIVE = 20
"""If so many of the rooms have messages among the newest, these are enough for the first step."""
FURTHER = (8_000, 64_000)
"""How many are read next if the term is so common that the index would be slow."""
PORTIONS = (500, COMMON)
"""How many of the newest matches the first and the second step read from the index. A third step reads all."""
FEW = 30_000
"""If the rooms have fewer messages than this, reading them is faster than the index, which covers all rooms."""
_some = (
    sa.select(ONE)
    .where(one_of(messages.c.room_id, "room_ids"), messages.c.countable == ONE)
    .limit(number(FEW))
    .subquery()
)
_COUNT = Statement(sa.select(sa.func.count()).select_from(_some))


def _count_among(ids: int) -> sa.ScalarSelect[int]:
    """Return how many messages the rooms have among so many of the newest ids, up to the parameter `most`."""
    newest = (
        sa.select(ONE)
        .where(one_of(messages.c.room_id, "room_ids"), _id > bind("before", _id.type) - number(ids))
        .limit(bind("most", sa.Integer))
    )
    return sa.select(sa.func.count()).select_from(newest.subquery()).scalar_subquery()


_COUNT_AMONG = Statement(sa.select(*(_count_among(ids) for ids in WIDER)))


async def list_memberships(tx: Tx, user_id: str, *, among: Collection[int] | None = None) -> list[Membership]:
    """Return the rooms of a user, or those `among` the given ids."""
    if among is None:
        return await tx.list(_MEMBERSHIPS, user_id=user_id)
    return await tx.list(_AMONG, user_id=user_id, room_ids=tx.many(list(among)))


async def list_messages(tx: Tx, newest_ids: Mapping[int, int], criteria: Criteria, *, now: int) -> list[Message]:
    """Return a page of messages, system messages excluded, that match the criteria in some rooms, newest first.

    `newest_ids` has the id of the newest message of each room. A common word is found by reading the newest messages of
    the rooms, and a rare word by the index, so that a page takes about the same time for every word, and also if other
    rooms have many messages.
    """
    search = _Search(tx, newest_ids, criteria, now)
    first = NEAR if search.has_many_active else await search.get_range(VERY_FAST)
    if await search.read_newest(first):
        return search.found
    if not search.term:
        await search.read_newest(ABOVE_ALL_IDS)
        return search.found
    second = await search.get_range(FAST) if search.found else 0
    if second > first and await search.read_newest(second):
        return search.found
    await search.choose_sequences()
    is_in_order = tx.searches_newest_first and len(search.term) >= SEQUENCE
    if not await search.is_common():
        await search.search_index(COMMON if is_in_order else ABOVE_ALL_IDS)  # on SQLite, there are at most so many
        return search.found
    if is_in_order:
        for portion in PORTIONS:
            if await search.search_index(portion):
                return search.found
    else:
        for ids in search.further:
            if ids > max(first, second) and await search.read_newest(ids):
                return search.found
    if tx.searches_newest_first and await _are_few(tx, list(newest_ids)):
        await search.read_newest(ABOVE_ALL_IDS)
    else:
        await search.search_index(ABOVE_ALL_IDS)
    return search.found


async def _are_few(tx: Tx, room_ids: list[int]) -> bool:
    """Return True if the rooms have so few messages that reading all of them is faster than the index."""
    return bool(await tx.value(_COUNT, room_ids=tx.many(room_ids)) < FEW)


class _Search:
    """A search in progress. `found` is the page of matches among the messages searched so far."""

    def __init__(self, tx: Tx, newest_ids: Mapping[int, int], criteria: Criteria, now: int) -> None:
        self.term = searchable(criteria.term)
        self.found: list[Message] = []
        self._tx, self._limit, self._newest_ids = tx, criteria.limit, newest_ids
        self._before = min(criteria.before, max(newest_ids.values(), default=0) + 1)
        self._parameters = {
            "now": now,
            "before": self._before,
            "since": criteria.since,
            "until": criteria.until,
            "person": criteria.person,
            "limit": criteria.limit,
            "term": self.term,
        }

    @property
    def further(self) -> tuple[int, ...]:
        """Return how many of the newest ids to read next. With many rooms only the first step is worth it."""
        return FURTHER[:1] if len(self._newest_ids) > MANY_ROOMS else FURTHER

    @property
    def has_many_active(self) -> bool:
        """Whether many of the rooms have messages among the newest, or there are no older messages."""
        active = sum(newest >= self._before - NEAR for newest in self._newest_ids.values())
        return active >= MANY_ACTIVE or self._before <= NEAR

    async def get_range(self, most: int) -> int:
        """Return how many of the newest ids to read, so that the rooms have at most so many messages among them."""
        room_ids = self._tx.many(list(self._newest_ids))
        counts = await self._tx.one(_COUNT_AMONG, before=self._before, room_ids=room_ids, most=most + 1)
        assert counts is not None, "counts always have a row"
        return next((ids for ids, count in zip(WIDER, counts, strict=True) if count <= most), NEAR)

    async def choose_sequences(self) -> None:
        """Choose the sequences to look up in the index."""
        self._parameters["sequences"] = await self._tx.value(_SEQUENCES, term=self.term)

    async def is_common(self) -> bool:
        """Return True if the term is so common that listing all matches of the index would be slow."""
        sequences = self._parameters["sequences"]
        return bool(await self._tx.value(_IS_COMMON, term=self.term, sequences=sequences))

    async def read_newest(self, ids: int) -> bool:
        """Read the messages with the newest `ids` ids. Return True if the page is full."""
        after = self._before - ids - 1
        room_ids = [room_id for room_id, newest in self._newest_ids.items() if newest > after]
        return await self._find(_READ_NEWEST, room_ids, after=after)

    async def search_index(self, portion: int) -> bool:
        """Take the newest `portion` matches from the index. Return True if the page is full."""
        index_first = len(self._newest_ids) > MANY_ROOMS and len(self.term) >= SEQUENCE
        statement = _SEARCH_INDEX_FIRST if index_first else _SEARCH_INDEX
        return await self._find(statement, list(self._newest_ids), portion=portion)

    async def _find(self, statement: Query[Message], room_ids: list[int], **parameters: int) -> bool:
        self.found = await self._tx.list(statement, **self._parameters, room_ids=self._tx.many(room_ids), **parameters)
        return len(self.found) == self._limit
