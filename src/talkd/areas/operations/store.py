"""Statements about the installation itself."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import sessions, users
from talkd.storage.statements import ONE, Statement

_ALIVE = Statement(sa.select(ONE))
_SESSIONS = Statement(sa.select(sa.func.count()).select_from(sessions))
_ACCOUNTS = Statement(sa.select(sa.func.count()).select_from(users).where(users.c.enabled == ONE))


async def is_alive(tx: Tx) -> bool:
    """Whether the database answers."""
    return bool(await tx.value(_ALIVE) == 1)


async def count_sessions(tx: Tx) -> int:
    """Sessions of all conversations."""
    return int(await tx.value(_SESSIONS))


async def count_accounts(tx: Tx) -> int:
    """Accounts that can log in."""
    return int(await tx.value(_ACCOUNTS))
