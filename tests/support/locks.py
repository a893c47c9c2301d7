"""Locks of PostgreSQL, for tests in which one transaction waits for another."""

import asyncio

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.statements import Statement

_WAITING = Statement(
    sa.text("SELECT pid FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)) LIMIT 1")
)


async def wait_until_one_waits(tx: Tx) -> None:
    """Wait until another transaction waits for this one."""
    async with asyncio.timeout(20):
        while not await tx.one(_WAITING):  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)
