"""The files of a SQLite database: their permissions, and checks that they are complete and in place."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw

from talkd.storage.database import DatabaseRefused

PRIVATE = 0o600
"""Mode of every file: only the user that runs talkd may read messages."""


FILLING = ".filling"
"""Suffix of a SQLite file while `talkd restore` or `talkd copy` fills it."""
HEADER = 512
"""Minimum size of a SQLite file in bytes: the smallest page."""


class DatabaseIncomplete(DatabaseRefused):
    """A file of the database is missing or empty. A start would create a new database in its place."""


def log_of(path: Path) -> Path:
    """Return the path of the write-ahead log, which has the newest changes. It is beside the real file, not a link."""
    return Path(f"{path.resolve()}-wal")


def filling_of(path: Path) -> Path:
    """Return the path of the file that becomes the database when it is complete."""
    return path.with_name(path.name + FILLING)


def is_filled(file: Path) -> bool:
    """Return True if the file exists and is not empty. Another process may remove it at any time."""
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return False


def require_complete(path: Path) -> None:
    """Raises DatabaseIncomplete if a part of the database is missing. A database that does not exist is fine."""
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 - Path's raises for a link to itself
        raise DatabaseIncomplete(
            f"{path} is a link to {path.readlink()}, which does not exist: mount its disk, put the file back, or "
            "restore a backup (docs/admin/backup.md); to start over, remove the link"
        )
    if not path.exists():
        if filling_of(path).exists():
            raise DatabaseIncomplete(
                f"{path} is missing, and {filling_of(path).name} is an unfinished restore or copy: run the same `talkd "
                f"restore` or `talkd copy` again; to start over, remove {filling_of(path).name}"
            )
        for rest in (log_of(path), Path(f"{path.resolve()}-journal")):
            if is_filled(rest):
                raise DatabaseIncomplete(
                    f"{path} is missing, but {rest.name}, which belongs to it, exists: put {path.name} back, or "
                    f"restore a backup (docs/admin/backup.md); to start over, move {rest.name} away"
                )
    elif not path.is_file():
        raise DatabaseIncomplete(f"{path} is not a file: remove it, or give --data another folder")
    elif path.stat().st_size < HEADER:
        # SQLite would treat such a file as a new database.
        raise DatabaseIncomplete(
            f"{path} is {'cut off' if path.stat().st_size else 'empty'}, which talkd never leaves behind: restore a "
            "backup (docs/admin/backup.md); to start over, remove the file"
        )


def find_damage(path: Path) -> str:
    """Read the whole file. Return what SQLite finds wrong in it, or "". Raises apsw.Error."""
    with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as file:
        file.set_busy_timeout(5000)
        found = str(file.execute("PRAGMA quick_check(1)").get)
    return "" if found == "ok" else found.replace("\n", " ")


def make_private(path: Path) -> None:
    """Make the files unreadable for other users of the machine. Files of another owner are not changed."""
    for file in (path, log_of(path), Path(f"{path.resolve()}-shm")):
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) & ~PRIVATE:
                file.chmod(PRIVATE)


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read. Raises FileExistsError."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock the folder, so that only one process at a time runs the body."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def put_in_place(new: Path, path: Path) -> None:
    """Rename a complete file to its final name, durably."""
    new.rename(path)
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Footprint:
    """The identities of a connection's open files, to notice when other files replace them."""

    def __init__(self, path: Path) -> None:
        self._path, self._log = str(path), str(log_of(path))
        # Closing it would release SQLite's locks of this process, so it stays open until the connections are closed.
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._known = [(status.st_dev, status.st_ino) for status in map(os.stat, (self._path, self._log))]

    def sync(self) -> None:
        """Wait until everything written into the file itself is on disk."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file. Call this after the connections are closed."""
        os.close(self._file)

    def find_displaced(self) -> str:
        """Return a text that says which file was removed, replaced or emptied, or "".

        The log may be empty, because SQLite truncates it. This runs after every commit, so it uses only two system
        calls.
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
