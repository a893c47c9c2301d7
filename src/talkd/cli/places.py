"""Databases that are backed up, restored or copied: where they are, and that no server uses them."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Self

import msgspec

from talkd.backups.source import Source
from talkd.backups.target import Target
from talkd.cli import data_folder
from talkd.cli.command import database_name
from talkd.config import Config

FILE = "talkd.db"
SQLITE, POSTGRES = "sqlite://", ("postgresql://", "postgres://")


class Place(msgspec.Struct, frozen=True):
    """A database."""

    url: str
    """Of PostgreSQL. Empty for SQLite."""
    folder: Path
    """The data folder, with the SQLite file if it has one."""

    @property
    def name(self) -> str:
        """Return a name to print, without a password."""
        return database_name(self.url, self.folder)

    def is_same_as(self, other: Self) -> bool:
        """Return True if both are certainly one database. Two URLs of PostgreSQL may also mean the same one."""
        return self.url == other.url if self.url or other.url else self.folder.resolve() == other.folder.resolve()

    def require_file(self) -> None:
        """Raises PlaceRefused, DatabaseRefused if the SQLite file is missing. Reserving would make its folder."""
        if not self.url:
            from talkd.backups.sqlite_source import require_file

            require_file(self.folder / FILE)

    def open_source(self, *, keeps_writers_out: bool = False) -> AbstractAsyncContextManager[Source]:
        """Read the database as it is now. `keeps_writers_out`: whether nobody else may write meanwhile."""
        if self.url:
            from talkd.backups.postgres_source import opened_postgres

            return opened_postgres(self.url, keeps_writers_out=keeps_writers_out)
        from talkd.backups.sqlite_source import opened_sqlite

        return opened_sqlite(self.folder / FILE, keeps_writers_out=keeps_writers_out)

    def fill(self, *, may_continue: bool = False) -> AbstractAsyncContextManager[Target]:
        """Fill the database, which must be empty. `may_continue`: or have a part of the same copy."""
        if self.url:
            from talkd.backups.postgres_target import filled_postgres

            return filled_postgres(self.url, may_continue=may_continue)
        from talkd.backups.sqlite_target import filled_sqlite

        return filled_sqlite(self.folder / FILE, may_continue=may_continue)

    @contextlib.asynccontextmanager
    async def reserved(self) -> AsyncIterator[None]:
        """Keep servers out. Raises FolderRefused, DatabaseInUse."""
        if self.url:
            from talkd.storage.postgres_lock import ServingLock

            lock = ServingLock(self.url)
            await lock.take()
            try:
                yield
            finally:
                await lock.release()
        else:
            with data_folder.lock_data(self.folder):
                yield


def place_of(config: Config) -> Place:
    """Return the database that the settings choose."""
    return Place(config.database.direct_url or config.database.url, Path(config.data))


def place_at(url: str) -> Place:
    """Return the database at a URL: `postgresql://…`, or `sqlite://` and the data folder. Raises ValueError."""
    if url.startswith(POSTGRES):
        return Place(url, Path())
    if not url.startswith(SQLITE):
        raise ValueError("a database is sqlite:///FOLDER or postgresql://…")
    path = url.removeprefix(SQLITE)
    if not path:
        raise ValueError("the data folder is missing after sqlite://")
    folder = Path("/" + path.lstrip("/")) if path.startswith("/") else Path(path)
    return Place("", folder.parent if folder.name == FILE else folder)
