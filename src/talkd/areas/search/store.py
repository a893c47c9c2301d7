"""Statements that search."""

import sqlalchemy as sa

from talkd.areas.chat.model import Message
from talkd.areas.chat.store import MESSAGE, is_visible
from talkd.areas.participants.model import Attendee, Participant
from talkd.areas.participants.store import ATTENDEE, ROOM
from talkd.areas.rooms.model import Room
from talkd.areas.search.model import Membership, Query
from talkd.core.actor import USERS
from talkd.core.search import searchable
from talkd.storage.database import Tx
from talkd.storage.schema import attendees, messages, rooms, users
from talkd.storage.statements import NOTHING, ONE, Statement, bind, contains, one_of, word

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
_LATEST = Statement(_page)
_CONTAINING = Statement(_page.where(contains(messages, "term")))

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


async def list_messages(tx: Tx, room_ids: list[int], query: Query, now: int) -> list[Message]:
    """What people said in these rooms and has not expired, newest first."""
    parameters = {
        "room_ids": tx.many(room_ids), "now": now, "before": query.before, "since": query.since,
        "until": query.until, "person": query.person, "limit": query.limit,
    }  # fmt: skip
    if query.term:
        return [Message(*row) for row in await tx.all(_CONTAINING, term=searchable(query.term), **parameters)]
    return [Message(*row) for row in await tx.all(_LATEST, **parameters)]
