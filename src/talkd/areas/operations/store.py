"""Statements that count rows for the metrics."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import sessions, users
from talkd.storage.statements import ONE, Statement

_SESSIONS = Statement(sa.select(sa.func.count()).select_from(sessions))
_ACCOUNTS = Statement(sa.select(sa.func.count()).select_from(users).where(users.c.enabled == ONE))


async def count(tx: Tx) -> dict[str, int]:
    """Return the numbers of `sessions` in all rooms and of `accounts` that can log in."""
    return {"sessions": int(await tx.value(_SESSIONS)), "accounts": int(await tx.value(_ACCOUNTS))}
