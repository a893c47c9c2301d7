"""What operations need to keep and read the contents of files."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from talkd.areas.files import refusals
from talkd.areas.files.metadata import Cleaner
from talkd.areas.files.model import Blob, Limits, require_type
from talkd.areas.files.receiving import PART, Reception
from talkd.areas.files.scanner import Scanner
from talkd.blobs import open_blobs
from talkd.blobs.interface import Gone
from talkd.config import Config
from talkd.core.errors import Forbidden, Unavailable
from talkd.core.log import Log
from talkd.core.streams import FilePart, Stream

log = Log(__name__)


class Contents:
    """The storage of contents, with the settings for files. Raises ConfigError if it cannot be used."""

    def __init__(self, config: Config) -> None:
        self.blobs = open_blobs(config)
        self._scanner = Scanner(config.files.scanner)
        self.limits = Limits(
            config.files.quota, config.files.total, tuple(config.files.types), config.files.max_entries
        )
        self._cleans = config.files.remove_metadata

    def begin(self, checksum: str = "") -> Reception:
        """Return the place for contents that a client sends. `checksum` is what the client computed, if it did."""
        return Reception(self.blobs, self._scanner, checksum, cleaner=Cleaner() if self._cleans else None)

    def begin_piece(self, checksum: str = "") -> Reception:
        """Return the place for a piece of contents. The scanner sees them when they are whole."""
        return Reception(self.blobs, Scanner(""), checksum)

    def begin_made(self) -> Reception:
        """Return the place for contents that talkd has made itself. They are not scanned."""
        return Reception(self.blobs, Scanner(""))

    def require_type(self, media_type: str) -> None:
        """Raises Forbidden if files of this type may not be sent."""
        try:
            require_type(media_type, self.limits)
        except Forbidden:
            refusals.count(refusals.TYPE)
            raise

    async def open(self, blob: Blob, start: int = 0, size: int | None = None) -> Stream:
        """Return `size` bytes of contents from `start` on, or all of them. Raises Unavailable if the storage fails."""
        return await self._open(blob.key, start, blob.size if size is None else size)

    async def _open(self, key: str, start: int, size: int) -> Stream:
        try:
            return await self.blobs.open(key, start, size)
        except OSError as error:
            reason = "the contents are missing" if isinstance(error, Gone) else str(error)
            log.warning("contents_unreadable", key=key, reason=reason)
            raise Unavailable(10, message="The storage of files cannot be reached.") from error

    async def read(self, key: str, size: int) -> AsyncGenerator[bytes, None]:
        """Yield what the storage has under a key, in parts. Raises Unavailable if it has less than `size` bytes."""
        stream = await self._open(key, 0, size)
        if isinstance(stream, FilePart):
            with stream.file as file:
                while size and (part := await asyncio.to_thread(file.read, min(PART, size))):
                    size -= len(part)
                    yield part
        else:
            async with aclosing(stream.parts) as parts:
                async for part in parts:
                    size -= len(part)
                    yield part
        if size:
            log.error("contents_incomplete", key=key)
            raise Unavailable(10, message="The storage of files has lost a part.")

    async def remove(self, keys: Iterable[str]) -> None:
        """Delete what the storage has under these keys. `talkd files check` finds what an error leaves behind."""
        for key in keys:
            try:
                await self.blobs.remove(key)
            except OSError as error:
                log.warning("contents_left_behind", error=str(error))

    async def close(self) -> None:
        """Disconnect from the storage."""
        await self.blobs.close()
