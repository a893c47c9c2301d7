"""The form in which rows are stored and compared: a line of JSON for each."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Annotated, Any

import msgspec

from talkd.backups.model import Column, Kind, Table, Tally

Values = Sequence[Any]

_BITS = 128
_MODULUS = 1 << _BITS
_NUMBER = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_TYPES: dict[Kind, Any] = {Kind.NUMBER: _NUMBER, Kind.TEXT: str, Kind.BYTES: bytes}
_encode = msgspec.json.Encoder().encode


def encode_rows(rows: Iterable[Values]) -> list[bytes]:
    """Return the line of each row, without its end. Equal rows have equal lines on both databases."""
    encode = _encode
    return [encode(row) for row in rows]


def decoder_of(table: Table) -> Callable[[bytes], list[tuple[Any, ...]]]:
    """Return a function from lines to rows. It raises msgspec.DecodeError for values that the table cannot have."""
    shape: Any = tuple.__class_getitem__(tuple(_type_of(column) for column in table.columns))
    return msgspec.json.Decoder(shape).decode_lines


def _type_of(column: Column) -> Any:
    known = _TYPES[column.kind]
    return known | None if column.may_be_null else known


class RowSum:
    """Counts rows and adds up their hashes."""

    def __init__(self, tally: Tally | None = None) -> None:
        self.rows = tally.rows if tally else 0
        self._sum = int(tally.checksum, 16) if tally else 0

    def add(self, lines: Iterable[bytes]) -> None:
        """Add rows by their lines."""
        number, total, size = 0, 0, _BITS // 8
        for line in lines:
            number += 1
            total += int.from_bytes(blake2b(line, digest_size=size).digest())
        self.rows += number
        self._sum = (self._sum + total) % _MODULUS

    @property
    def tally(self) -> Tally:
        """Return the result."""
        return Tally(self.rows, f"{self._sum:0{_BITS // 4}x}")
