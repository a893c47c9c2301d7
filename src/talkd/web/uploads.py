"""Files of requests that are too large for the memory. They are written to the disk while they are received."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

from talkd.core import ids

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
        """Write the rest of a stream into a new file. Return its path and size."""
        path = self._folder / ids.text(32)
        self._paths.append(path)
        file, size = await asyncio.to_thread(_create, path), 0
        try:
            while part := await stream.read(PART):
                size += len(part)
                await asyncio.to_thread(file.write, part)
        finally:
            await asyncio.to_thread(file.close)
        return path, size

    def delete(self) -> None:
        """Delete the files that were not moved."""
        for path in self._paths:
            path.unlink(missing_ok=True)


def _create(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.open("xb")


def delete_left_behind(data: Path) -> None:
    """Delete the files of requests that ended with an earlier process."""
    shutil.rmtree(data / FOLDER, ignore_errors=True)
