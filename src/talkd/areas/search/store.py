"""Statements that search."""

import sqlalchemy as sa

from talkd.areas.chat.model import Message
from talkd.areas.chat.store import MESSAGE, is_visible
from talkd.areas.participants.model import Attendee, Participant
from talkd.areas.participants.store import ATTENDEE, ROOM
from talkd.areas.rooms.model import Room
from talkd.areas.search.model import Membership, Query
from talkd.core.actor import USERS
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.core.search import searchable
from talkd.storage.database import Tx
from talkd.storage.schema import attendees, messages, rooms, users
from talkd.storage.statements import (
    COMMON,
    NOTHING,
    ONE,
    Statement,
    bind,
    contains,
    holds,
    is_found_often,
    number,
    one_of,
    word,
)

SEQUENCE = 3
"""Characters of the sequences that the index is made of."""

_partner = users.alias("partner")
_MEMBERSHIPS = Statement(
    sa.select(*ROOM, *ATTENDEE, _partner.c.display_name)
    .select_from(attendees)
    .join(rooms, rooms.c.id == attendees.c.room_id)
    .outerjoin(
        _partner,
        sa.and_(
            rooms.c.user_a.is_not(None),
            _partner.c.id == sa.case((rooms.c.user_a == attendees.c.actor_id, rooms.c.user_b), else_=rooms.c.user_a),
        ),
    )
    .where(attendees.c.actor_type == word(USERS), attendees.c.actor_id == bind("user_id"))
    .order_by(attendees.c.room_id)
)

_id, _created = messages.c.id, messages.c.created_at
_by_anybody = bind("person", sa.Text) == NOTHING
_page = (
    sa.select(*MESSAGE)
    .where(
        one_of(messages.c.room_id, "room_ids"),
        messages.c.countable == ONE,
        is_visible(messages),
        _id < bind("before", _id.type),
        _created >= bind("since", _created.type),
        _created <= bind("until", _created.type),
        sa.or_(
            _by_anybody, sa.and_(messages.c.actor_type == word(USERS), messages.c.actor_id == bind("person", sa.Text))
        ),
    )
    .order_by(_id.desc())
    .limit(bind("limit", sa.Integer))
)
_WALK = Statement(_page.where(_id > bind("after", _id.type), holds(messages, "term")))
_CONTAINING = Statement(_page.where(contains(messages, "term")))
_IS_COMMON = Statement(sa.select(is_found_often("term")))

NEAR = 1_000
"""The newest ids among which a text is looked for first, in the messages themselves."""
FURTHER = (8_000, 64_000)
"""The same for a text that so many messages hold that the index would take long to list them."""
PORTIONS = (500, COMMON)
"""How many of the newest messages with the text the index gives at first, and then; all come last."""
FEW = 10_000
_some = (
    sa.select(ONE)
    .where(one_of(messages.c.room_id, "room_ids"), messages.c.countable == ONE)
    .limit(number(FEW))
    .subquery()
)
_COUNT = Statement(sa.select(sa.func.count()).select_from(_some))

_ROOM_END = len(ROOM)
_ATTENDEE_END = _ROOM_END + len(ATTENDEE)


async def list_memberships(tx: Tx, user_id: str) -> list[Membership]:
    """All rooms of a user."""
    return [
        Membership(
            Participant(Room(*row[:_ROOM_END]), Attendee(*row[_ROOM_END:_ATTENDEE_END])), row[_ATTENDEE_END] or ""
        )
        for row in await tx.all(_MEMBERSHIPS, user_id=user_id)
    ]


async def list_messages(tx: Tx, room_ids: list[int], query: Query, *, newest: int, now: int) -> list[Message]:
    """List what people said in these rooms and has not expired, newest first; `newest` is the last id there.

    A word that most messages hold is found among the newest ones, and a rare one by the index. So a page costs about
    the same for every word.
    """
    search = _Search(tx, room_ids, query, min(query.before, newest + 1), now)
    if await search.walk(NEAR):
        return search.found
    is_in_order = tx.searches_newest_first and len(search.term) >= SEQUENCE
    for portion in PORTIONS if is_in_order else ():
        if await search.ask_index(portion):
            return search.found
    is_common = not search.term or bool(await tx.value(_IS_COMMON, term=search.term))
    if is_in_order and not is_common:
        return search.found  # the last portion was all of it
    for ids in FURTHER if is_common and not is_in_order else ():
        if await search.walk(ids):
            return search.found
    if not search.term or (is_common and await _are_few(tx, room_ids)):
        await search.walk(ABOVE_ALL_IDS)
    else:
        await search.ask_index(ABOVE_ALL_IDS)
    return search.found


async def _are_few(tx: Tx, room_ids: list[int]) -> bool:
    """Return True if the rooms have so few messages that reading all of them takes some milliseconds."""
    return bool(await tx.value(_COUNT, room_ids=tx.many(room_ids)) < FEW)


class _Search:
    """A search on its way: `found` is a page of the newest messages, as far as they were looked at."""

    def __init__(self, tx: Tx, room_ids: list[int], query: Query, before: int, now: int) -> None:
        self.term = searchable(query.term)
        self.found: list[Message] = []
        self._tx, self._limit, self._before = tx, query.limit, before
        self._parameters = {
            "room_ids": tx.many(room_ids), "now": now, "before": before, "since": query.since,
            "until": query.until, "person": query.person, "limit": query.limit, "term": self.term,
        }  # fmt: skip

    async def walk(self, ids: int) -> bool:
        """Look at the messages with the newest ids. Return True if the page is full."""
        return await self._find(_WALK, after=self._before - ids - 1)

    async def ask_index(self, portion: int) -> bool:
        """Look at the newest messages that the index knows. Return True if the page is full."""
        return await self._find(_CONTAINING, portion=portion)

    async def _find(self, statement: Statement, **parameters: int) -> bool:
        rows = await self._tx.all(statement, **self._parameters, **parameters)
        self.found = [Message(*row) for row in rows]
        return len(self.found) == self._limit
