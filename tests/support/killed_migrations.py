"""A program that kills the migration of a SQLite file at every statement, and checks the file after each kill.

Arguments: a folder to work in, and optionally a database to migrate. It forks for each kill, so it must be a process
without threads. It prints the number of kills.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from talkd.storage import sqlite_files
from talkd.storage.migrate import REVISIONS, migrate_sqlite, revision_of_sqlite

FINISHED_EVERY = 25
"""After every so many kills, the migration is run again to its end."""


class Killer:
    """Kills this process at the given step: a statement, the commit, or the renaming of the finished file.

    Nothing is synced to the disk. A kill of the process loses no written data, and syncing to slow disks takes minutes.
    """

    def __init__(self, step: int) -> None:
        self._left = step
        sa.event.listen(sa.Engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        for event in ("before_cursor_execute", "commit"):
            sa.event.listen(sa.Engine, event, self.take_step)
        put_in_place = sqlite_files.put_in_place

        def renaming(new: Path, path: Path) -> None:
            self.take_step()
            put_in_place(new, path)
            self.take_step()

        sqlite_files.put_in_place = renaming

    def take_step(self, *_: Any) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_at(step: int, path: Path) -> bool:
    """Migrate in a process that is killed at the step. Return False if the migration ended before."""
    child = os.fork()
    if not child:
        try:
            Killer(step)
            migrate_sqlite(path)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "the migration failed"
    return False


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        yield connection


def dump(path: Path) -> list[str]:
    """Return the content of the database as SQL statements."""
    if not path.exists():
        return []
    with opened(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [line for line in connection.iterdump() if "sqlite_stat" not in line]


def main(folder: Path, begin_with: Path | None) -> int:
    path, step = folder / "talkd.db", 0
    before = dump(begin_with) if begin_with else []
    folder.mkdir()
    migrate_sqlite(path)  # so that the forked processes find all modules loaded
    while True:
        step += 1
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if begin_with:
            shutil.copy(begin_with, path)
        if not kill_at(step, path):
            return step - 1
        if revision_of_sqlite(path) == REVISIONS[-1]:
            continue  # killed after the commit
        assert dump(path) == before, f"something is left of the migration killed at step {step}"
        if step % FINISHED_EVERY == 0:
            migrate_sqlite(path)
            assert revision_of_sqlite(path) == REVISIONS[-1]


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
