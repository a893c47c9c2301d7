"""The length of WebM and Matroska files. Browsers write them while they record, without noting the length."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

BEGINNING = b"\x1a\x45\xdf\xa3"
MAX_SECONDS = 10_000_000
"""Longer than any sound or film."""
_SEGMENT, _INFO, _CLUSTER, _GROUP = 0x18538067, 0x1549A966, 0x1F43B675, 0xA0
_SCALE, _DURATION, _TIME, _SIMPLE_BLOCK, _BLOCK = 0x2AD7B1, 0x4489, 0xE7, 0xA3, 0xA1
_OPENED = (_SEGMENT, _INFO, _CLUSTER, _GROUP)
"""Elements whose elements are read, too. Only these may have no size."""
_READ = (_SCALE, _DURATION, _TIME, _SIMPLE_BLOCK, _BLOCK)
_MAX_READ = 12
"""Number of bytes that are needed of an element: a number, or the beginning of a block."""
_NANOSECONDS = 1_000_000
"""The unit of times if the file names no other."""


def find_duration(file: BinaryIO) -> int:
    """Return the length in milliseconds, or 0: as the file says it, otherwise the time of the last block."""
    scale, cluster, last = _NANOSECONDS, 0, 0
    for name, content in _elements(file):
        if name == _SCALE:
            scale = int.from_bytes(content, "big")
        elif name == _DURATION and len(content) in (4, 8):
            (said,) = struct.unpack(">f" if len(content) == 4 else ">d", content)
            if said > 0:
                return _in_milliseconds(said, scale)
        elif name == _TIME:
            cluster = int.from_bytes(content, "big")
        elif name in (_SIMPLE_BLOCK, _BLOCK) and content:
            start = _width(content[0])
            last = max(last, cluster + int.from_bytes(content[start : start + 2], "big", signed=True))
    return _in_milliseconds(last, scale)


def _in_milliseconds(units: float, scale: int) -> int:
    found = units * scale / 1_000_000
    return round(found) if 0 < found < MAX_SECONDS * 1000 else 0


def _elements(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the ids of elements that say something about the length, with their contents or the beginning of them."""
    while True:
        name, size = _number(file, keeps_marker=True), _number(file, keeps_marker=False)
        if name is None:
            return
        if name in _OPENED:
            continue
        if size is None:
            return
        content = file.read(min(size, _MAX_READ)) if name in _READ else b""
        if name in _READ:
            yield name, content
        file.seek(size - len(content), 1)


def _number(file: BinaryIO, *, keeps_marker: bool) -> int | None:
    """Return the next number. None at the end, and if it stands for an unknown size."""
    first = file.read(1)
    if not first or first == b"\0":
        return None
    width = _width(first[0])
    rest = file.read(width - 1)
    if len(rest) < width - 1:
        return None
    number = int.from_bytes(first + rest, "big")
    if keeps_marker:
        return number
    bits = 7 * width
    return None if number == (1 << (bits + 1)) - 1 else number - (1 << bits)


def _width(first: int) -> int:
    """Return the number of bytes of a number by its first byte: one, and one for each zero bit before the first one."""
    return 9 - first.bit_length()
