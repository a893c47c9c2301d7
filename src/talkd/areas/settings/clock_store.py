"""The statement that reads the newest stored moment on the steady scale."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import sessions, throttle, web_sessions
from talkd.storage.statements import Statement

_MOMENTS = sessions.c.last_ping, web_sessions.c.seen_at, throttle.c.last_at
_LATEST = Statement(sa.union_all(*(sa.select(sa.func.max(column)) for column in _MOMENTS)))


async def get_latest_moment(tx: Tx) -> int:
    """Return the newest stored moment on the steady scale, or 0."""
    return max((row[0] or 0 for row in await tx.all(_LATEST)), default=0)
