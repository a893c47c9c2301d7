"""Files of requests that are too large for the memory. They are written to the disk while they are received.

Several processes can have the same data folder. Each has a folder of its own in it, and a lock that ends with the
process. So each can delete what others that are gone have left behind.
"""

import asyncio
import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from talkd.core import ids
from talkd.core.errors import storage_error
from talkd.core.log import Log

log = Log(__name__)

FOLDER = "incoming"
"""The folder of unfinished files, in the data folder."""
PART = 1_048_576
"""Bytes that are received before they are written."""


class Uploads:
    """The folder of this process for unfinished files. It is made for the first file."""

    def __init__(self, data: Path) -> None:
        self._parent = data / FOLDER
        self._folder: Path | None = None
        self._lock = -1
        """The file descriptor of the locked folder, or -1."""

    def get_folder(self) -> Path:
        """Return the folder. Raises OSError."""
        while self._folder is None or not self._folder.is_dir():  # another one may delete it before it is locked
            self.close()
            folder = self._parent / ids.text(32)
            self._parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.mkdir(mode=0o700)
            self._folder, self._lock = folder, os.open(folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self._folder

    def delete_left_behind(self) -> None:
        """Delete the files of requests that ended with another process."""
        with suppress(OSError):
            for path in list(self._parent.iterdir()):
                _delete_unlocked(path)

    def close(self) -> None:
        """Delete the folder and release its lock."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)
            self._folder, self._lock = None, -1


def _delete_unlocked(path: Path) -> None:
    """Delete a folder, unless a process has locked it. Files beside the folders are those of older versions."""
    with suppress(OSError):
        if not path.is_dir():
            path.unlink()
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)


class Incoming:
    """The files of one request. They are deleted after it, unless its operation has moved them."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._paths: list[Path] = []

    async def receive(self, stream: Any) -> tuple[Path, int]:
        """Write the rest of a stream into a new file. Return its path and size.

        Raises NoSpace if the disk is full, Unavailable if it fails, and the errors of the stream.
        """
        try:
            path = self._uploads.get_folder() / ids.text(32)
            self._paths.append(path)
            return path, await _write(path, stream)
        except OSError as error:
            log.warning("upload_not_written", error=str(error))
            raise storage_error(error) from error

    def delete(self) -> None:
        """Delete the files that were not moved."""
        for path in self._paths:
            path.unlink(missing_ok=True)


async def _write(path: Path, stream: Any) -> int:
    """Write the rest of a stream into a new file. Return its size."""
    file, size = await asyncio.to_thread(_create, path), 0
    try:
        while part := await stream.read(PART):
            size += len(part)
            await asyncio.to_thread(file.write, part)
    except BaseException:
        with suppress(OSError):  # closing writes what is left
            await asyncio.to_thread(file.close)
        raise
    await asyncio.to_thread(file.close)
    return size


def _create(path: Path) -> Any:
    return path.open("xb")
