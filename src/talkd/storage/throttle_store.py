"""Statements about failed attempts (`web/throttle.py`)."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import throttle
from talkd.storage.statements import ONE, Statement, bind, columns, insert


class Count(NamedTuple):
    """Failed attempts of an action from a network. `first_at` is the time of the first one."""

    action: str
    subnet: str
    attempts: int
    first_at: int


_COUNTED = shape_of(Count, *columns(throttle, Count._fields))
_ALL = Query(sa.select(*_COUNTED).where(throttle.c.first_at > bind("since")), _COUNTED)
_FORGET = Statement(sa.delete(throttle).where(throttle.c.action == bind("action"), throttle.c.subnet == bind("subnet")))
_FORGET_OLD = Statement(sa.delete(throttle).where(throttle.c.last_at < bind("before")))


def _count_statement() -> Query[Count]:
    expired = throttle.c.first_at <= sa.bindparam("since", type_=throttle.c.first_at.type)
    now = sa.bindparam("now", type_=throttle.c.first_at.type)
    return Query(
        insert(throttle)
        .values(action=bind("action"), subnet=bind("subnet"), attempts=ONE, first_at=now, last_at=now)
        .on_conflict_do_update(
            index_elements=["action", "subnet"],
            set_={
                "attempts": sa.case((expired, ONE), else_=throttle.c.attempts + ONE),
                "first_at": sa.case((expired, now), else_=throttle.c.first_at),
                "last_at": now,
            },
        )
        .returning(*_COUNTED),
        _COUNTED,
    )


_COUNT = _count_statement()


async def list_counts(tx: Tx, since: int) -> list[Count]:
    """Return the counts whose first attempt was after `since`."""
    return await tx.list(_ALL, since=since)


async def forget(tx: Tx, action: str, subnet: str) -> bool:
    """Delete a count. Return False if there is none."""
    return await tx.run(_FORGET, action=action, subnet=subnet) > 0


async def forget_old(tx: Tx, before: int) -> None:
    """Delete counts whose last attempt was before that time."""
    await tx.run(_FORGET_OLD, before=before)


async def count(tx: Tx, action: str, subnet: str, now: int, *, since: int) -> Count:
    """Count an attempt. Return the attempts so far.

    The count starts again at one if its first attempt was not after `since`.
    """
    return await tx.create(_COUNT, action=action, subnet=subnet, now=now, since=since)
