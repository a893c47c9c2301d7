"""An interrupted migration does not change the database, and the next start completes it."""

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from support.migrations import bring_sqlite_to
from support.parts import needs_limits
from talkd.cli.database import explain
from talkd.storage import sqlite_files
from talkd.storage.migrate import (
    REVISIONS,
    MigrationFailed,
    migrate_sqlite,
    schema_of_sqlite,
)
from talkd.storage.postgres_migrate import migrate_postgres, schema_of_postgres

FINISHED_EVERY = 25
"""After every so many kills, the migration is run again to its end."""


@contextlib.contextmanager
def at_each_step(act: Callable[[], None]) -> Iterator[None]:
    """Act before each statement and each commit of a migration, and before and after its file gets its final name."""

    def step(*_: Any) -> None:
        act()

    put_in_place = sqlite_files.put_in_place

    def renaming(new: Path, path: Path) -> None:
        act()
        put_in_place(new, path)
        act()

    events = ("before_cursor_execute", "commit")
    for event in events:
        sa.event.listen(sa.Engine, event, step)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite_files, "put_in_place", renaming)
            yield
    finally:
        for event in events:
            sa.event.remove(sa.Engine, event, step)


def dump(path: Path) -> list[str]:
    """Return the content of the database as SQL statements."""
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [line for line in connection.iterdump() if "sqlite_stat" not in line]


def kill_everywhere(path: Path) -> int:
    """Migrate the file, and check what a kill at each step leaves. Return the number of steps.

    A copy of the folder has what a kill leaves: everything that the process has written, without its memory and locks.
    """
    before, left = dump(path), path.parent.with_name("left")
    steps = 0

    def check() -> None:
        nonlocal steps
        steps += 1
        kept = left / str(steps)
        shutil.copytree(path.parent, kept)
        copy = kept / path.name
        if schema_of_sqlite(copy).revision == REVISIONS[-1]:
            return  # killed after the commit
        assert dump(copy) == before, f"something is left of the migration killed at step {steps}"
        if steps % FINISHED_EVERY:
            shutil.rmtree(kept)

    with at_each_step(check):
        migrate_sqlite(path)
    for kept in left.iterdir():
        migrate_sqlite(kept / path.name)
        assert schema_of_sqlite(kept / path.name).revision == REVISIONS[-1]
    return steps


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


def test_a_first_start_killed_at_any_statement_leaves_nothing(folder: Path) -> None:
    assert kill_everywhere(folder / "talkd.db") > 100


@pytest.mark.parametrize("revision", ["0002", "0005", "0008"])
def test_an_upgrade_killed_at_any_statement_changes_nothing(folder: Path, revision: str) -> None:
    old = folder / "talkd.db"
    bring_sqlite_to(old, revision)
    with contextlib.closing(sqlite3.connect(old)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("INSERT INTO rooms (id, token, last_activity) VALUES (7, 'abcd2345', 9)")
        file.execute("INSERT INTO messages (room_id, id, message, countable) VALUES (7, 1, 'kept', 1)")
        file.commit()
    assert kill_everywhere(old) > 5


def test_a_process_killed_during_its_first_start_can_start_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "talkd", "migrate", "--data", str(tmp_path)]
    for number in range(6):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            time.sleep(0.4 + 0.15 * number)
            process.send_signal(signal.SIGKILL)
    migrate_sqlite(tmp_path / "talkd.db")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["talkd.db"]


def test_concurrent_first_starts_create_one_sqlite_database(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "talkd", "migrate", "--data", str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = "".join(process.communicate()[1] for process in processes)
    assert set(said.splitlines()) == {f"talkd: created a new database: SQLite in {tmp_path}"}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert schema_of_sqlite(tmp_path / "talkd.db").revision == REVISIONS[-1]


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
        assert schema_of_sqlite(path).revision == revision


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
        assert schema_of_sqlite(path).revision == revision
    migrate_sqlite(path)
    assert schema_of_sqlite(path).revision == REVISIONS[-1]


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
        return (await schema_of_postgres(connection)).revision, count
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
