"""Receive contents from clients into the storage."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from talkd.areas.files import refusals
from talkd.areas.files.metadata import Cleaner
from talkd.areas.files.model import Received
from talkd.areas.files.scanner import Scan, Scanner
from talkd.blobs.interface import Blobs, Draft
from talkd.core.errors import Invalid, NoSpace, TalkError, Unavailable, storage_error
from talkd.core.log import Log

T = TypeVar("T")

log = Log(__name__)

PART = 262_144
"""Bytes that are collected before they are hashed and written."""
_CHECKSUMS = {"SHA3-256": "sha3_256", "SHA256": "sha256", "SHA1": "sha1", "MD5": "md5"}


class _Adler32:
    """Adler-32, with the methods of hashlib."""

    def __init__(self) -> None:
        self._value = 1

    def update(self, content: bytes) -> None:
        self._value = zlib.adler32(content, self._value)

    def hexdigest(self) -> str:
        return f"{self._value:08x}"


class Reception:
    """Contents that are being received.

    `cleaner` cuts data about persons out of them. Then they are no longer what the client's checksum is of.
    """

    def __init__(self, blobs: Blobs, scanner: Scanner, checksum: str = "", *, cleaner: Cleaner | None = None) -> None:
        self._draft: Draft = blobs.create()
        self._scanner = scanner
        self._cleaner = cleaner
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._other, self._wanted = _hash_of(checksum)
        kind = checksum.strip().partition(":")[0].upper()
        self._checksum = f"{kind}:{self._wanted}" if self._wanted else ""

    async def receive(self, parts: AsyncIterator[bytes]) -> Received:
        """Write everything, and return what was received. After an error, nothing is left in the storage.

        Raises Invalid("checksum") if the client's checksum is another, Forbidden if the scanner finds something,
        NoSpace if the storage is full, Unavailable if it or the scanner fails, and the errors of the parts.
        """
        try:
            async with self._scanner.scan() as scan:
                await self._write_all(parts, scan)
                await scan.require_clean()
            self._require_checksum()
            await self._draft.finish()
        except BaseException as error:
            await self.discard()
            if isinstance(error, OSError):
                log.warning("storage_failed", error=str(error))
                problem = storage_error(error)
                if isinstance(problem, Unavailable):
                    refusals.count(refusals.STORAGE)
                raise problem from error
            raise
        is_same = self._cleaner is None or not self._cleaner.has_changed
        return Received(self._draft.key, self._size, self._sha256.hexdigest(), self._checksum if is_same else "")

    def _require_checksum(self) -> None:
        if self._other is not None and self._other.hexdigest() != self._wanted:
            raise Invalid("checksum", message="The computed checksum does not match the one received from the client.")

    async def _write_all(self, parts: AsyncIterator[bytes], scan: Scan) -> None:
        waiting: list[bytes] = []
        size = 0
        async for part in parts:
            waiting.append(part)
            size += len(part)
            if size >= PART:
                await self._write(b"".join(waiting), scan)
                waiting, size = [], 0
        if waiting:
            await self._write(b"".join(waiting), scan)
        if self._cleaner is not None:
            await self._keep(self._cleaner.finish(), b"", scan)

    async def _write(self, content: bytes, scan: Scan) -> None:
        cleaner = self._cleaner
        await self._keep(content if cleaner is None else await asyncio.to_thread(cleaner.feed, content), content, scan)

    async def _keep(self, kept: bytes, content: bytes, scan: Scan) -> None:
        """Write what is kept of received content."""
        self._size += len(kept)
        work: list[Awaitable[None]] = [asyncio.to_thread(self._hash, kept, content)]
        if kept:  # the scanner takes an empty part for the end
            work += self._draft.write(kept), scan.check(kept)
        for outcome in await asyncio.gather(*work, return_exceptions=True):  # all have ended when one has failed
            if isinstance(outcome, BaseException):
                raise outcome

    def _hash(self, kept: bytes, content: bytes) -> None:
        self._sha256.update(kept)
        if self._other is not None:
            self._other.update(content)

    async def discard(self) -> None:
        """Delete the contents: they were not kept, or equal ones were in the storage before."""
        try:
            await self._draft.discard()
        except OSError as error:  # `talkd files check` finds what is left
            log.warning("contents_left_behind", error=str(error))

    async def receive_for(
        self, parts: AsyncIterator[bytes], store: Callable[[Received], Awaitable[T]], is_kept: Callable[[T], bool]
    ) -> T:
        """Receive everything, let `store` note it in the database, and return what that returned.

        The contents are deleted if `is_kept` says that they are not needed, and after an error of `store`, unless the
        database may use them because nobody knows how its commit ended. Raises the errors of `receive` and `store`.
        """
        received = await self.receive(parts)
        try:
            stored = await store(received)
        except TalkError as error:
            if not isinstance(error, Unavailable):
                await self.discard()
            raise
        if not is_kept(stored):
            await self.discard()
        return stored


async def one_part(content: bytes) -> AsyncIterator[bytes]:
    """Yield contents that are in memory."""
    yield content


async def at_most(parts: AsyncIterator[bytes], size: int | None) -> AsyncIterator[bytes]:
    """Yield parts, whose size was perhaps not announced. Raises NoSpace if they have more than `size` bytes."""
    async for part in parts:
        if size is not None:
            size -= len(part)
            if size < 0:
                raise NoSpace(message="There is not enough space left for files.")
        yield part


async def parts_of(path: Path) -> AsyncIterator[bytes]:
    """Yield a file on the disk part by part."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while part := await asyncio.to_thread(file.read, PART):
            yield part


def _hash_of(checksum: str) -> tuple[Any, str]:
    """Return what computes a checksum like `SHA1:…`, and its value. Unknown kinds are ignored."""
    kind, _, value = checksum.strip().partition(":")
    if kind.upper() == "ADLER32":
        return _Adler32(), value.lower()
    name = _CHECKSUMS.get(kind.upper())
    return (hashlib.new(name, usedforsecurity=False), value.lower()) if name else (None, "")
