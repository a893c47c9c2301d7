"""Contents that are too large for the memory."""

from collections.abc import AsyncGenerator
from typing import BinaryIO

import msgspec


class FilePart(msgspec.Struct, frozen=True, eq=False):
    """A part of an open file. Whoever sends it closes the file."""

    file: BinaryIO
    start: int
    size: int


class Parts(msgspec.Struct, frozen=True, eq=False):
    """Parts that arrive one after the other and have `size` bytes together. Whoever sends them closes the generator."""

    parts: AsyncGenerator[bytes, None]
    size: int


class Unmeasured(msgspec.Struct, frozen=True, eq=False):
    """Parts as in `Parts`, of which nobody knows before the last one how many bytes they have."""

    parts: AsyncGenerator[bytes, None]
    size: None = None


Stream = FilePart | Parts
Sendable = Stream | Unmeasured
"""What an answer may have as its body."""
