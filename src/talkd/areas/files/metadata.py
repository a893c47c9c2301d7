"""Cut places, names of cameras and the like out of pictures while they are received, without decoding the pictures.

JPEG, PNG and WebP are rows of blocks. Those that say how the picture looks are kept as they are, and so is how it must
be turned. All others are left out, and so is what follows the picture. A file that is none of these stays as it is, and
a broken one from the fault on.
"""

import re
import zlib
from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")
Step = Generator[None, None, T]
"""Work that pauses when it needs more of the file."""

PNG_BEGINNING = b"\x89PNG\r\n\x1a\n"
EXIF = b"Exif\0\0"
"""The beginning of Exif data in a JPEG."""
_MOST_EXIF = 65_536
"""Number of bytes of Exif data in which the orientation is looked for."""
_UPRIGHT, _ORIENTATION = 1, 0x0112


class Source:
    """A file that arrives in parts, and what is kept of it."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.has_ended = False
        self.kept: list[bytes] = []

    def keep(self, content: bytes) -> None:
        """Add to what is kept."""
        self.kept.append(content)

    def peek(self, size: int) -> Step[bytes]:
        """Return the next `size` bytes, or fewer at the end of the file. They stay the next ones."""
        while len(self.waiting) < size and not self.has_ended:
            yield
        return bytes(self.waiting[:size])

    def take(self, size: int) -> Step[bytes]:
        """Return the next `size` bytes, or fewer at the end of the file."""
        found = yield from self.peek(size)
        del self.waiting[: len(found)]
        return found

    def copy(self, size: int) -> Step[None]:
        """Keep the next `size` bytes."""
        yield from self._each(size, self.keep)

    def blank(self, size: int) -> Step[None]:
        """Keep zeros in place of the next `size` bytes."""
        yield from self._each(size, lambda part: self.keep(bytes(len(part))))

    def skip(self, size: int) -> Step[None]:
        """Leave the next `size` bytes out."""
        yield from self._each(size, lambda _: None)

    def _each(self, size: int, use: Callable[[bytes], None]) -> Step[None]:
        while size > 0:
            part = yield from self.take(min(size, len(self.waiting) or 1))
            if not part:
                return
            use(part)
            size -= len(part)

    def copy_rest(self) -> Step[None]:
        """Keep everything that follows."""
        while part := (yield from self.take(len(self.waiting) or 1)):
            self.keep(part)

    def skip_rest(self) -> Step[None]:
        """Leave everything out that follows."""
        while (yield from self.take(len(self.waiting) or 1)):
            pass


class Cleaner:
    """Cleans one file."""

    def __init__(self) -> None:
        self._source = Source()
        self._work = _clean(self._source)
        self._given, self._kept = zlib.crc32(b""), zlib.crc32(b"")

    def feed(self, part: bytes) -> bytes:
        """Return what is kept of the file up to here and was not returned yet."""
        self._given = zlib.crc32(part, self._given)
        self._source.waiting += part
        return self._go_on()

    def finish(self) -> bytes:
        """Return the rest, after everything was given."""
        self._source.has_ended = True
        return self._go_on()

    @property
    def has_changed(self) -> bool:
        """Return True if the file is no longer the same."""
        return self._given != self._kept

    def _go_on(self) -> bytes:
        next(self._work, None)
        kept = b"".join(self._source.kept)
        self._source.kept.clear()
        self._kept = zlib.crc32(kept, self._kept)
        return kept


def _clean(source: Source) -> Step[None]:
    head = yield from source.peek(12)
    if head.startswith(b"\xff\xd8\xff"):
        yield from _clean_jpeg(source)
    elif head.startswith(PNG_BEGINNING):
        yield from _clean_png(source)
    elif head[:4] == b"RIFF" and head[8:] == b"WEBP":
        yield from _clean_webp(source)
    yield from source.copy_rest()


# --- Exif -----------------------------------------------------------------------------------
def orientation_of(exif: bytes) -> int:
    """Return how a picture must be turned, from 1 (not at all) to 8."""
    exif = exif.removeprefix(EXIF)
    if exif[:4] == b"II*\0":
        return _orientation(exif, lambda at, size: int.from_bytes(exif[at : at + size], "little"))
    if exif[:4] == b"MM\0*":
        return _orientation(exif, lambda at, size: int.from_bytes(exif[at : at + size], "big"))
    return _UPRIGHT


def _orientation(exif: bytes, number: Callable[[int, int], int]) -> int:
    start = number(4, 4)
    for entry in range(start + 2, min(start + 2 + 12 * number(start, 2), len(exif) - 11), 12):
        if number(entry, 2) == _ORIENTATION:
            found = number(entry + 8, 2)
            return found if _UPRIGHT <= found <= 8 else _UPRIGHT
    return _UPRIGHT


def exif_of(orientation: int) -> bytes:
    """Return Exif data that say nothing but how a picture must be turned."""
    entry = b"\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + b"\0\0"
    return b"MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"


# --- JPEG -----------------------------------------------------------------------------------
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The beginning of a segment after pixels."""
_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE
_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xD9))
_APPLICATIONS = range(0xE0, 0xF0)
"""Segments for programs."""
_KEPT_APPLICATIONS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Those that say which colours the pixels have, and how they begin."""
_EXIF_SEGMENT = 0xE1


def _clean_jpeg(source: Source) -> Step[None]:
    has_exif = False
    while True:
        head = yield from source.peek(2)
        if len(head) < 2 or head[0] != 0xFF:
            return
        marker = head[1]
        if marker == 0xFF:  # a byte of padding
            yield from source.copy(1)
            continue
        if marker in _WITHOUT_LENGTH or marker == _END:
            yield from source.copy(2)
            if marker == _END:
                yield from source.skip_rest()
            continue
        head = yield from source.peek(4)
        size = int.from_bytes(head[2:], "big") + 2
        if len(head) < 4 or size < 4:
            return
        if marker != _COMMENT and marker not in _APPLICATIONS:
            yield from source.copy(size)
            if marker == _SCAN:
                yield from _copy_pixels(source)
            continue
        segment = yield from source.take(size)
        content = segment[4:]
        if marker in _KEPT_APPLICATIONS and content.startswith(_KEPT_APPLICATIONS[marker]):
            source.keep(segment)
        orientation = orientation_of(content) if marker == _EXIF_SEGMENT and content.startswith(EXIF) else _UPRIGHT
        if orientation != _UPRIGHT and not has_exif:
            has_exif, exif = True, EXIF + exif_of(orientation)
            source.keep(b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif)


def _copy_pixels(source: Source) -> Step[None]:
    """Keep everything up to the next segment."""
    while True:
        found = _MARKER.search(source.waiting)
        if found is not None:
            yield from source.copy(found.start())
            return
        # The last byte may be the first one of a marker.
        is_open = source.waiting.endswith(b"\xff") and not source.has_ended
        yield from source.copy(len(source.waiting) - int(is_open))
        if source.has_ended:
            return
        yield


# --- PNG ------------------------------------------------------------------------------------
_KEPT_CHUNKS = frozenset(
    {
        b"tRNS",
        b"cHRM",
        b"gAMA",
        b"iCCP",
        b"sBIT",
        b"sRGB",
        b"cICP",
        b"mDCV",
        b"cLLI",
        b"bKGD",
        b"hIST",
        b"pHYs",
        b"sPLT",
    }
    | {b"acTL", b"fcTL", b"fdAT"}
)
"""Chunks that are not needed, but say how the picture looks. The last three are the frames of a moving one."""
_MOST_CHUNK = 0x7FFFFFFF


def _clean_png(source: Source) -> Step[None]:
    yield from source.copy(len(PNG_BEGINNING))
    while True:
        head = yield from source.peek(8)
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or size > _MOST_CHUNK:
            return
        whole = 8 + size + 4
        is_needed = not kind[0] & 0x20
        if is_needed or kind in _KEPT_CHUNKS:
            yield from source.copy(whole)
            if kind == b"IEND":
                yield from source.skip_rest()
            continue
        if kind == b"eXIf":
            exif = yield from source.peek(min(whole - 4, 8 + _MOST_EXIF))
            if (orientation := orientation_of(exif[8:])) != _UPRIGHT:
                source.keep(_chunk(kind, exif_of(orientation)))
        yield from source.skip(whole)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


# --- WebP -----------------------------------------------------------------------------------
_WEBP_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP")
_HAS_XMP = 0x04
"""The flag in VP8X for descriptions in XML."""


def _clean_webp(source: Source) -> Step[None]:
    """Overwrite what is not kept, because the header names the size of the whole file before that is known."""
    head = yield from source.take(12)
    source.keep(head)
    left = int.from_bytes(head[4:8], "little") - 4
    while left >= 8:
        head = yield from source.take(8)
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        if len(head) < 8:
            source.keep(head)
            return
        whole = size + size % 2
        left -= 8 + whole
        if kind == b"VP8X":
            flags = yield from source.take(1)
            source.keep(head + bytes(each & ~_HAS_XMP for each in flags))
            yield from source.copy(whole - len(flags))
        elif kind in _WEBP_CHUNKS:
            source.keep(head)
            yield from source.copy(whole)
        elif kind == b"EXIF":
            exif = exif_of(orientation_of((yield from source.peek(min(size, _MOST_EXIF)))))[:size]
            source.keep(head + exif)
            yield from source.skip(len(exif))
            yield from source.blank(whole - len(exif))
        else:
            source.keep(b"JUNK" + head[4:])
            yield from source.blank(whole)
    yield from source.skip_rest()
