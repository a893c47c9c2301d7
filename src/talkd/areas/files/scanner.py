"""Let a ClamAV daemon check files while they are received (its command INSTREAM)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from talkd.areas.files import refusals
from talkd.core.errors import Forbidden, Unavailable
from talkd.core.log import Log

log = Log(__name__)

SECONDS = 120.0
"""How long the daemon may take for one answer."""
_BEGIN, _END = b"zINSTREAM\0", b"\0\0\0\0"
_CLEAN = b"stream: OK"


class Scan:
    """The check of one file. This one finds nothing."""

    async def check(self, content: bytes) -> None:
        """Pass the next part of the file on. Raises Unavailable if the daemon cannot be reached."""

    async def require_clean(self) -> None:
        """Raises Forbidden if the file is not clean, and Unavailable if the daemon gives no answer."""


class _DaemonScan(Scan):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def check(self, content: bytes) -> None:
        with _failures():
            async with asyncio.timeout(SECONDS):
                self._writer.write(len(content).to_bytes(4, "big"))
                self._writer.write(content)
                await self._writer.drain()

    async def require_clean(self) -> None:
        with _failures():
            async with asyncio.timeout(SECONDS):
                self._writer.write(_END)
                await self._writer.drain()
                answer = (await self._reader.read()).rstrip(b"\0\r\n ")
        if answer == _CLEAN:
            return
        if answer.endswith(b" FOUND"):
            log.warning("file_refused", found=answer.removeprefix(b"stream: ").decode("utf-8", "replace"))
            refusals.count(refusals.VIRUS)
            raise Forbidden(message="The file was refused by the virus scanner.")
        log.warning("scanner_failed", answer=answer[:200].decode("utf-8", "replace"))
        raise _unavailable()


class Scanner:
    """The ClamAV daemon of the setting `files.scanner`, if there is one."""

    def __init__(self, address: str) -> None:
        self._address = address

    @contextlib.asynccontextmanager
    async def scan(self) -> AsyncIterator[Scan]:
        """Begin the check of a file. Raises Unavailable if the daemon cannot be reached."""
        if not self._address:
            yield Scan()
            return
        with _failures():
            async with asyncio.timeout(SECONDS):
                reader, writer = await self._connect()
        try:
            writer.write(_BEGIN)
            yield _DaemonScan(reader, writer)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.warning("scanner_failed", error=str(error))
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    refusals.count(refusals.SCANNER)
    return Unavailable(10, message="The file cannot be checked for viruses now.")
