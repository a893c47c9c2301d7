"""Blobs as files in a folder."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from talkd.blobs.interface import Found, Gone, new_key
from talkd.core import clock
from talkd.core.streams import FilePart

UNFINISHED = "unfinished"
"""The folder of blobs that are being written."""
MODE = 0o600
FOLDER_MODE = 0o700


class Folders:
    """The folders of blobs. Once `create` has returned, a power cut takes a folder away no more, if it is `durable`.

    That a folder exists does not say so: another upload may have created it and still wait for the disk, or an earlier
    process may have died before it waited.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable
        self._kept: set[Path] = set()

    def create(self, folder: Path) -> None:
        """Create a folder of blobs, if it does not exist."""
        for each in (self._folder, folder):
            if each not in self._kept:
                each.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
                self.write_through(each.parent)
                self._kept.add(each)

    def forget(self, folder: Path) -> None:
        """Forget that a folder exists: somebody has removed it, perhaps with the one around it."""
        self._kept -= {self._folder, folder}

    def write_through(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk."""
        if self._durable:
            _write_through(folder)


class DiskDraft:
    """A file in the folder of unfinished blobs. `finish` moves it to its place."""

    def __init__(self, folder: Path, folders: Folders, key: str, *, durable: bool) -> None:
        self.key = key
        self._folders = folders
        self._durable = durable
        self._path = folder / UNFINISHED / self.key
        self._finished = path_of(folder, self.key)
        self._file: BinaryIO | None = None

    async def write(self, content: bytes) -> None:
        await asyncio.to_thread(self._write, content)

    def _write(self, content: bytes) -> None:
        if self._file is None:
            self._file = _create(self._path)
        self._file.write(content)

    async def finish(self) -> None:
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        file = self._file or _create(self._path)
        with file:
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
        folder = self._finished.parent
        self._folders.create(folder)
        try:
            self._path.rename(self._finished)
        except FileNotFoundError:
            self._folders.forget(folder)
            self._folders.create(folder)
            self._path.rename(self._finished)
        self._folders.write_through(folder)

    async def discard(self) -> None:
        await asyncio.to_thread(self._discard)

    def _discard(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk: closing writes what is left
                self._file.close()
        self._path.unlink(missing_ok=True)
        self._finished.unlink(missing_ok=True)


class DiskBlobs:
    """A folder of blobs, with a folder for each of the first two characters of their keys.

    `durable`: whether writers wait for the disk.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._folders = Folders(folder, durable=durable)
        self._durable = durable

    def create(self, key: str = "") -> DiskDraft:
        return DiskDraft(self._folder, self._folders, key or new_key(), durable=self._durable)

    async def open(self, key: str, start: int, size: int) -> FilePart:
        try:
            # Opening a file that is not in the cache may take as long as the disk needs.
            file = await asyncio.to_thread(path_of(self._folder, key).open, "rb")
        except FileNotFoundError as error:
            raise Gone(key) from error
        return FilePart(file, start, size)

    async def remove(self, key: str) -> None:
        await asyncio.to_thread(self._remove, key)

    def _remove(self, key: str) -> None:
        path_of(self._folder, key).unlink(missing_ok=True)
        (self._folder / UNFINISHED / key).unlink(missing_ok=True)

    async def get_size(self, key: str) -> int:
        try:
            return (await asyncio.to_thread(path_of(self._folder, key).stat)).st_size
        except FileNotFoundError as error:
            raise Gone(key) from error

    async def list(self, part: str = "") -> AsyncIterator[Found]:
        for folder in await asyncio.to_thread(_folders, self._folder):
            if part in ("", folder.name) or folder.name == UNFINISHED:
                for found in await asyncio.to_thread(_list, folder):
                    if found.key.startswith(part):
                        yield found

    async def close(self) -> None:
        pass


def path_of(folder: Path, key: str) -> Path:
    """Return where a finished blob is."""
    return folder / key[:2] / key


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb")  # noqa: PTH123 - with a mode


def _write_through(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir()) if folder.exists() else []


def _list(folder: Path) -> list[Found]:
    return list(_found(folder))


def _found(folder: Path) -> Iterator[Found]:
    now = clock.now()
    is_finished = folder.name != UNFINISHED
    for entry in os.scandir(folder):
        try:
            about = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # it has just been moved or deleted
            continue
        yield Found(entry.name, about.st_size, max(0.0, now - about.st_mtime), is_finished)
