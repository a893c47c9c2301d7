"""The files of a SQLite database: who may read them, and whether they are all in their places."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw

from talkd.storage.database import DatabaseRefused

PRIVATE = 0o600
"""Mode of every file: nobody but the user that runs talkd reads messages."""


HEADER = 512
"""Bytes of a SQLite file at least: the smallest page."""


class DatabaseIncomplete(DatabaseRefused):
    """A file of the database is missing or empty; starting would make a new database in its place."""


def log_of(path: Path) -> Path:
    """The write-ahead log, which holds the newest changes; SQLite keeps it beside the real file, not beside a link."""
    return Path(f"{path.resolve()}-wal")


def is_filled(file: Path) -> bool:
    """Return True if the file is there and not empty. Another process may remove it at any time."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


def require_complete(path: Path) -> None:
    """Raises DatabaseIncomplete if a part of the database is there and the rest is not."""
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 - Path's raises for a link to itself
        raise DatabaseIncomplete(
            f"{path} is a link to {path.readlink()}, which is not there: mount its disk, put the file back, or restore "
            "a backup (docs/admin/backup.md); to begin anew, remove the link"
        )
    if not path.exists():
        for rest in (log_of(path), Path(f"{path.resolve()}-journal")):
            if is_filled(rest):
                raise DatabaseIncomplete(
                    f"{path} is missing, but {rest.name}, which belongs to it, is there: put {path.name} back, or "
                    f"restore a backup (docs/admin/backup.md); to begin anew, move {rest.name} away"
                )
    elif not path.is_file():
        raise DatabaseIncomplete(f"{path} is not a file: remove it, or give --data another folder")
    elif path.stat().st_size < HEADER:
        # SQLite takes such a file for a new database.
        raise DatabaseIncomplete(
            f"{path} is {'cut off' if path.stat().st_size else 'empty'}, which talkd never leaves behind: restore a "
            "backup (docs/admin/backup.md); to begin anew, remove the file"
        )


def find_damage(path: Path) -> str:
    """Read the whole file; return what SQLite finds wrong in it, or an empty text. Raises apsw.Error."""
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as file:
        file.set_busy_timeout(5000)
        found = str(file.execute("PRAGMA quick_check(1)").get)
    return "" if found == "ok" else found.replace("\n", " ")


def make_private(path: Path) -> None:
    """Take the files from other users of the machine. Files of another owner stay as they are."""
    for file in (path, log_of(path), Path(f"{path.resolve()}-shm")):
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & ~PRIVATE:
                file.chmod(PRIVATE)


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read. Raises FileExistsError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is in here for the same folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def put_in_place(new: Path, path: Path) -> None:
    """Give a finished file its name, durably."""
    new.rename(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Footprint:
    """Which files a connection has open, to notice when others stand in their places."""

    def __init__(self, path: Path) -> None:
        self._path, self._log = str(path), str(log_of(path))
        # Closing it would take SQLite's locks from this process, so it stays open as long as its connections.
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._known = [(status.st_dev, status.st_ino) for status in map(os.stat, (self._path, self._log))]

    def sync(self) -> None:
        """Return when the disk has all that was written into the file itself."""
        os.fsync(self._file)

    def close(self) -> None:
        """To be called when the connections are closed."""
        os.close(self._file)

    def find_displaced(self) -> str:
        """Say which file was removed, replaced or emptied; nothing if all are in place.

        The log may be empty: SQLite shortens it. Called after every commit, so it costs two system calls.
        """
        for place, known in zip((self._path, self._log), self._known, strict=True):
            try:
                status = os.stat(place)  # noqa: PTH116 - three times as fast as Path's
            except OSError:
                return f"{place} was removed"
            if (status.st_dev, status.st_ino) != known:
                return f"{place} was replaced by another file"
            if status.st_size == 0 and place == self._path:
                return f"{place} was emptied"
        return ""
