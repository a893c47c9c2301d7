"""Transactions of commands. A running server receives the events of each transaction and wakes its clients."""

import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import click

from talkd.areas.announcements import service as announcements
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.member_model import ChangeKey, Progress
from talkd.areas.settings import clock_service
from talkd.cli.command import database_of, run
from talkd.config import Config
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Unavailable
from talkd.storage.database import Database, DatabaseRefused, Tx, Work
from talkd.storage.migrate import Schema, schema_of_sqlite

T = TypeVar("T")

CONNECT = 5.0
"""Timeout in seconds for connecting to PostgreSQL."""
RUNNING_SECONDS = 600
"""A database without a write for this many seconds belongs to no running server. It may be a restored backup."""


@contextlib.asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Database]:
    """Open the database, migrated, with the in-transaction effects of the server. Raises DatabaseRefused."""
    from talkd.app import open_database

    is_new = not config.database.url and not (Path(config.data) / "talkd.db").exists()
    db = open_database(config)
    await db.open()
    if is_new:  # often a mistake: the options of the server's database were forgotten
        click.echo(f"talkd: created a new database: {database_of(config)}", err=True)
    try:
        await db.read(clock_service.follow_scale)
        yield db
    finally:
        await db.close()


def read(config: Config, work: Work[T]) -> T:
    """Run one read transaction. Raises TalkError if it is refused. Ends the command if the database cannot be used."""

    async def whole() -> T:
        async with opened(config) as db:
            return await db.read(work)

    return run(whole())


def write(config: Config, work: Work[T]) -> T:
    """Run one write transaction and announce its events. Errors are as for `read`."""

    async def whole() -> T:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            return await db.write(_announced(work))

    return run(whole())


def _announced(work: Work[T]) -> Work[T]:
    """Return work that also announces its events to a running server."""

    async def whole(tx: Tx) -> T:
        result = await work(tx)
        await announcements.announce(tx, tx.events)
        return result

    return whole


def write_in_portions(config: Config, portion: Work[bool]) -> None:
    """Run write transactions, as `write` does, until the work returns True. Other writers run in between."""

    async def whole() -> None:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            while not await db.write(_announced(portion)):
                pass

    run(whole())


def change_members(config: Config, work: Work[tuple[T, Progress]]) -> T:
    """Run work that begins a change of members, as `write` does, and then all portions of the change."""

    def next_portion(key: ChangeKey) -> Work[Progress]:
        return _announced(partial(members.run_portion, key=key, talk_settings=TalkSettings()))

    async def whole() -> T:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            result, progress = await db.write(_announced(work))
            while progress.unfinished:
                progress = await db.write(next_portion(progress.unfinished))
            return result

    return run(whole())


async def schema_of(config: Config) -> Schema:
    """Return the schema of the database without changing it."""
    if config.database.url:
        from talkd.storage.postgres_hosts import connect
        from talkd.storage.postgres_migrate import schema_of_postgres

        connection = await connect(config.database.direct_url or config.database.url, timeout=CONNECT)
        try:
            return await schema_of_postgres(connection)
        finally:
            await connection.close()
    return schema_of_sqlite(Path(config.data) / "talkd.db")


def explain(error: Exception) -> str | None:
    """Return a message for a failure of the database, or None if the error is a bug in talkd."""
    import asyncpg  # here, so that commands on SQLite load it only for an error

    if isinstance(error, DatabaseRefused):
        return str(error)
    if isinstance(error, Unavailable) and isinstance(error.__cause__, Exception):
        return explain(error.__cause__)
    if isinstance(error, apsw.Error):
        return f"cannot use the database: {error}; check the data folder with `talkd doctor`"
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return f"cannot use PostgreSQL: {error}; check the address with `talkd doctor`"
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):  # commands connect to nothing else
        reason = error.strerror or str(error) or "it does not answer"
        return f"cannot reach PostgreSQL: {reason}; check the address with `talkd doctor`"
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{where}"
    return None
