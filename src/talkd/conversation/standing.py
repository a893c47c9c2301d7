"""Whether callers may have been removed or logged out since they were checked, as the database knows it.

A process hears of such changes at other processes a moment after their commit. Who answers with messages reads the
marks after the messages: if they have moved, the caller is checked again. So no message reaches somebody who was
removed before it was posted.
"""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import as_before, meta, rooms
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, word

EPOCH = "epoch"
"""The fact that is another text after every change of settings, passwords or roles."""


class Marks(NamedTuple):
    """The epoch, and the count of changes of what attendees of a room may do."""

    epoch: str
    standing: int


_epoch = sa.select(meta.c.value).where(meta.c.key == word(EPOCH)).scalar_subquery()
_standing = sa.select(rooms.c.standing).where(rooms.c.id == bind("room_id")).scalar_subquery()
_MARKS = shape_of(Marks, sa.func.coalesce(_epoch, EMPTY), sa.func.coalesce(_standing, ZERO))
_GET = Query(sa.select(*_MARKS), _MARKS)
_COUNT = Statement(
    sa.update(rooms).where(rooms.c.id == bind("room_id")).values(standing=rooms.c.standing + ONE, **as_before(rooms))
)


async def get_marks(tx: Tx, room_id: int) -> Marks:
    """Return the marks of a room."""
    marks = await tx.find(_GET, room_id=room_id)
    assert marks is not None, "the statement always returns a row"
    return marks


async def count_change(tx: Tx, room_id: int) -> None:
    """Count a change of what attendees of a room may do."""
    await tx.run(_COUNT, room_id=room_id)
