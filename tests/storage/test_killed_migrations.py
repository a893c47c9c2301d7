"""An interrupted migration does not change the database, and the next start completes it."""

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from support import killed_migrations
from support.migrations import bring_sqlite_to
from support.parts import needs_limits
from talkd.cli.database import explain
from talkd.storage.migrate import (
    REVISIONS,
    MigrationFailed,
    migrate_postgres,
    migrate_sqlite,
    revision_of_postgres,
    revision_of_sqlite,
)

LIMIT = 900
"""Seconds for killing a migration at every statement. It takes about 10, and far more on a busy machine."""


def kill_everywhere(folder: Path, *begin_with: Path) -> int:
    done = subprocess.run(
        [sys.executable, killed_migrations.__file__, str(folder / "killed"), *map(str, begin_with)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.timeout(LIMIT + 30)
def test_a_first_start_killed_at_any_statement_leaves_nothing(tmp_path: Path) -> None:
    assert kill_everywhere(tmp_path) > 100


@pytest.mark.timeout(LIMIT + 30)
@pytest.mark.parametrize("revision", ["0002", "0005", "0008"])
def test_an_upgrade_killed_at_any_statement_changes_nothing(tmp_path: Path, revision: str) -> None:
    old = tmp_path / "old.db"
    bring_sqlite_to(old, revision)
    with contextlib.closing(sqlite3.connect(old)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("INSERT INTO rooms (id, token, last_activity) VALUES (7, 'abcd2345', 9)")
        file.execute("INSERT INTO messages (room_id, id, message, countable) VALUES (7, 1, 'kept', 1)")
        file.commit()
    assert kill_everywhere(tmp_path, old) > 5


def test_a_process_killed_during_its_first_start_can_start_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "talkd", "migrate", "--data", str(tmp_path)]
    for number in range(6):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            time.sleep(0.4 + 0.15 * number)
            process.send_signal(signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["talkd.db"]


def test_concurrent_first_starts_create_one_sqlite_database(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "talkd", "migrate", "--data", str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = "".join(process.communicate()[1] for process in processes)
    assert set(said.splitlines()) == {f"talkd: created a new database: SQLite in {tmp_path}"}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert revision_of_sqlite(tmp_path / "talkd.db") == REVISIONS[-1]


def test_a_half_created_database_of_an_older_talkd_is_refused_with_one_sentence(tmp_path: Path) -> None:
    for name, revision, made in (
        ("first.db", None, "CREATE TABLE meta (key TEXT)"),
        ("later.db", "0008", "ALTER TABLE rooms ADD COLUMN modified_at INTEGER"),
    ):
        path = tmp_path / name
        if revision:
            bring_sqlite_to(path, revision)
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute(made)
        for _ in range(2):
            with pytest.raises(MigrationFailed) as refused:
                migrate_sqlite(path)
            assert "restore the backup" in (explain(refused.value) or "")
        assert revision_of_sqlite(path) == revision


@needs_limits
@pytest.mark.parametrize("revision", [None, "0005"])
def test_a_full_disk_is_not_reported_as_unknown_tables(revision: str | None, tmp_path: Path) -> None:
    path = tmp_path / "talkd.db"
    if revision:
        bring_sqlite_to(path, revision)
    command = [sys.executable, "-m", "talkd", "migrate", "--data", str(tmp_path)]
    for size in (1000, 100_000):  # the disk is full at the first statements, or at the commit
        process = subprocess.Popen(["prlimit", f"--fsize={size}", *command], stderr=subprocess.PIPE, text=True)
        said = process.communicate()[1]
        assert process.returncode == 1
        assert said.startswith("talkd: the database could not be upgraded to schema"), said
        assert "Check its disk" in said
        assert "remove" not in said, "a full disk is no reason to remove the database"
        assert revision_of_sqlite(path) == revision
    assert subprocess.run(command, check=False).returncode == 0
    assert revision_of_sqlite(path) == REVISIONS[-1]


# --- PostgreSQL -----------------------------------------------------------------------------
class Killed(BaseException):
    """The process was killed."""


@contextlib.contextmanager
def killed_at(step: int) -> Iterator[None]:
    """Kill the process at the statement with this number."""
    left = step

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


async def tables_of(url: str) -> tuple[str | None, int]:
    """Return the revision and the number of tables."""
    connection = await asyncpg.connect(url)
    try:
        count = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return await revision_of_postgres(connection), count
    finally:
        await connection.close()


async def test_on_postgres_a_killed_migration_leaves_nothing(databases: Any) -> None:
    url = databases.config("postgres", empty=True).database.url
    for step in range(1, 1000, 9):
        try:
            with killed_at(step):
                await migrate_postgres(url, timeout=5)
        except Killed:
            assert await tables_of(url) == (None, 0)
        else:
            break
    assert step > 100
    assert (await tables_of(url))[0] == REVISIONS[-1]


async def test_concurrent_first_starts_on_postgres_migrate_once(databases: Any) -> None:
    url = databases.config("postgres", empty=True).database.url
    await asyncio.gather(*(migrate_postgres(url, timeout=5) for _ in range(4)))
    assert (await tables_of(url))[0] == REVISIONS[-1]


async def test_a_read_only_postgres_is_not_reported_as_unknown_tables(databases: Any) -> None:
    url = databases.config("postgres", empty=True).database.url
    name = url.partition("?")[0].rpartition("/")[2]
    databases.cluster.psql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with pytest.raises(MigrationFailed, match=r"could not be upgraded .* read-only .* not changed") as refused:
        await migrate_postgres(url, timeout=5)
    assert "remove" not in str(refused.value)
    databases.cluster.psql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE rooms (id integer)")  # of another program
    await connection.close()
    with pytest.raises(MigrationFailed, match="give talkd a database of its own"):
        await migrate_postgres(url, timeout=5)


async def test_missing_privileges_on_postgres_are_not_reported_as_unknown_tables(databases: Any) -> None:
    """Since PostgreSQL 15, a database of another user refuses to create tables."""
    url = databases.config("postgres", empty=True).database.url
    role = url.partition("?")[0].rpartition("/")[2] + "_stranger"
    databases.cluster.psql(f'CREATE ROLE "{role}"')
    with pytest.raises(MigrationFailed, match=r"permission denied.* make the user the owner"):
        await migrate_postgres(f"{url}&role={role}", timeout=5)
    assert await tables_of(url) == (None, 0)
