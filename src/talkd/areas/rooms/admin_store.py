"""Statements that measure rooms."""

import sqlalchemy as sa

from talkd.areas.rooms.admin_model import RoomMeasures
from talkd.core.actor import GROUPS
from talkd.core.search import like_pattern
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, attendees, messages, rooms
from talkd.storage.statements import ZERO, bind, word


def _count_of(table: sa.Table, room_id: sa.ColumnElement[int], *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    counted = sa.select(sa.func.count()).select_from(table).where(table.c.room_id == room_id, *where)
    return counted.correlate_except(table).scalar_subquery()


_people = _count_of(attendees, rooms.c.id, attendees.c.actor_type != word(GROUPS))
_messages = _count_of(messages, rooms.c.id)
_counted = (
    sa.select(messages.c.room_id, sa.func.count().label("number")).group_by(messages.c.room_id).subquery("counted")
)
"""The messages of all rooms, counted by one scan. Counting room by room visits each message, if many are new."""
ORDERS = {"activity": rooms.c.last_activity, "messages": sa.func.coalesce(_counted.c.number, ZERO), "people": _people}


def _sorted_by(name: str) -> Query[RoomMeasures]:
    """Return a query that measures only the rooms of a page, unless the order needs the measure of all."""
    order = ORDERS[name]
    counted = rooms.outerjoin(_counted, _counted.c.room_id == rooms.c.id) if name == "messages" else rooms
    page = (
        sa.select(rooms.c.id, order.label("measure"))
        .select_from(counted)
        .where(rooms.c.deleted == ZERO, rooms.c.token.like(bind("pattern", sa.Text), escape="\\"))
        .order_by(order.desc(), rooms.c.id.desc())
        .limit(bind("limit", Int))
        .offset(bind("offset", Int))
        .subquery("page")
    )
    measures = shape_of(
        RoomMeasures,
        rooms.c.token,
        rooms.c.type,
        page.c.measure if name == "people" else _people,
        page.c.measure if name == "messages" else _messages,
        rooms.c.last_activity,
        rooms.c.call_started_at,
    )
    statement = sa.select(*measures).join(page, page.c.id == rooms.c.id)
    return Query(statement.order_by(page.c.measure.desc(), rooms.c.id.desc()), measures)


_BY_ORDER = {name: _sorted_by(name) for name in ORDERS}


async def list_measured(tx: Tx, search: str, order: str, limit: int, offset: int) -> list[RoomMeasures]:
    """List rooms in one of ORDERS, the largest first. `search` is a part of their tokens."""
    return await tx.list(_BY_ORDER[order], pattern=like_pattern(search), limit=limit, offset=offset)
