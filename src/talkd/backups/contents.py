"""Contents of files: which ones a database names, and how they get into a backup and back into a storage."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from talkd.backups.archive import ArchiveWriter
from talkd.backups.archive_reader import Contents
from talkd.backups.model import Table
from talkd.blobs.interface import Blobs, Gone
from talkd.core.streams import FilePart, Stream
from talkd.storage.file_schema import STORED

READ = 1 << 20
KEY, _SIZE, _HASH = "key", "size", "sha256"
_STORED = {table.name for table in STORED}


class Named(msgspec.Struct, frozen=True, array_like=True):
    """Contents that a row names."""

    table: str
    key: str
    size: int
    sha256: str
    """Empty if the row does not have it."""


class List:
    """A list of contents on the disk, for there may be millions."""

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self.size = 0

    def add(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Add the contents that these rows name, if those of the table do."""
        if table.name not in _STORED:
            return
        names = table.names
        key, size = names.index(KEY), names.index(_SIZE)
        sha256 = names.index(_HASH) if _HASH in names else -1
        for row in rows:
            named = Named(table.name, row[key], row[size], row[sha256] if sha256 >= 0 else "")
            self._file.write(msgspec.json.encode(named) + b"\n")
            self.size += named.size

    def __iter__(self) -> Iterator[Named]:
        self._file.seek(0)
        decode = msgspec.json.Decoder(Named).decode
        for line in self._file:
            yield decode(line)

    def close(self) -> None:
        """Delete it."""
        self._file.close()


async def store(wanted: Named, blobs: Blobs, writer: ArchiveWriter) -> bool:
    """Add contents to a backup. Return False if they are not in the storage, or not as the row says.

    Raises OSError if the storage fails.
    """
    try:
        if await blobs.get_size(wanted.key) != wanted.size:
            return False
        stream = await blobs.open(wanted.key, 0, wanted.size)
    except Gone:
        return False
    undo = writer.begin_file(wanted.key, wanted.size)
    counted, left = hashlib.sha256(), wanted.size
    try:
        async with aclosing(_parts(stream)) as parts:
            async for part in parts:
                counted.update(part)
                left -= len(part)
                await asyncio.to_thread(writer.write, part)
    except Gone:  # deleted while it was read
        left = -1
    if left or (wanted.sha256 and counted.hexdigest() != wanted.sha256):
        undo()
        return False
    writer.end_file(wanted.size)
    return True


async def _parts(stream: Stream) -> AsyncGenerator[bytes, None]:
    if not isinstance(stream, FilePart):
        async with aclosing(stream.parts) as parts:
            async for part in parts:
                yield part
        return
    with stream.file as file:
        left = stream.size
        while left and (part := await asyncio.to_thread(os.read, file.fileno(), min(READ, left))):
            left -= len(part)
            yield part


async def put_back(found: Contents, blobs: Blobs) -> bool:
    """Put contents of a backup into a storage, durably. Return False if it has them. Raises OSError if it fails."""
    try:
        if await blobs.get_size(found.key) == found.size:
            return False
    except Gone:
        pass
    await blobs.remove(found.key)  # what a killed restore has left, or contents that were cut off
    draft = blobs.create(found.key)
    try:
        for part in found.parts:
            await draft.write(part)
        await draft.finish()
    except BaseException:
        await draft.discard()
        raise
    return True
