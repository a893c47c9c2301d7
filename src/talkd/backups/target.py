"""What a restore and a copy do with the database that they fill, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from talkd.backups.checksums import Values
from talkd.backups.model import Table
from talkd.backups.progress import Progress
from talkd.backups.source import Source

DEFERRED = "deferred:"
"""The beginning of the keys under which statements are stored that make indexes when all rows are there."""
ORIGIN = "origin"
"""The key under which a copy stores what it is a copy of."""


class Target(ABC):
    """A database that is being filled. Nobody else can use it before `publish` has ended."""

    source: Source
    """What was stored, for comparing it."""

    @abstractmethod
    def step(self) -> AbstractAsyncContextManager[None]:
        """Begin a transaction. `load`, and what reads and writes the state, belong into one."""

    @abstractmethod
    async def create(self, revision: str, state: Mapping[str, str]) -> None:
        """Create the empty tables of a revision, without the indexes and rules that make filling them slow.

        The state is stored in the same transaction.
        """

    @abstractmethod
    async def load(self, table: Table, rows: Sequence[Values]) -> None:
        """Add rows. Raises ValueError if the database cannot store one."""

    @abstractmethod
    async def set_counters(self, counters: Mapping[str, int]) -> None:
        """Set the last used id of each table, at least to that of its rows."""

    @abstractmethod
    async def has_state(self) -> bool:
        """Return True if an earlier run has created the tables."""

    @abstractmethod
    async def set_state(self, key: str, value: str) -> None:
        """Store something under a key, until the database is complete."""

    @abstractmethod
    async def list_state(self, prefix: str) -> dict[str, str]:
        """Return what is stored under all keys with this beginning, in their order."""

    @abstractmethod
    async def run_deferred(self, key: str, text: str) -> None:
        """Run one of these statements, and forget it. Raises ValueError if the rows do not allow it."""

    @abstractmethod
    async def publish(self, revision: str, progress: Progress) -> None:
        """Upgrade to the newest schema, and let talkd use the database. Raises ValueError if the rows do not fit."""


async def complete(target: Target, progress: Progress) -> None:
    """Make the indexes, each in a transaction of its own."""
    async with target.step():
        missing = await target.list_state(DEFERRED)
    with progress.begin("Indexes", len(missing)) as advance:
        for key, text in missing.items():
            async with target.step():
                await target.run_deferred(key, text)
            advance(1)
