"""A file that gets its name when it is complete."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from talkd.backups.archive import BLOCK, HEAD
from talkd.backups.model import PlaceRefused

SUFFIX = ".unfinished"
PRIVATE = 0o600
_START = HEAD.encode() + b"\0"


class Unfinished:
    """The file while it is being written."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self._final = path.with_name(path.name.removesuffix(SUFFIX))

    def write_through(self) -> None:
        """Wait until everything is on the disk, and forget what is in the memory, so that it is read from there."""
        self.file.flush()
        os.fsync(self.file.fileno())
        os.posix_fadvise(self.file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def put_in_place(self) -> None:
        """Give the file its name, durably. An older one of the same name is replaced."""
        self.path.rename(self._final)
        handle = os.open(self._final.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Unfinished]:
    """Create an empty file beside `path`, readable only for its owner, in place of what a killed process has left.

    It is deleted unless `put_in_place` is called. Raises PlaceRefused if there is something else at `path`, or another
    process writes the same file, and OSError.
    """
    _require_replaceable(path)
    place = path.with_name(path.name + SUFFIX)
    with _locked(place) as file:
        try:
            os.ftruncate(file.fileno(), 0)
            os.fchmod(file.fileno(), PRIVATE)
            yield Unfinished(place, file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), place.lstat()):  # not if it has got its name
                    place.unlink()


def _require_replaceable(path: Path) -> None:
    """Raises PlaceRefused if a file that is no backup would be lost."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            if status.st_size == 0 or file.read(BLOCK).startswith(_START):
                return
    raise PlaceRefused(f"{path} exists and is no backup: choose another name")


@contextlib.contextmanager
def _locked(place: Path) -> Iterator[BinaryIO]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(place, flags, PRIVATE), "r+b") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != os.geteuid():
            raise PlaceRefused(f"{place} belongs to somebody else: choose another name")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_in_place = os.path.samestat(os.fstat(file.fileno()), place.lstat())
        except (BlockingIOError, FileNotFoundError):
            is_in_place = False
        if not is_in_place:
            raise PlaceRefused(f"another process writes {place} at this moment: wait for it, or choose another name")
        yield file
