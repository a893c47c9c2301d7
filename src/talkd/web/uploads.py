"""Files of requests that are too large for the memory. They are written to the disk while they are received."""

import asyncio
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


class Incoming:
    """The files of one request. They are deleted after it, unless its operation has moved them."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER
        self._paths: list[Path] = []

    async def receive(self, stream: Any) -> tuple[Path, int]:
        """Write the rest of a stream into a new file. Return its path and size.

        Raises NoSpace if the disk is full, Unavailable if it fails, and the errors of the stream.
        """
        path = self._folder / ids.text(32)
        self._paths.append(path)
        try:
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
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("xb")


def delete_left_behind(data: Path) -> None:
    """Delete the files of requests that ended with an earlier process."""
    shutil.rmtree(data / FOLDER, ignore_errors=True)
