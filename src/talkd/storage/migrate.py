"""Upgrade a database to the newest schema, in one transaction: if the process is killed, nothing has changed.

Alembic is imported only if there is something to do.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from talkd.storage import sqlite_files as files
from talkd.storage import sqlite_generation as generation
from talkd.storage.database import DatabaseRefused, DatabaseTooNew

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = tuple(sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")))
"""All revisions that this talkd knows, oldest first: the numbers with which the migration files begin."""
UNFINISHED = ".new"
"""Suffix of a SQLite file while its first tables are created. A file without it is always complete."""
COPYING = "copying"
"""In place of a revision, this marks a database that `talkd copy` has not filled yet. Every talkd refuses it."""
BUSY_SECONDS = 60
"""Seconds that an upgrade waits for another process that writes to the SQLite file."""


_MISFIT_SQLITE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)
_MISFIT_POSTGRES = ("22", "23", "42")
"""Error codes, on PostgreSQL their first digits, that are caused by the tables and not by disk, network or locks."""
_NO_PRIVILEGE_POSTGRES = "42501"
"""PostgreSQL's error code for missing privileges."""


class MigrationFailed(DatabaseRefused):
    """The database could not be upgraded to the newest schema. It was not changed."""


def is_behind(current: str | None) -> bool:
    """Return True if the schema must be created or upgraded. Raises DatabaseTooNew, DatabaseIncomplete."""
    if current == COPYING:
        raise files.DatabaseIncomplete(
            "this database is an unfinished copy of another one: run the same `talkd copy` again, which continues it"
        )
    if current is not None and current not in REVISIONS:
        raise DatabaseTooNew(
            f"this database has schema {current}, this talkd knows schemas up to {REVISIONS[-1]}: "
            "start the newer talkd that wrote it, or restore the backup from before the upgrade"
        )
    return current != REVISIONS[-1]


def run_migrations(connection: Any, revision: str = "head") -> None:
    """Run the migrations up to a revision in the open transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def upgrade(connection: Any) -> None:
    """Run the missing migrations in the open transaction, unless another process has run them meanwhile."""
    import sqlalchemy as sa
    from alembic.migration import MigrationContext

    current = MigrationContext.configure(connection).get_current_revision()
    if not is_behind(current):
        return
    try:
        run_migrations(connection)
    except sa.exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _NO_PRIVILEGE_POSTGRES:
            raise MigrationFailed(
                f"PostgreSQL does not let this user make or change tables ({error.orig}): make the user the owner of "
                "the database (ALTER DATABASE name OWNER TO user)"
            ) from error
        if not _is_misfit(error.orig):
            raise
        was = f"schema {current}" if current else "unknown tables"
        raise MigrationFailed(
            f"this database has {was} and cannot be upgraded to schema {REVISIONS[-1]}; it was not changed "
            f"({error.orig}). Either it has tables of another program: give talkd a database of its own. Or an "
            "older talkd was killed while it created or upgraded the tables: restore the backup from before the "
            "upgrade, or remove the database if that was its first start"
        ) from error


def _is_misfit(error: Any) -> bool:
    """Return True if the tables are not those that the migrations expect."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _MISFIT_SQLITE  # the higher bits are details of the error
    return str(getattr(error, "sqlstate", None)).startswith(_MISFIT_POSTGRES)


@contextlib.contextmanager
def explain_outages() -> Iterator[None]:
    """Raises MigrationFailed if the database becomes unavailable during the upgrade or its commit."""
    import sqlalchemy as sa

    try:
        yield
    except sa.exc.DBAPIError as error:
        raise MigrationFailed(
            f"the database could not be upgraded to schema {REVISIONS[-1]} ({error.orig}); it was not changed. Check "
            "its disk, its connection and the programs that use it, then start again"
        ) from error


def revision_of_sqlite(path: Path) -> str | None:
    """Return the revision of the file without changing it; None if it has no schema yet. Raises DatabaseRefused."""
    files.require_complete(path)
    if not path.exists():
        return None
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as file:
        file.set_busy_timeout(5000)
        generation.require_own_log(file, path)
        tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master")}
        if not tables:
            raise files.DatabaseIncomplete(
                f"{path} has no tables, which talkd never leaves behind: restore a backup (docs/admin/backup.md); "
                "to start over, remove the file"
            )
        if "alembic_version" not in tables:
            return None
        return next((str(row[0]) for row in file.execute("SELECT version_num FROM alembic_version")), None)


def migrate_sqlite(path: Path) -> None:
    """Create or upgrade the file. Raises DatabaseRefused."""
    if path.exists() and not is_behind(revision_of_sqlite(path)):
        return
    with files.alone_in(path.parent):
        files.require_complete(path)
        if path.exists():
            _upgrade_sqlite(path)
            return
        new = path.with_name(path.name + UNFINISHED)
        for leftover in ("", "-journal", "-wal", "-shm"):
            Path(f"{new}{leftover}").unlink(missing_ok=True)
        files.create_private(new)
        _upgrade_sqlite(new)
        # Set WAL mode while no other process has the file open: later, it would be locked for processes that start.
        with contextlib.closing(apsw.Connection(str(new), flags=apsw.SQLITE_OPEN_READWRITE)) as file:
            generation.begin(file)
            file.execute("PRAGMA journal_mode = WAL")
        files.put_in_place(new, path)


def upgrade_file(path: Path) -> None:
    """Upgrade a file that is no database of a server yet. Raises DatabaseRefused."""
    if is_behind(revision_of_sqlite(path)):
        _upgrade_sqlite(path)


def _upgrade_sqlite(path: Path) -> None:
    import sqlalchemy as sa

    # With its default isolation level, Python's driver would change tables outside of the transaction.
    settings = {"timeout": BUSY_SECONDS, "isolation_level": None}
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)), connect_args=settings)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with explain_outages(), engine.begin() as connection:
            upgrade(connection)
    finally:
        engine.dispose()
