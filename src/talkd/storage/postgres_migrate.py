"""Upgrade a PostgreSQL database to the newest schema."""

import asyncio
from functools import partial
from typing import Any

import asyncpg

from talkd.storage.migrate import GET_USABLE_BY, Schema, explain_outages, is_behind, upgrade
from talkd.storage.postgres_hosts import connect

LOCK = 7_482_001
"""Number of the advisory lock that prevents two starting processes from migrating at the same time."""
BUSY_SECONDS = 2.0
"""Seconds that a migration waits for a table that others use. Whoever comes after it waits for it meanwhile."""
BUSY_TRIES = 60
"""How often a migration is begun again because a table was in use."""
BUSY_PAUSE = 0.5
"""Seconds between these, in which the others go on."""
_IN_USE = ("55P03", "40P01")
"""PostgreSQL's error codes for a lock that was not free in time, and for a deadlock with those who use the tables."""


async def schema_of_postgres(connection: "asyncpg.Connection[asyncpg.Record]") -> Schema:
    """Return the schema of the database without changing it."""
    if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return Schema(None)
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    if not await connection.fetchval("SELECT to_regclass('meta') IS NOT NULL"):
        return Schema(revision)
    return Schema(revision, await connection.fetchval(GET_USABLE_BY) or "")


async def migrate_postgres(url: str, *, timeout: float) -> None:
    """Create or upgrade the tables. Connecting may take `timeout` seconds. Raises DatabaseRefused."""
    connection = await connect(url, timeout=timeout)
    try:
        is_old = is_behind(await schema_of_postgres(connection))
    finally:
        await connection.close()
    if is_old:
        await _upgrade_postgres(url)


def _upgrade_alone(connection: Any) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
    upgrade(connection)


async def _upgrade_postgres(url: str) -> None:
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, url))
    try:
        with explain_outages():
            for left in reversed(range(BUSY_TRIES)):
                try:
                    async with engine.begin() as connection:
                        await connection.run_sync(_upgrade_alone)
                except sa.exc.DBAPIError as error:
                    if getattr(error.orig, "sqlstate", None) not in _IN_USE or not left:
                        raise
                    await asyncio.sleep(BUSY_PAUSE)
                else:
                    return
    finally:
        await engine.dispose()
