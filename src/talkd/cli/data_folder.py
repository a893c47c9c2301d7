"""The data folder. Only its owner can read it. If it holds SQLite, a lock file reserves it for one server process."""

import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from typing import IO, Self

LOCK_FILE = "talkd.lock"
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
LONGEST_CONTENT = 32
"""Bytes to read of a lock file, which holds a process id."""
GRACE = 0.5
"""Seconds to wait for the lock. `talkd doctor` holds it for a moment, and so may a process that was just killed."""
_NOT_A_FILE = (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO)
"""Errors of the system for opening a symbolic link, a folder, or a pipe."""


class FolderRefused(Exception):
    """This process must not use the data folder. The message says why and what to do."""


class AlreadyRunning(FolderRefused):
    """Another process uses the data folder."""


class ForeignLock(FolderRefused):
    """The file with the name of the lock file is not a lock file of this user, so talkd must not write to it."""


def make_data(folder: Path) -> None:
    """Create the data folder if it does not exist, readable only for its owner. Raises OSError."""
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


class DataLock:
    """The lock of this process on a data folder, until it is closed or the process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = _take(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def keep(self) -> bool:
        """Take the lock again if its file was removed or replaced. Return True if it was.

        Raises AlreadyRunning if another process has taken the lock since. It may block, so call it in a thread.
        """
        if self._is_in_place():
            return False
        try:
            file = _take(self._folder)
        except (ForeignLock, OSError):  # the folder was removed, or no process can take the lock: try again later
            return False
        self._file.close()
        self._file = file
        return True

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), (self._folder / LOCK_FILE).lstat())
        except OSError:
            return False


def lock_data(folder: Path) -> DataLock:
    """Lock the data folder for this process. Raises FolderRefused, OSError."""
    make_data(folder)
    return DataLock(folder)


def find_owner(folder: Path) -> str | None:
    """Return the id of the process that holds the lock of the data folder, or None.

    The process may belong to another user. Raises ForeignLock if the file is not a lock file, or if no process holds it
    and it belongs to another user. Raises OSError.
    """
    try:
        lock = _open_lock(folder / LOCK_FILE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with lock:
        if not _is_free(lock, fcntl.LOCK_SH):
            return _owner_in(lock)
        _require_own(folder / LOCK_FILE, lock.fileno())
    return None


def _take(folder: Path) -> IO[bytes]:
    """Lock the lock file and write the id of this process into it. Raises FolderRefused, OSError."""
    lock = _open_lock(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT)
    try:
        _claim(lock, folder)
        os.fchmod(lock.fileno(), PRIVATE_FILE)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()).encode())
        lock.flush()
    except BaseException:
        lock.close()
        raise
    return lock


def _claim(lock: IO[bytes], folder: Path) -> None:
    until = time.monotonic() + GRACE
    while not _is_free(lock, fcntl.LOCK_EX):
        if time.monotonic() > until:
            raise AlreadyRunning(
                f"another talkd (process {_owner_in(lock)}) already uses the data folder {folder}; only one server may "
                "use a database: stop that one, or choose another folder with --data"
            )
        time.sleep(0.05)


def _is_free(lock: IO[bytes], how: int) -> bool:
    """Take the lock; return False if another process has a conflicting lock."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner_in(lock: IO[bytes]) -> str:
    lock.seek(0)
    return lock.read(LONGEST_CONTENT).decode("ascii", "replace").strip() or "unknown"


def _open_lock(path: Path, how: int) -> IO[bytes]:
    """Open a lock file. Raises ForeignLock if it is not one, and OSError."""
    try:
        handle = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise _foreign(path, "not a plain file") from error
        raise
    try:
        _require_lock(path, handle)
        if how & os.O_RDWR:
            _require_own(path, handle)
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "r+b" if how & os.O_RDWR else "rb")


def _require_lock(path: Path, handle: int) -> None:
    """Raises ForeignLock if the file is not a lock file of talkd."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise _foreign(path, "not a plain file")
    if status.st_nlink != 1:
        raise _foreign(path, "also linked under another name")
    content = os.pread(handle, LONGEST_CONTENT, 0).strip()
    if content and not content.isdigit():
        raise _foreign(path, "not written by talkd")


def _require_own(path: Path, handle: int) -> None:
    """Raises ForeignLock if the file belongs to another user."""
    if os.fstat(handle).st_uid != os.geteuid():
        raise _foreign(path, "owned by another user")


def _foreign(path: Path, why: str) -> ForeignLock:
    return ForeignLock(f"{path} is {why}, so talkd does not use it: remove it, or choose another folder with --data")
