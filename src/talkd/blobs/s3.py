"""Blobs as objects in S3-compatible storage, through obstore."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from talkd.blobs.interface import Found, Gone, new_key
from talkd.config import ConfigError
from talkd.core import clock
from talkd.core.streams import Parts

try:
    import obstore
    from obstore.exceptions import BaseError
    from obstore.store import S3Store
except ImportError as error:
    raise ConfigError('files.storage needs an extra: pip install "talkd[s3]"') from error

_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
PART = 5_242_880
"""Bytes that are sent at once, the least that S3 takes. An upload keeps up to three times as much in memory."""
MAX_SIZE = 10_000 * PART
"""Maximum size of a blob in bytes: S3 takes 10,000 parts."""
READ = 2_097_152
"""Bytes that are read at once. Each read is a request, so a slow client of talkd keeps no request to S3 open."""
CONNECT = timedelta(seconds=5)
REQUEST = timedelta(seconds=60)
"""How long one request may take."""
LAST_SECONDS = 0.2
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


class _Discarded(Exception):
    """The upload ends without an object."""


class S3Draft:
    """An object that is uploaded in parts. It exists when the last part is confirmed.

    Up to PART bytes stay in memory, so that most files need one request, and nothing of them is in the storage before.
    """

    def __init__(self, store: S3Store, key: str) -> None:
        self.key = key
        self._store = store
        self._first: list[bytes] = []
        self._size = 0
        self._parts = asyncio.Queue[bytes | None](1)
        self._sending: asyncio.Future[Any] | None = None
        self._is_discarded = False
        self._is_finished = False

    async def write(self, content: bytes) -> None:
        self._size += len(content)
        if self._size <= PART:
            self._first.append(content)
        elif self._sending is None:
            first, self._first = b"".join((*self._first, content)), []
            with _errors():
                self._sending = asyncio.ensure_future(
                    obstore.put_async(
                        self._store,
                        path_of(self.key),
                        self._sent(),
                        use_multipart=True,
                        chunk_size=PART,
                        max_concurrency=1,
                    )
                )
            await self._hand_over(self._sending, first)
        else:
            await self._hand_over(self._sending, content)

    async def _sent(self) -> AsyncGenerator[bytes, None]:
        while (part := await self._parts.get()) is not None:
            yield part
        if self._is_discarded:
            raise _Discarded  # the parts that are in the storage are deleted

    async def _hand_over(self, sending: asyncio.Future[Any], part: bytes | None) -> None:
        """Pass the next part on when the one before is taken. Raises OSError if the upload has failed."""
        waiting = asyncio.ensure_future(self._parts.put(part))
        try:
            await asyncio.wait((waiting, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if sending.done():
            with _errors():
                sending.result()

    async def finish(self) -> None:
        if self._sending is None:
            await _done(obstore.put_async(self._store, path_of(self.key), b"".join(self._first)))
        else:
            await self._hand_over(self._sending, None)
            await _done(self._sending)
        self._is_finished = True

    async def discard(self) -> None:
        self._first = []
        if self._is_finished:
            await _done(obstore.delete_async(self._store, path_of(self.key)))
        elif self._sending is not None and not self._sending.done():
            self._is_discarded = True
            with suppress(_Discarded):
                await self._hand_over(self._sending, None)
                await _done(self._sending)


class S3Blobs:
    """A bucket, or a folder in one."""

    def __init__(self, url: str) -> None:
        self._store = _store_of(url)

    def create(self, key: str = "") -> S3Draft:
        return S3Draft(self._store, key or new_key())

    async def open(self, key: str, start: int, size: int) -> Parts:
        first = await self._read(key, start, min(size, READ)) if size else b""
        return Parts(self._rest(key, first, start, size), size)

    async def _rest(self, key: str, first: bytes, start: int, size: int) -> AsyncGenerator[bytes, None]:
        if first:
            yield first
        for offset in range(start + READ, start + size, READ):
            yield await self._read(key, offset, min(READ, start + size - offset))

    async def _read(self, key: str, start: int, length: int) -> bytes:
        found = await _done(obstore.get_range_async(self._store, path_of(key), start=start, length=length), key)
        if len(found) != length:
            raise OSError("an object in the S3 storage is shorter than it was")
        return bytes(found)

    async def remove(self, key: str) -> None:
        with suppress(Gone):
            await _done(obstore.delete_async(self._store, path_of(key)), key)

    async def get_size(self, key: str) -> int:
        return int((await _done(obstore.head_async(self._store, path_of(key)), key))["size"])

    async def list(self, part: str = "") -> AsyncIterator[Found]:
        with _errors():
            async for page in obstore.list(self._store, part or None):
                now = clock.now()
                for each in page:
                    key = each["path"].rpartition("/")[2]
                    yield Found(key, each["size"], max(0.0, now - each["last_modified"].timestamp()))

    async def close(self) -> None:
        # The library's threads still hold Python objects for a moment after an answer. A process that ends meanwhile is
        # aborted (status 134).
        await asyncio.sleep(LAST_SECONDS)


def path_of(key: str) -> str:
    """Return the name of the object of a blob. As on the disk, the objects are in 256 folders."""
    return f"{key[:2]}/{key}"


async def _done(request: Awaitable[Any], key: str = "") -> Any:
    """Return the answer to a request. Raises OSError and Gone."""
    with _errors(key):
        return await request


def _store_of(url: str) -> S3Store:
    """Return the storage at a URL of the form that `config_forms.is_storage` knows."""
    parts = urlsplit(url)
    options = parse_qs(parts.query)
    [endpoint] = options.get("endpoint", [""])
    [region] = options.get("region", ["us-east-1"])
    return S3Store(
        parts.hostname or "",
        prefix=parts.path.strip("/") or None,
        config={"region": region, "endpoint": endpoint} if endpoint else {"region": region},
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": CONNECT,
            "timeout": REQUEST,
        },
        retry_config=RETRIES,
    )


@contextmanager
def _errors(key: str = "") -> Iterator[None]:
    """Raise OSError and Gone in place of the library's errors, whose texts may contain names of credentials."""
    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        found = _CODE.search(str(error))
        code = found[1] if found else type(error).__name__
        if isinstance(error, FileNotFoundError) and key and code in ("NoSuchKey", "FileNotFoundError"):
            raise Gone(key) from None
        raise OSError(f"the S3 storage failed: {code}") from None
