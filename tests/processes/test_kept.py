"""Messages that wait for the database, because the bus does not carry them."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from talkd.areas.announcements.jobs import store_parcels
from talkd.bus.kept import MOST_BYTES, MOST_KEPT, Kept
from talkd.bus.others import Others
from talkd.core.errors import Unavailable


def test_the_oldest_messages_are_dropped() -> None:
    kept = Kept()
    for number in range(MOST_KEPT + 2):
        kept.add(b"%d" % number)
    taken = kept.take_all()
    assert (taken[0], len(taken), len(kept)) == (b"2", MOST_KEPT, 0)
    kept.add(b"newest")
    kept.put_back(taken)
    again = kept.take_all()
    assert (again[0], again[-1], len(again)) == (b"3", b"newest", MOST_KEPT)


def test_long_messages_are_dropped_earlier() -> None:
    kept, size = Kept(), MOST_BYTES // 10
    for number in range(12):
        kept.add(bytes([number]) * size)
    taken = kept.take_all()
    assert [each[0] for each in taken] == list(range(2, 12))
    kept.add(bytes(size))
    kept.put_back(taken)
    assert len(kept) == 10


class Storing:
    """A world whose database takes a while, in which other messages are kept, or fails then."""

    def __init__(self, *, come: int, fails: bool) -> None:
        self.others = Others(None)
        self._come, self._fails = come, fails
        self.stored: list[bytes] = []
        self.db = SimpleNamespace(write=self._write)

    def __getitem__(self, _kind: type[Others]) -> Others:
        return self.others

    async def _write(self, work: Any) -> None:
        for number in range(self._come):
            self.others.kept.add(b"during %d" % number)
        if self._fails:
            raise Unavailable(1, message="The database is unavailable.")
        self.stored += work.keywords["parcels"]


def test_messages_that_come_while_others_are_stored_are_kept() -> None:
    world: Any = Storing(come=MOST_KEPT, fails=False)
    world.others.kept.add(b"before")
    asyncio.run(store_parcels(world))
    assert world.stored == [b"before"]
    assert len(world.others.kept) == MOST_KEPT


def test_messages_that_could_not_be_stored_are_kept() -> None:
    world: Any = Storing(come=1, fails=True)
    world.others.kept.add(b"before")
    with pytest.raises(Unavailable):
        asyncio.run(store_parcels(world))
    assert world.others.kept.take_all() == [b"before", b"during 0"]
