"""No acknowledged data is lost in a power cut. A power cut may lose any write that was not synced.

A file layer below SQLite records every write and sync. From the record, the test builds the files that a disk may hold
after a power cut at a random moment: everything that was synced, and each later write completely, partly, or not at
all.
"""

import asyncio
import contextlib
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import app_config
from talkd.storage.sqlite import SqliteDatabase
from talkd.storage.statements import Statement, bind

ADD = Statement(sa.insert(app_config).values(app="test", key=bind("key"), value=bind("value")))
CUTS = 60
SYSTEM = "unix"
"""SQLite's name for the layer that uses the real files."""

SUFFIXES = ("", "a", "b")
"""Suffixes of the keys of transactions that share a commit."""

Write = tuple[str, int, bytes | None]
"""File, offset and content. Without content, the file was truncated at the offset."""


class Recorder(apsw.VFS):
    """A file layer that records what is written and synced, and passes it on to the system."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[Write | str | int] = []
        """Writes; names of synced files; numbers of acknowledged transactions."""
        self.lock = threading.Lock()
        self.folder = folder
        super().__init__("recorder", SYSTEM, makedefault=True)

    def xOpen(self, name: Any, flags: Any) -> "RecordedFile":  # noqa: N802 - SQLite's name
        return RecordedFile(self, name, flags)

    def record(self, what: Write | str | int) -> None:
        with self.lock:
            self.notes.append(what)


class RecordedFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, recorder: Recorder, name: Any, flags: Any) -> None:
        self._recorder = recorder
        self._name = Path(name.filename() if hasattr(name, "filename") else str(name)).name
        super().__init__(SYSTEM, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._recorder.record((self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self._recorder.record((self._name, size, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._recorder.record(self._name)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path)
    yield made
    made.unregister()


def disk_after(notes: list[Any], start: dict[str, bytes], chance: random.Random) -> tuple[dict[str, bytearray], int]:
    """Return the files after a power cut at the end of the notes, and the number of acknowledged transactions."""
    unsynced: defaultdict[str, list[Write]] = defaultdict(list)
    disk = {name: bytearray(content) for name, content in start.items()}
    acknowledged = 0
    for note in notes:
        if isinstance(note, int):
            acknowledged = note
        elif isinstance(note, str):
            for write in unsynced.pop(note, []):
                put(disk, write)
        else:
            unsynced[note[0]].append(note)
    for writes in unsynced.values():
        for name, offset, content in writes:
            kept = chance.choice((0.0, 0.0, chance.random(), 1.0))
            if content is not None and kept:
                put(disk, (name, offset, content[: int(len(content) * kept)]))
            elif content is None and kept == 1.0:
                put(disk, (name, offset, None))
    return disk, acknowledged


def put(disk: dict[str, bytearray], write: Write) -> None:
    name, offset, content = write
    file = disk.setdefault(name, bytearray())
    if content is None:
        del file[offset:]
        return
    file.extend(bytes(max(0, offset - len(file))))
    file[offset : offset + len(content)] = content


def add(key: str) -> Callable[[Tx], Any]:
    async def work(tx: Tx) -> None:
        await tx.run(ADD, key=key, value="x" * 500)

    return work


async def fill(path: Path, recorder: Recorder, *, durable: bool) -> dict[str, bytes]:
    """Run transactions over several checkpoints. Return the content of the files before the first one."""
    database = SqliteDatabase(path, durable=durable)
    await database.open()
    start = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    recorder.notes.clear()
    database._writer.execute("PRAGMA wal_autocheckpoint = 40")
    for number in range(1, 121):
        await asyncio.gather(*(database.write(add(f"{number:04}{suffix}")) for suffix in SUFFIXES))
        recorder.record(number)
    await database.close()
    return start


def count_losses(folder: Path, recorder: Recorder, *, durable: bool) -> int:
    """Return the number of power cuts that lost acknowledged transactions."""
    start = asyncio.run(fill(folder / "talkd.db", recorder, durable=durable))
    notes = list(recorder.notes)
    recorder.unregister()
    assert sum(note == "talkd.db" for note in notes) > 1 or not durable, "there was no checkpoint"
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance, count = random.Random(seed), 0
    for cut in range(CUTS):
        disk, acknowledged = disk_after(notes[: chance.randrange(len(notes))], start, chance)
        after = folder / f"after{cut}"
        after.mkdir()
        for name, content in disk.items():
            if not name.endswith("-shm"):
                (after / name).write_bytes(content)
        count += not is_complete(after / "talkd.db", acknowledged)
    return count


def is_complete(path: Path, acknowledged: int) -> bool:
    try:
        with contextlib.closing(apsw.Connection(str(path), vfs=SYSTEM)) as file:
            whole = list(file.execute("PRAGMA integrity_check")) == [("ok",)]
            kept = {row[0] for row in file.execute("SELECT key FROM app_config WHERE app = 'test'")}
    except apsw.Error:
        return False
    wanted = {f"{number:04}{suffix}" for number in range(1, acknowledged + 1) for suffix in SUFFIXES}
    return whole and wanted <= kept


def test_a_power_cut_loses_no_acknowledged_transaction(tmp_path: Path, recorder: Recorder) -> None:
    assert count_losses(tmp_path, recorder, durable=True) == 0


def test_without_syncs_power_cuts_lose_transactions(tmp_path: Path, recorder: Recorder) -> None:
    assert count_losses(tmp_path, recorder, durable=False) > 0
