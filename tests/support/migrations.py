"""Databases with the schema of an older talkd."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from talkd.config import Config as TalkdConfig
from talkd.storage.migrate import MIGRATIONS, migrate_sqlite
from talkd.storage.postgres_migrate import migrate_postgres
from talkd.storage.schema import metadata

T = TypeVar("T")


def alembic() -> Config:
    """Return Alembic's settings for the migrations."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    return settings


def upgrade(connection: sa.Connection, revision: str) -> None:
    """Upgrade the database of an open transaction to a revision."""
    settings = alembic()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)


def bring_sqlite_to(path: Path, revision: str) -> None:
    """Create a file, or upgrade it, to the schema of a revision."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


class Old:
    """A database with the schema of an older revision."""

    def __init__(self, config: TalkdConfig) -> None:
        self.config = config
        self._url = config.database.url
        self._path = Path(config.data) / "talkd.db"

    @property
    def is_postgres(self) -> bool:
        """Return True if it is not SQLite."""
        return bool(self._url)

    def on(self, work: Callable[[sa.Connection], T]) -> T:
        """Run something in a transaction."""
        if self._url:
            return asyncio.run(self._on_postgres(work))
        engine = sa.create_engine(f"sqlite:///{self._path}")
        with engine.begin() as connection:
            done = work(connection)
        engine.dispose()
        return done

    async def _on_postgres(self, work: Callable[[sa.Connection], T]) -> T:
        engine = create_async_engine("postgresql+asyncpg://" + self._url.partition("://")[2])
        async with engine.begin() as connection:
            done = await connection.run_sync(work)
        await engine.dispose()
        return done

    def bring_to(self, revision: str) -> None:
        """Create the schema of a revision."""
        self.on(lambda connection: upgrade(connection, revision))

    def bring_up_to_date(self) -> None:
        """Upgrade to the newest schema."""
        if self._url:
            asyncio.run(migrate_postgres(self._url, timeout=5))
        else:
            migrate_sqlite(self._path)

    def run(self, text: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, if it has any."""

        def work(connection: sa.Connection) -> list[tuple[Any, ...]]:
            found = connection.execute(sa.text(text), values)
            return [tuple(row) for row in found] if found.returns_rows else []

        return self.on(work)


NEXT = "9999"
"""The revision of a later version."""


def bring_to_next(old: Old, usable_by: str | None) -> None:
    """Change the tables as a migration of a later version may: every table gets columns, and there is a new one."""
    old.bring_up_to_date()
    changes = [f"ALTER TABLE {table} ADD COLUMN later TEXT" for table in metadata.tables]
    changes += [f"ALTER TABLE {table} ADD COLUMN later_count INTEGER NOT NULL DEFAULT 0" for table in metadata.tables]
    changes += ["CREATE TABLE later_things (id INTEGER PRIMARY KEY)", "CREATE INDEX later_polls ON polls (later_count)"]
    changes += [f"UPDATE alembic_version SET version_num = '{NEXT}'", "DELETE FROM meta WHERE key = 'usable_by'"]
    if usable_by is not None:
        changes.append(f"INSERT INTO meta (key, value) VALUES ('usable_by', '{usable_by}')")

    def work(connection: sa.Connection) -> None:
        for change in changes:
            connection.exec_driver_sql(change)

    old.on(work)
