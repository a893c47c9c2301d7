"""How commands get at the data: the same services as the server, in short transactions of their own.

A running server hears of every event of a command, as if it had happened there.
"""

import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import asyncpg
import typer

from talkd.areas.announcements import service as announcements
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms.member_model import Progress
from talkd.areas.settings import clock_service
from talkd.cli.command import database_of, run
from talkd.config import Config
from talkd.conversation.settings import TalkSettings
from talkd.core.errors import Unavailable
from talkd.storage.database import Database, DatabaseRefused, Tx, Work
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

    is_new = not config.database.url and not (Path(config.data) / "talkd.db").exists()
    db = open_database(config)
    await db.open()
    if is_new:  # often of somebody who forgot to say where the server's database is
        typer.echo(f"talkd: made a new database: {database_of(config)}", err=True)
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

    async def whole() -> T:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            return await db.write(_told(work))

    return run(whole())


def _told(work: Work[T]) -> Work[T]:
    """Return the work with its events announced to a running server."""

    async def told(tx: Tx) -> T:
        result = await work(tx)
        await announcements.announce(tx, tx.events)
        return result

    return told


def write_in_portions(config: Config, portion: Work[bool]) -> None:
    """As `write`, again and again until the work returns True; others write in between."""

    async def whole() -> None:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            while not await db.write(_told(portion)):
                pass

    run(whole())


def change_members(config: Config, work: Work[tuple[T, Progress]]) -> T:
    """As `write`, for work that begins a change of members: all its portions follow."""

    def go_on(progress: Progress) -> Work[Progress]:
        return _told(partial(members.go_on, change_id=progress.change_id, settings=TalkSettings()))

    async def whole() -> T:
        async with opened(config) as db:
            await db.skip_ids(after=RUNNING_SECONDS)
            result, progress = await db.write(_told(work))
            while progress.change_id:
                progress = await db.write(go_on(progress))
            return result

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


def explain(error: Exception) -> str | None:
    """A sentence for the person at the terminal; None for what is a mistake in talkd."""
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
