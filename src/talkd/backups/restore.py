"""Put a backup into an empty database."""

from collections.abc import Sequence

import msgspec

from talkd.backups import contents
from talkd.backups.archive_reader import Archive, Rows, differences
from talkd.backups.model import ArchiveRefused, Differs, Head, Manifest, PlaceRefused, Table
from talkd.backups.progress import Progress
from talkd.backups.target import Target, complete
from talkd.blobs.interface import Blobs
from talkd.storage.migrate import REVISIONS


class Restored(msgspec.Struct, frozen=True):
    """What was restored."""

    manifest: Manifest
    files: int
    """Number of contents that were put into the storage. It had the others."""


def require_known(head: Head) -> None:
    """Raises ArchiveRefused if a newer talkd wrote the backup."""
    if head.schema not in REVISIONS:
        raise ArchiveRefused(
            f"the backup has schema {head.schema}, and this talkd knows schemas up to {REVISIONS[-1]}: restore it with "
            f"talkd {head.talkd} or a newer one"
        )


async def restore(archive: Archive, target: Target, blobs: Blobs, progress: Progress) -> Restored:
    """Fill an empty database, and upgrade it. Whoever opened the target undoes everything if this raises an error.

    Raises SafekeepingFailed, OSError, and the errors of the database. Contents of files that are already in the storage
    stay there then.
    """
    head = archive.head
    require_known(head)
    await target.create(head.schema, {})
    async with target.step():
        tables = await target.source.list_tables(head.schema)
    if tables != tuple(sorted(head.tables, key=lambda table: table.name)):
        raise ArchiveRefused(f"the backup does not have the tables of schema {head.schema}: it was changed")
    files = 0
    with progress.begin("Restoring", archive.size) as advance:
        for part in archive.read(advance):
            if isinstance(part, Rows):
                try:
                    async with target.step():
                        await target.load(part.table, part.rows)
                except ValueError as error:
                    raise PlaceRefused(f"a row of {part.table.name} cannot be stored: {error}") from error
            else:
                files += await contents.put_back(part, blobs)
    async with target.step():
        await target.set_counters(head.counters)
    try:
        await complete(target, progress)
        await require_equal(target, tables, archive.manifest, progress)
        await target.publish(head.schema, progress)
    except ValueError as error:
        raise ArchiveRefused(f"the rows of the backup do not fit together: {error}") from error
    return Restored(archive.manifest, files)


async def require_equal(target: Target, tables: Sequence[Table], manifest: Manifest, progress: Progress) -> None:
    """Read everything that was stored. Raises Differs if it is not what the backup has."""
    found = {}
    with progress.begin("Verifying", manifest.rows) as advance:
        for table in tables:
            async with target.step():
                found[table.name] = await target.source.tally(table, advance)
    wrong = differences(found, manifest.tables)
    if wrong:
        raise Differs(f"the table {wrong[0]} is not what was in the backup: check the disk, and try again")
