"""Write a backup of a database and of the contents of files, while a server uses both."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from talkd import __version__
from talkd.backups import contents
from talkd.backups.archive import PORTION, ArchiveWriter
from talkd.backups.archive_reader import verify
from talkd.backups.checksums import encode_rows
from talkd.backups.model import FORMAT, Differs, Head, Manifest, Table
from talkd.backups.progress import Advance, Progress
from talkd.backups.source import Source
from talkd.backups.unfinished import Unfinished, unfinished
from talkd.blobs.interface import Blobs
from talkd.core import clock

OpenSource = Callable[[], AbstractAsyncContextManager[Source]]
"""Opens the database as it is at the moment of the call."""


class Written(msgspec.Struct, frozen=True):
    """A backup that was written."""

    manifest: Manifest
    size: int


async def create(path: Path, open_source: OpenSource, blobs: Blobs | None, progress: Progress) -> Written:
    """Write a backup and read it again. Without `blobs`, it has no contents of files.

    `path` exists once it is complete and on the disk. Raises SafekeepingFailed, OSError, and the database's errors.
    """
    with unfinished(path) as place:
        named = contents.List(path.parent)
        try:
            async with open_source() as source:
                writer = await _store_rows(source, place, named, progress, has_files=blobs is not None)
            missing = await _store_contents(named, blobs, writer, progress) if blobs is not None else []
        finally:
            named.close()
        lost = await _count_lost(missing, open_source) if missing else 0
        written = await asyncio.to_thread(writer.finish, deleted=len(missing) - lost, lost=lost)
        await asyncio.to_thread(place.write_through)
        size = place.path.stat().st_size
        with progress.begin("Verifying", size) as advance:
            _, manifest = await asyncio.to_thread(verify, place.path, advance)
        if manifest != written:
            raise Differs("the backup is not read as it was written: check the disk, and try again")
        await asyncio.to_thread(place.put_in_place)
    return Written(manifest, size)


async def _store_rows(
    source: Source, place: Unfinished, named: contents.List, progress: Progress, *, has_files: bool
) -> ArchiveWriter:
    revision = await source.require_revision()
    tables = await source.list_tables(revision)
    head = Head(
        format=FORMAT,
        talkd=__version__,
        schema=revision,
        engine=source.engine,
        created_at=clock.now(),
        has_files=has_files,
        tables=tables,
        counters=await source.get_counters(),
    )
    writer = ArchiveWriter(place.file, head)
    total = sum([await source.count(table) for table in tables])
    with progress.begin("Rows", total) as advance:
        for table in tables:
            await _store_table(source, table, writer, named, advance)
    return writer


async def _store_table(
    source: Source, table: Table, writer: ArchiveWriter, named: contents.List, advance: Advance
) -> None:
    """Store the rows of a table. A portion is compressed while the next one is read."""
    lines: list[bytes] = []
    size = 0
    writing: asyncio.Future[None] | None = None
    async for rows in source.read(table):
        named.add(table, rows)
        encoded = encode_rows(rows)
        lines += encoded
        size += sum(map(len, encoded))
        if size >= PORTION:
            if writing is not None:
                await writing
            writing, lines, size = asyncio.ensure_future(asyncio.to_thread(writer.add_rows, table, lines)), [], 0
        advance(len(rows))
        await asyncio.sleep(0)
    if writing is not None:
        await writing
    if lines:
        await asyncio.to_thread(writer.add_rows, table, lines)


async def _store_contents(
    named: contents.List, blobs: Blobs, writer: ArchiveWriter, progress: Progress
) -> list[contents.Named]:
    """Store contents of files. Return what the storage does not have, or not as the rows say."""
    missing = []
    with progress.begin("Files", named.size) as advance:
        for each in named:
            if not await contents.store(each, blobs, writer):
                missing.append(each)
            advance(each.size)
    return missing


async def _count_lost(missing: list[contents.Named], open_source: OpenSource) -> int:
    """Return how many of these contents rows still name. Somebody has deleted the others since the backup began."""
    async with open_source() as source:
        return sum([await source.has(each.table, contents.KEY, each.key) for each in missing])
