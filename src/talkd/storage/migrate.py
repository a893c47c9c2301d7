"""Bringing a database to the newest schema. Alembic is loaded only when there is something to do."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import apsw
import asyncpg

from talkd.storage.database import DatabaseFromTheFuture

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013", "0014",
)  # fmt: skip
"""All revisions this talkd knows, oldest first; a test compares them with the files."""
LOCK = 7_482_001
"""Advisory lock that keeps two starting processes from migrating at once."""


def _check(current: str | None) -> bool:
    """Whether there is something to do. Raises DatabaseFromTheFuture."""
    if current is not None and current not in REVISIONS:
        raise DatabaseFromTheFuture(
            f"this database has schema {current}, this talkd knows schemas up to {REVISIONS[-1]}: "
            "start the newer talkd that wrote it, or restore the backup from before the upgrade"
        )
    return current != REVISIONS[-1]


def _upgrade(connection: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def revision_of_sqlite(path: Path) -> str | None:
    """The schema of the file as it is, without touching it; None when there is none yet."""
    if not path.exists():
        return None
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as file:
        file.set_busy_timeout(5000)
        if not list(file.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")):
            return None
        return next((str(row[0]) for row in file.execute("SELECT version_num FROM alembic_version")), None)


def migrate_sqlite(path: Path) -> None:
    """Create or upgrade the file. Raises DatabaseFromTheFuture."""
    if not _check(revision_of_sqlite(path)):
        return
    import sqlalchemy as sa

    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as upgrading:
        _upgrade(upgrading)
    engine.dispose()


async def revision_of_postgres(connection: "asyncpg.Connection[asyncpg.Record]") -> str | None:
    """The schema of the database as it is, without touching it; None when there is none yet."""
    if not await connection.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def migrate_postgres(url: str) -> None:
    """Create or upgrade the tables. Raises DatabaseFromTheFuture."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        if _check(await revision_of_postgres(connection)):
            await _upgrade_postgres(url)
    finally:
        await asyncio.shield(connection.close())


async def _upgrade_postgres(url: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    async_url = "postgresql+asyncpg://" + url.partition("://")[2]
    engine = create_async_engine(async_url)
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
    await engine.dispose()
