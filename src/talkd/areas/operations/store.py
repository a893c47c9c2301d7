"""Statements that count rows for the metrics."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs
from talkd.storage.schema import rooms, sessions, users
from talkd.storage.statements import ONE, ZERO, Statement

_SESSIONS = Statement(sa.select(sa.func.count()).select_from(sessions))
_ACCOUNTS = Statement(sa.select(sa.func.count()).select_from(users).where(users.c.enabled == ONE))
_CALLS = Statement(sa.select(sa.func.count()).select_from(rooms).where(rooms.c.call_started_at > ZERO))
_FILES = Statement(sa.select(sa.func.count()).select_from(blobs))
_FILE_BYTES = Statement(sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size), ZERO)))


async def count(tx: Tx) -> dict[str, int]:
    """Return the numbers of `sessions` in all rooms, of `accounts` that can log in, and of `calls`.

    And those of stored `files` and uploaded pictures, equal ones counted once, and of their bytes (`file_bytes`).
    """
    statements = {
        "sessions": _SESSIONS,
        "accounts": _ACCOUNTS,
        "calls": _CALLS,
        "files": _FILES,
        "file_bytes": _FILE_BYTES,
    }
    return {name: int(await tx.value(statement)) for name, statement in statements.items()}
