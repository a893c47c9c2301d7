"""Upgrade a database to the newest schema, in one transaction: if the process is killed, nothing has changed.

Each migration also stores the oldest revision whose talkd may still use the tables, as `usable_by` in `meta`. So
servers of two versions run side by side while one after another is replaced (CONTRIBUTING.md, Migrations). Alembic is
imported only if there is something to do.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from talkd.core.log import Log
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

GET_USABLE_BY = "SELECT value FROM meta WHERE key = 'usable_by'"

_MISFIT_SQLITE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)
_MISFIT_POSTGRES = ("22", "23", "42")
"""Error codes, on PostgreSQL their first digits, that are caused by the tables and not by disk, network or locks."""
_NO_PRIVILEGE_POSTGRES = "42501"
"""PostgreSQL's error code for missing privileges."""


log = Log(__name__)


class MigrationFailed(DatabaseRefused):
    """The database could not be upgraded to the newest schema. It was not changed."""


class Schema(NamedTuple):
    """The tables of a database, as it describes them itself."""

    revision: str | None
    """The newest migration that was run; None if there are no tables of talkd."""
    usable_by: str = ""
    """The oldest revision whose talkd may use them. Empty if no migration has stored it."""

    @property
    def is_newer(self) -> bool:
        """Return True if a newer talkd has changed the tables."""
        return self.revision is not None and self.revision not in REVISIONS

    @property
    def is_usable(self) -> bool:
        """Return True if this talkd may use the tables, perhaps after an upgrade."""
        return self.revision != COPYING and (not self.is_newer or "" < self.usable_by <= REVISIONS[-1])

    @property
    def is_complete(self) -> bool:
        """Return True if the tables have all that this talkd needs."""
        return self.is_usable if self.is_newer else self.revision == REVISIONS[-1]


def is_behind(schema: Schema) -> bool:
    """Return True if the schema must be created or upgraded. Raises DatabaseTooNew, DatabaseIncomplete."""
    if schema.revision == COPYING:
        raise files.DatabaseIncomplete(
            "this database is an unfinished copy of another one: run the same `talkd copy` again, which continues it"
        )
    if not schema.is_usable:
        raise DatabaseTooNew(
            f"this database has schema {schema.revision}, this talkd knows schemas up to {REVISIONS[-1]}: "
            "start the newer talkd that wrote it, or restore the backup from before the upgrade"
        )
    if schema.is_newer:
        log.warning("newer_schema", schema=schema.revision, known=REVISIONS[-1])
    return not schema.is_complete


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
    stored = sa.text(GET_USABLE_BY)
    if not is_behind(Schema(current, (connection.execute(stored).scalar() or "") if current else "")):
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


def schema_of_sqlite(path: Path) -> Schema:
    """Return the schema of the file without changing it. Raises DatabaseRefused."""
    files.require_complete(path)
    if not path.exists():
        return Schema(None)
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
            return Schema(None)
        revision = next((str(row[0]) for row in file.execute("SELECT version_num FROM alembic_version")), None)
        usable_by = next((str(row[0]) for row in file.execute(GET_USABLE_BY)), "") if "meta" in tables else ""
        return Schema(revision, usable_by)


def migrate_sqlite(path: Path) -> None:
    """Create or upgrade the file. Raises DatabaseRefused."""
    if path.exists() and not is_behind(schema_of_sqlite(path)):
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
    if is_behind(schema_of_sqlite(path)):
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
