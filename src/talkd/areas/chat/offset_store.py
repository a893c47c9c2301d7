"""Statements that count messages, system messages excluded."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.conversation.message import Message
from talkd.conversation.message_store import CLEARED_ID, MESSAGE, is_visible
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, messages
from talkd.storage.statements import EMPTY, ONE, ZERO, bind


class Counted(NamedTuple):
    """The messages that were counted among some rows. The ids are 0 for none."""

    number: int
    last_id: int
    last_row_id: int
    """Id of the last row, even if it does not count."""


class Moment(NamedTuple):
    """The id of a message, and when it was sent."""

    id: int
    created_at: int


_after = (
    messages.c.room_id == bind("room_id"),
    messages.c.id > sa.case((bind("after", Int) < CLEARED_ID, CLEARED_ID), else_=bind("after", Int)),
)
_is_counted = sa.and_(
    messages.c.system == EMPTY,
    messages.c.created_at >= bind("since"),
    is_visible(messages, CLEARED_ID),
)
_seen = (
    sa.select(messages.c.id, sa.case((_is_counted, messages.c.id)).label("counted_id"))
    .where(*_after)
    .order_by(messages.c.id)
    .limit(bind("step", sa.Integer))
    .cte("seen")
)
"""The next `step` rows: a limit on the time of a statement. `counted_id` is the id of a row that counts, else null."""
_counted = (
    sa.select(_seen.c.counted_id)
    .where(_seen.c.counted_id.is_not(None))
    .order_by(_seen.c.counted_id)
    .limit(bind("wanted", sa.Integer))
    .cte("counted")
)
_COUNTED = shape_of(
    Counted,
    sa.select(sa.func.count()).select_from(_counted).scalar_subquery(),
    sa.func.coalesce(sa.select(sa.func.max(_counted.c.counted_id)).scalar_subquery(), ZERO),
    sa.func.coalesce(sa.select(sa.func.max(_seen.c.id)).scalar_subquery(), ZERO),
)
_COUNT = Query(sa.select(*_COUNTED), _COUNTED)
_LIST = Query(
    sa.select(*MESSAGE).where(*_after, _is_counted, messages.c.id <= bind("last")).order_by(messages.c.id), MESSAGE
)
_MOMENT = shape_of(Moment, messages.c.id, messages.c.created_at)
_NEXT = Query(sa.select(*_MOMENT).where(*_after).order_by(messages.c.id).limit(ONE), _MOMENT)


async def count_next(tx: Tx, room_id: int, after: int, since: int, *, wanted: int, step: int, now: int) -> Counted:
    """Count up to `wanted` messages among the next `step` rows."""
    counted = await tx.find(_COUNT, room_id=room_id, after=after, since=since, wanted=wanted, step=step, now=now)
    assert counted is not None, "a count always returns a row"
    return counted


async def list_between(tx: Tx, room_id: int, after: int, last: int, since: int, now: int) -> list[Message]:
    """Return the messages with ids above `after` and up to `last`, oldest first."""
    return await tx.list(_LIST, room_id=room_id, after=after, last=last, since=since, now=now)


async def get_next_time(tx: Tx, room_id: int, after: int) -> Moment | None:
    """Return id and time of the first row after the id; None at the end."""
    return await tx.find(_NEXT, room_id=room_id, after=after)
