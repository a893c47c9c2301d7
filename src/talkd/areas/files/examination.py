"""Compare the rows of files with what is in the storage, beside a running server, and mend what can be mended."""

from collections.abc import AsyncIterator
from functools import partial

import msgspec

from talkd.areas.files import examination_service as service
from talkd.areas.files.examination_service import Missing, Place
from talkd.areas.files.model import Picture
from talkd.blobs.interface import Blobs, Found, Gone
from talkd.storage.database import Database

BATCH = 500
"""Number of blobs that are looked up at once."""
HOUR = 3600.0
"""Age in seconds from which contents without a row were left behind. An upload writes its row when it ends."""
DAY = 24 * HOUR


class Report(msgspec.Struct):
    """What is wrong. The lists are empty if nothing is."""

    objects: int = 0
    """Number of blobs in the storage."""
    size: int = 0
    """Their bytes together."""
    orphans: list[Found] = []
    """Blobs without a row."""
    unfinished: list[Found] = []
    """Blobs whose upload has ended without them."""
    missing: list[Missing] = []
    """Rows whose blob is gone."""
    wrong_sizes: list[Missing] = []
    """Rows whose blob has another size."""
    wrong_counts: list[int] = []
    """Ids of contents with a wrong number of uses."""
    wrong_use: int = 0
    """By how many bytes the noted sum of all contents is too large."""
    wrong_folders: list[Place] = []
    """Folders whose size or number of entries is not that of what is in them."""
    lost: list[Place] = []
    """Entries whose folder does not exist."""
    empty: list[Place] = []
    """Files without a row of contents."""
    empty_pictures: list[Picture] = []
    """Pictures of accounts and rooms without a row of contents."""

    @property
    def is_clean(self) -> bool:
        """Return True if nothing is wrong."""
        return not (self.mendable or self.unmendable)

    @property
    def mendable(self) -> int:
        """Return the number of faults that are mended without a loss."""
        left_behind = len(self.orphans) + len(self.unfinished)
        wrong = len(self.wrong_counts) + len(self.wrong_folders) + bool(self.wrong_use)
        return left_behind + wrong + len(self.lost)

    @property
    def unmendable(self) -> int:
        """Return the number of faults that only a backup can mend."""
        return len(self.missing) + len(self.wrong_sizes) + len(self.empty) + len(self.empty_pictures)


class Examination:
    """Looks for faults. `age`: how old in seconds contents without a row must be to count as left behind."""

    def __init__(self, db: Database, blobs: Blobs, *, age: float = HOUR) -> None:
        self._db = db
        self._blobs = blobs
        self._age = age

    async def examine(self) -> Report:
        """Return what is wrong. Raises OSError if the storage fails."""
        report, seen = Report(), set[str]()
        async for batch in self._batches():
            known = await self._db.read(partial(service.get_sizes, keys=[found.key for found in batch]))
            for found in batch:
                report.objects += 1
                report.size += found.size
                size = known.get(found.key)
                if size is None:
                    self._note_left_behind(report, found)
                elif found.is_finished:
                    seen.add(found.key)
                if found.is_finished and size not in (None, found.size):
                    report.wrong_sizes.append(await self._db.read(partial(service.get_users, key=found.key)))
        report.missing = [missing async for missing in self._missing(seen)]
        report.wrong_counts = await self._db.read(service.list_wrong_counts)
        report.wrong_use = await self._db.read(service.get_wrong_use)
        report.wrong_folders = await self._db.read(service.list_wrong_folders)
        report.lost = await self._db.read(service.list_lost)
        report.empty = await self._db.read(service.list_empty)
        report.empty_pictures = await self._db.read(service.list_empty_pictures)
        return report

    def _note_left_behind(self, report: Report, found: Found) -> None:
        if found.age >= self._age:
            (report.orphans if found.is_finished else report.unfinished).append(found)

    async def _batches(self, part: str = "") -> AsyncIterator[list[Found]]:
        batch: list[Found] = []
        async for found in self._blobs.list(part):
            batch.append(found)
            if len(batch) == BATCH:
                yield batch
                batch = []
        yield batch

    async def _missing(self, seen: set[str]) -> AsyncIterator[Missing]:
        """Yield the rows whose blob was not seen, unless it has come since, or the row has gone."""
        for table in service.TABLES:
            after = ""
            while page := await self._db.read(partial(service.list_keys, table=table, after=after, limit=BATCH)):
                after = page[-1]
                for key in page:
                    if key not in seen and await self._is_gone(key):
                        missing = await self._db.read(partial(service.get_users, key=key))
                        if await self._db.read(partial(service.get_sizes, keys=[key])):
                            yield missing

    async def _is_gone(self, key: str) -> bool:
        try:
            await self._blobs.get_size(key)
        except Gone:
            return True
        return False

    async def mend(self, report: Report) -> None:
        """Mend what can be mended without a loss. Raises OSError if the storage fails."""
        for start in range(0, len(report.wrong_counts), BATCH):
            ids = report.wrong_counts[start : start + BATCH]
            await self._db.write(partial(service.correct_counts, blob_ids=ids))
        if report.wrong_use:
            await self._db.write(service.correct_use)
        for place in report.lost:
            await self._db.write(partial(service.recover, place=place))
        for user_id in dict.fromkeys(place.user_id for place in (*report.wrong_folders, *report.lost)):
            await self._db.write(partial(service.correct_folders, user_id=user_id))
        for found in (*report.orphans, *report.unfinished):
            await self._blobs.remove(found.key)

    async def delete_left_behind(self, part: str = "") -> int:
        """Delete the blobs without a row whose keys begin with `part`. Return their number. Raises OSError."""
        count = 0
        async for batch in self._batches(part):
            old = [found for found in batch if found.age >= self._age]
            known = await self._db.read(partial(service.get_sizes, keys=[found.key for found in old]))
            for found in old:
                if found.key not in known:
                    await self._blobs.remove(found.key)
                    count += 1
        return count
