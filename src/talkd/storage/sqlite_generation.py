"""Count the states of a SQLite database, to notice a write-ahead log or a backup that does not belong to it.

SQLite applies every log that it finds beside a database. It checks that the log is consistent, but not that it belongs
to this database. So a running server stores two numbers in the first page of the database:

- the number, which it raises every few seconds;
- the base: the number that the file had at that time, without its log.

Only its own log makes a file newer. So the number of the file is between the base and the number with the log. The
number of a backup from before the start of the log is lower, and that of another database is a different one. A backup
that is newer than the start of the log is not noticed: the log restores the state before the restore (limits:
docs/admin/backup.md).
"""

from dataclasses import dataclass
from pathlib import Path
from time import sleep

import apsw

from talkd.core import ids
from talkd.storage.database import DatabaseRefused
from talkd.storage.sqlite_files import is_filled, log_of

FIRST = 1 << 30
"""The first number is below this. Raised by one every few seconds, the numbers last for a century."""
HEADER, USER_VERSION = 100, 60
"""Length of the header of a file, and offset of the number in it (the file format of SQLite, section 1.3)."""
MAGIC = b"SQLite format 3\0"
TRIES = 3
PAUSE = 0.05
"""Seconds between two tries. A server may change its file between two reads."""


class ForeignLog(DatabaseRefused):
    """The write-ahead log beside the database belongs to another state of it, or to another database."""


@dataclass(frozen=True, slots=True)
class Generation:
    """The two numbers. Both are 0 if only versions of talkd without them have served the database."""

    number: int
    base: int


def get(connection: apsw.Connection) -> Generation:
    """Return the numbers of the database with its log."""
    return Generation(_read(connection, "user_version"), _read(connection, "application_id"))


def begin(connection: apsw.Connection) -> None:
    """Give a new database a random first number, so that it differs from those of other databases."""
    number = ids.source.randrange(1, FIRST)
    _set(connection, Generation(number, number))


def advance(connection: apsw.Connection, base: int) -> Generation:
    """Raise the number in the open transaction. Return the numbers that are valid after its commit.

    `base` must be the number of the file on disk: after a power failure, the file must not have a lower number.
    """
    number = get(connection).number
    new = Generation(number + 1 if number else ids.source.randrange(1, FIRST), base)
    _set(connection, new)
    return new


def number_of_file(path: Path) -> int:
    """Return the number of the file alone, without its log. Raises apsw.Error."""
    # A connection would find the file corrupt if SQLite was killed while it copied the log into the file. And closing a
    # file of Python would release SQLite's locks of this process. So this uses a file of SQLite.
    file = apsw.VFSFile("", str(path.resolve()), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
    try:
        header = file.xRead(HEADER, 0)
    finally:
        file.xClose()
    if not header.startswith(MAGIC):
        raise apsw.NotADBError(f"{path} is not a database")
    return int.from_bytes(header[USER_VERSION : USER_VERSION + 4])


def require_own_log(connection: apsw.Connection, path: Path) -> None:
    """Raises ForeignLog if the file has a log that does not belong to it. Changes nothing."""
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
        f"{path.name}-wal in {path.parent} does not belong to this {path.name} and would damage it. If {path.name} is "
        f"a backup that was put there, move {path.name}-wal and {path.name}-shm away. If not, put back the "
        f"{path.name} that was there, or restore a backup (docs/admin/backup.md)"
    )


@dataclass(frozen=True, slots=True)
class Written:
    """The last numbers that a server wrote. Others see a commit before the server knows that it succeeded."""

    known: Generation
    """The last numbers that were certainly committed."""
    tried: Generation
    """The last numbers that the server wrote, committed or not."""

    def is_own_file(self, path: Path) -> bool:
        """Return True if the log of this server may have produced the file. Raises apsw.Error."""
        return self.known.base <= number_of_file(path) <= self.tried.number

    def find_overwritten(self, connection: apsw.Connection, path: Path) -> str:
        """Return a text if another program replaced the state that this server wrote last, else ""."""
        try:
            is_own, found = self.is_own_file(path), get(connection)
        except (apsw.CorruptError, apsw.NotADBError):
            return f"{path} was overwritten"
        except apsw.Error:
            return ""  # a file that cannot be read is noticed elsewhere
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
