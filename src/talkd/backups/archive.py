"""The form of a backup: a tar file with these members, in this order, and nothing else (docs/adr/0018-backups.md).

- `head.json` (`Head`)
- `tables/NAME/000001.jsonl.gz`…: rows, in portions that fit into the memory
- `files/KEY`…: contents of files
- `manifest.json` (`Manifest`), which only a complete backup has
- `manifest.sha256`, its hash, as `sha256sum` writes it
"""

import gzip
import hashlib
import tarfile
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import msgspec

from talkd.backups.checksums import RowSum
from talkd.backups.model import Head, Manifest, Table

PORTION = 1 << 20
"""Bytes of rows from which a portion is complete."""
MAX_PORTION = 64 << 20
"""Maximum number of bytes of a portion. No row of talkd is nearly as large."""
LEVEL = 1
"""Level of compression: higher ones save a tenth and take three times as long."""
BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
HEAD, MANIFEST, SEAL = "head.json", "manifest.json", "manifest.sha256"
TABLES, FILES = "tables", "files"


def header(name: str, size: int, moment: int) -> bytes:
    """Return the header of a member."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, moment, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> bytes:
    """Return the zeros that fill the last block of a member."""
    return bytes(-size % BLOCK)


def portion_name(table: str, number: int) -> str:
    """Return the name of the member with rows of a table."""
    return f"{TABLES}/{table}/{number:06}.jsonl.gz"


def seal_of(manifest: bytes) -> bytes:
    """Return the line with the hash of the manifest."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


class ArchiveWriter:
    """Writes a backup into an empty file. Its methods wait for the disk, so call them in a thread."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file, self._moment = file, head.created_at
        self._hash = hashlib.sha256()
        self._sums = {table.name: RowSum() for table in head.tables}
        self._portions = dict.fromkeys(self._sums, 0)
        self._files = self._size_of_files = 0
        self._add(HEAD, _pretty(head))

    def add_rows(self, table: Table, lines: Sequence[bytes]) -> None:
        """Add a portion of rows by their lines. Raises ValueError if it is too large to be read again."""
        self._sums[table.name].add(lines)
        text = b"\n".join((*lines, b""))
        if len(text) > MAX_PORTION:
            raise ValueError(f"rows of {table.name} are larger than a backup can hold")
        self._portions[table.name] += 1
        packed = gzip.compress(text, LEVEL, mtime=0)
        self._add(portion_name(table.name, self._portions[table.name]), packed)

    def begin_file(self, key: str, size: int) -> Callable[[], None]:
        """Begin with the contents of a file. Return a function that takes back all that was written of them."""
        offset, state, counts = self._file.tell(), self._hash.copy(), (self._files, self._size_of_files)

        def undo() -> None:
            self._file.seek(offset)
            self._file.truncate()
            self._hash = state
            self._files, self._size_of_files = counts

        self._files += 1
        self._size_of_files += size
        self.write(header(f"{FILES}/{key}", size, self._moment))
        return undo

    def write(self, content: bytes) -> None:
        """Add to the contents of the file."""
        self._file.write(content)
        self._hash.update(content)

    def end_file(self, size: int) -> None:
        """End the contents of the file."""
        self.write(padding(size))

    def finish(self, *, deleted: int, lost: int) -> Manifest:
        """Write the manifest. After this the backup is complete."""
        manifest = Manifest(
            tables={name: total.tally for name, total in self._sums.items()},
            files=self._files,
            size_of_files=self._size_of_files,
            deleted=deleted,
            lost=lost,
            sha256=self._hash.hexdigest(),
        )
        text = _pretty(manifest)
        self._add(MANIFEST, text)
        self._add(SEAL, seal_of(text))
        self.write(END)
        return manifest

    def _add(self, name: str, content: bytes) -> None:
        self.write(b"".join((header(name, len(content), self._moment), content, padding(len(content)))))


def _pretty(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
