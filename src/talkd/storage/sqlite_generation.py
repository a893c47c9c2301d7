"""Which state of a database a SQLite file holds, to notice a write-ahead log or a backup that does not belong there.

SQLite applies every log that lies beside a database: it checks the log in itself, and not what it belongs to. So a
running server counts in the first page of the database:

- the number goes up every few seconds;
- the base is the number that the file itself had at that time, without its log.

A file only gets newer by its own log, so its number lies between the base and the number that the log leads to. That
of a backup from before the log was begun is lower, that of another database is another one. A backup that was made
since then is not noticed, and the log makes of it what was there before the restore (limits: docs/admin/backup.md).
"""

from dataclasses import dataclass
from pathlib import Path
from time import sleep

import apsw

from talkd.core import ids
from talkd.storage.database import DatabaseRefused
from talkd.storage.sqlite_files import is_filled, log_of

FIRST = 1 << 30
"""The first number is below; every few seconds one more, they last for a century."""
HEADER, USER_VERSION = 100, 60
"""Bytes of the header of a file, and where the number is in it (the file format of SQLite, section 1.3)."""
MAGIC = b"SQLite format 3\0"
TRIES = 3
PAUSE = 0.05
"""Seconds between the tries; a server may write its file between two looks."""


class ForeignLog(DatabaseRefused):
    """The write-ahead log beside the database belongs to another state of it, or to another database."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The numbers in the first page; both 0 until a talkd that counts has served the database."""

    number: int
    base: int


def get(connection: apsw.Connection) -> Generation:
    """Return what the database is with its log."""
    return Generation(_read(connection, "user_version"), _read(connection, "application_id"))


def begin(connection: apsw.Connection) -> None:
    """Give a new database its first number, which no other database is likely to have."""
    _set(connection, Generation(*[ids.source.randrange(1, FIRST)] * 2))


def advance(connection: apsw.Connection, base: int) -> Generation:
    """Count on, in the open transaction; return what holds after its commit.

    The base is the number of the file as the disk has it: after a power cut, the file must not have a lower one.
    """
    number = get(connection).number
    new = Generation(number + 1 if number else ids.source.randrange(1, FIRST), base)
    _set(connection, new)
    return new


def number_of_file(path: Path) -> int:
    """Return the number of the file alone, without its log. Raises apsw.Error."""
    # A kill may have stopped SQLite while it brought the log into the file, so a connection would find it corrupt. And
    # Python's files would take SQLite's locks with them when they are closed, so SQLite's own are used.
    file = apsw.VFSFile("", str(path.resolve()), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    try:
        header = file.xRead(HEADER, 0)
    finally:
        file.xClose()
    if not header.startswith(MAGIC):
        raise apsw.NotADBError(f"{path} is not a database")
    return int.from_bytes(header[USER_VERSION : USER_VERSION + 4])


def require_own_log(connection: apsw.Connection, path: Path) -> None:
    """Raises ForeignLog, without changing anything, if there is a log that does not belong to the file."""
    if not is_filled(log_of(path)):
        return
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for _ in range(TRIES):
        number = number_of_file(path)
        found = get(connection)
        if found.base <= number <= found.number:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
            return
        sleep(PAUSE)
    raise ForeignLog(
        f"{path.name}-wal in {path.parent} does not belong to this {path.name}: it would damage it. If {path.name} is "
        f"a backup that was put there, move {path.name}-wal and {path.name}-shm away. If not, put back the "
        f"{path.name} that was there, or restore a backup (docs/admin/backup.md)"
    )


@dataclass(frozen=True, slots=True)
class Written:
    """What a server knows of its own writes: a commit is seen by others before its server hears of it."""

    known: Generation
    """Certainly committed."""
    tried: Generation
    """What the server wrote last, committed or not."""

    def is_own_file(self, path: Path) -> bool:
        """Return True if the file may have become what it is by the log of this server. Raises apsw.Error."""
        return self.known.base <= number_of_file(path) <= self.tried.number

    def find_overwritten(self, connection: apsw.Connection, path: Path) -> str:
        """Say if another program has put another state in the place of the one that this server wrote last."""
        try:
            is_own, found = self.is_own_file(path), get(connection)
        except (apsw.CorruptError, apsw.NotADBError):
            return f"{path} was overwritten"
        except apsw.Error:
            return ""  # what cannot be read now shows elsewhere
        if not is_own:
            return f"{path} was overwritten by another state of the database"
        if not self.known.number <= found.number <= self.tried.number:
            return f"another state of the database was restored into {path}"
        return ""


def _read(connection: apsw.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").get)


def _set(connection: apsw.Connection, new: Generation) -> None:
    # PRAGMA takes no parameters.
    connection.execute(f"PRAGMA user_version = {new.number}")
    connection.execute(f"PRAGMA application_id = {new.base}")
