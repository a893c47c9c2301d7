"""Reads a backup, which anybody may have written or changed. Nothing in it names a path, and no part is trusted."""

import hashlib
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

import msgspec

from talkd.backups.archive import (
    BLOCK,
    END,
    FILES,
    HEAD,
    MANIFEST,
    MAX_PORTION,
    SEAL,
    header,
    padding,
    portion_name,
    seal_of,
)
from talkd.backups.checksums import RowSum, decoder_of
from talkd.backups.model import FORMAT, ArchiveRefused, Head, Manifest, Table, Tally

T = TypeVar("T")

MAX_TEXT = 8 << 20
"""Maximum number of bytes of the head and of the manifest."""
READ = 1 << 20
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEY = re.compile(rf"{FILES}/([0-9a-f]{{32}})")


class Rows(msgspec.Struct, frozen=True):
    """A portion of the rows of a table."""

    table: Table
    rows: list[tuple[Any, ...]]


class Contents(msgspec.Struct, frozen=True, eq=False):
    """Contents of a file. What is not read of the parts is skipped."""

    key: str
    size: int
    parts: Iterator[bytes]


class Archive:
    """A backup. The file stays open as long as this is a context."""

    def __init__(self, path: Path) -> None:
        """Read the head. Raises ArchiveRefused, OSError."""
        self._path = path
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        try:
            if not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                raise self._refused("it is not a file")
            self.size = os.fstat(self._file.fileno()).st_size
            self._file.seek(0)
            self._hash = hashlib.sha256()
            self._moment = 0
            self.head = self._read_head()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _refused(self, why: str) -> ArchiveRefused:
        return ArchiveRefused(f"{self._path} is not a usable backup: {why}")

    def _altered(self, where: str) -> ArchiveRefused:
        return self._refused(f"it was damaged or changed ({where}); use another backup")

    # --- its parts --------------------------------------------------------------------------
    def read(self, advance: Callable[[int], None]) -> Iterator[Rows | Contents]:
        """Yield everything in it. Call this once. Raises ArchiveRefused, at the end at the latest, if it was changed.

        `advance` is called with numbers of bytes, in total the size of the file.
        """
        sums = {table.name: RowSum() for table in self.head.tables}
        files = size_of_files = 0
        done = self._file.tell()
        advance(done)
        name, size = self._next()
        for table in self.head.tables:
            number, decode = 1, decoder_of(table)
            while name == portion_name(table.name, number):
                yield Rows(table, self._rows(name, self._read(size, MAX_PORTION, name), sums[table.name], decode))
                number += 1
                name, size = self._next()
                advance(self._file.tell() - done)
                done = self._file.tell()
        while self.head.has_files and (found := _KEY.fullmatch(name)):
            files, size_of_files = files + 1, size_of_files + size
            parts = self._parts(size, name)
            yield Contents(found[1], size, parts)
            for _ in parts:  # what the caller has not read
                pass
            name, size = self._next()
            advance(self._file.tell() - done)
            done = self._file.tell()
        self.manifest = self._read_end(name, size)
        counted = {name: total.tally for name, total in sums.items()}
        if (self.manifest.tables, self.manifest.files) != (counted, files):
            raise self._altered("its manifest lists something else")
        if self.manifest.size_of_files != size_of_files:
            raise self._altered("its manifest lists other files")
        advance(self.size - done)

    def _rows(
        self, name: str, packed: bytes, total: RowSum, decode: Callable[[bytes], list[tuple[Any, ...]]]
    ) -> list[tuple[Any, ...]]:
        unpacking = zlib.decompressobj(wbits=31)
        try:
            text = unpacking.decompress(packed, MAX_PORTION + 1)
            rows = decode(text) if len(text) <= MAX_PORTION else []
        except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._altered(name) from error
        if not unpacking.eof or unpacking.unused_data or not text.endswith(b"\n"):
            raise self._altered(name)
        lines = text[:-1].split(b"\n")
        if len(lines) != len(rows):
            raise self._altered(name)
        total.add(lines)
        return rows

    # --- head and end -----------------------------------------------------------------------
    def _read_head(self) -> Head:
        if self.size < BLOCK:
            raise self._refused("it is too short")
        block = self._file.read(BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self._refused("it has another form; talkd backup writes them") from error
        self._moment = int(info.mtime)
        if info.name != HEAD or block != header(HEAD, info.size, self._moment):
            raise self._refused("it has another form; talkd backup writes them")
        self._hash.update(block)
        text = self._read(info.size, MAX_TEXT, HEAD)
        version = self._decode(text, _Version, HEAD)
        if version.format > FORMAT:
            raise self._refused(f"talkd {version.talkd} wrote it, in a newer form: restore it with that version")
        head = self._decode(text, Head, HEAD)
        names = [table.name for table in head.tables]
        if head.created_at != self._moment or len(set(names)) != len(names):
            raise self._altered(HEAD)
        for table in head.tables:
            known = list(table.names)
            if not known or known != sorted(set(known)) or not all(map(_NAME.fullmatch, (table.name, *known))):
                raise self._altered(HEAD)
        return head

    def _read_end(self, name: str, size: int) -> Manifest:
        if name != MANIFEST:
            raise self._altered(f"{name} is not expected here")
        before = self._before
        text = self._read(size, MAX_TEXT, MANIFEST)
        manifest = self._decode(text, Manifest, MANIFEST)
        name, size = self._next()
        if name != SEAL or self._read(size, MAX_TEXT, SEAL) != seal_of(text):
            raise self._altered(SEAL)
        if manifest.sha256 != before:
            raise self._altered("its hash is another one")
        if self._file.read(len(END) + 1) != END:
            raise self._altered("its end")
        return manifest

    def _decode(self, text: bytes, kind: type[T], name: str) -> T:
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._altered(name) from error

    # --- members ----------------------------------------------------------------------------
    def _next(self) -> tuple[str, int]:
        """Return name and size of the next member, which is complete."""
        self._before = self._hash.hexdigest()
        block = self._file.read(BLOCK)
        if len(block) < BLOCK:
            raise self._cut_off()
        self._hash.update(block)
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self._altered(f"at byte {self._file.tell() - BLOCK}") from error
        if info.size < 0 or block != header(info.name, info.size, self._moment):
            raise self._altered(f"at byte {self._file.tell() - BLOCK}")
        if info.size > self.size - self._file.tell():
            raise self._cut_off()
        return info.name, info.size

    def _cut_off(self) -> ArchiveRefused:
        return self._refused(f"its end is missing after {self.size} bytes; use another backup")

    def _read(self, size: int, most: int, name: str) -> bytes:
        """Return the content of a member that fits into the memory."""
        if size > most:
            raise self._altered(f"{name} has {size} bytes")
        return b"".join(self._parts(size, name))

    def _parts(self, size: int, name: str) -> Iterator[bytes]:
        left = size
        while left:
            part = self._file.read(min(READ, left))
            if not part:
                raise self._cut_off()
            self._hash.update(part)
            left -= len(part)
            yield part
        zeros = self._file.read(len(padding(size)))
        self._hash.update(zeros)
        if zeros != padding(size):
            raise self._cut_off() if len(zeros) < len(padding(size)) else self._altered(f"after {name}")


class _Version(msgspec.Struct):
    """The part of a head that all forms have."""

    format: int
    talkd: str


def verify(path: Path, advance: Callable[[int], None]) -> tuple[Head, Manifest]:
    """Read a whole backup. Raises ArchiveRefused if it is incomplete, damaged or changed, and OSError."""
    with Archive(path) as archive:
        for _ in archive.read(advance):
            pass
        return archive.head, archive.manifest


def differences(found: dict[str, Tally], wanted: dict[str, Tally]) -> list[str]:
    """Return the names of the tables that differ."""
    return [name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name)]
