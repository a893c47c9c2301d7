"""How commands get at the data: the same services as the server, in short transactions of their own.

A running server hears of every event of a command, as if it had happened there.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import asyncpg

from talkd.areas.announcements import service as announcements
from talkd.areas.settings import clock_service
from talkd.cli.command import run
from talkd.config import Config
from talkd.storage.database import Database, Tx, Work
from talkd.storage.migrate import revision_of_postgres, revision_of_sqlite

T = TypeVar("T")

CONNECT = 5.0
"""Seconds in which PostgreSQL must answer."""
RUNNING_SECONDS = 600
"""A database that was not written for so long is not one of a running server; it may have been restored."""


@contextlib.asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Database]:
    """The database, migrated, with what follows inside its transactions. Raises DatabaseRefused."""
    from talkd.app import open_database

    db = open_database(config)
    await db.open()
    try:
        await db.read(clock_service.follow_scale)
        yield db
    finally:
        await db.close()


def read(config: Config, work: Work[T]) -> T:
    """One read of a command; ends the command when it is refused."""

    async def whole() -> T:
        async with opened(config) as db:
            return await db.read(work)

    return run(whole())


def write(config: Config, work: Work[T]) -> T:
    """One change of a command, which a running server hears of; ends the command when it is refused."""

    async def told(tx: Tx) -> T:
        result = await work(tx)
        await announcements.announce(tx, tx.events)
        return result

    async def whole() -> T:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            return await db.write(told)

    return run(whole())


async def revision_of(config: Config) -> str | None:
    """The schema of the database as it is, without touching it; None when there is none yet."""
    if config.database.url:
        connection = await asyncpg.connect(config.database.url, timeout=CONNECT)
        try:
            return await revision_of_postgres(connection)
        finally:
            await connection.close()
    return revision_of_sqlite(Path(config.data) / "talkd.db")
