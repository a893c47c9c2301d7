"""What a backup says about itself, and why talkd refuses one."""

from enum import StrEnum

import msgspec

FORMAT = 1
"""The version of the form of backups. One with a higher number is refused."""


class Kind(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    TEXT = "text"
    BYTES = "bytes"


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table."""

    name: str
    kind: Kind
    may_be_null: bool = False


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table. Its columns are in the order of their names, so that it is the same on both databases."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def has_bytes(self) -> bool:
        """Return True if rows may be large."""
        return any(column.kind is Kind.BYTES for column in self.columns)


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The beginning of a backup."""

    format: int
    talkd: str
    """The version of talkd that wrote it."""
    schema: str
    """The revision of the tables."""
    engine: str
    created_at: int
    has_files: bool
    tables: tuple[Table, ...]
    """In the order in which their rows follow."""
    counters: dict[str, int]
    """The last id that each table with ids has used."""


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of rows of a table and the sum of their hashes, which does not depend on their order."""

    rows: int
    checksum: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The end of a backup: what is in it."""

    tables: dict[str, Tally]
    files: int
    """Number of contents of files."""
    size_of_files: int
    deleted: int
    """Number of contents that somebody deleted while the backup was made."""
    lost: int
    """Number of contents that are missing in the storage or damaged, though files have them."""
    sha256: str
    """Of everything before the manifest."""

    @property
    def rows(self) -> int:
        """Return the number of rows of all tables."""
        return sum(tally.rows for tally in self.tables.values())


class SafekeepingFailed(Exception):
    """A backup, a restore or a copy is not possible. The message says why, and what to do."""


class ArchiveRefused(SafekeepingFailed):
    """The file is no complete, unchanged backup that this talkd can read."""


class PlaceRefused(SafekeepingFailed):
    """The database cannot be read or filled: it has data, or a server uses it."""


class Differs(SafekeepingFailed):
    """What was stored is not what was read."""
