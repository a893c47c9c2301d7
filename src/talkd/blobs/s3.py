"""Blobs as objects in S3-compatible storage, through obstore."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
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

PART = 8_388_608
"""Bytes that are sent at once. S3 takes 10,000 parts of a file, so a file may have 80 GB."""
READ = 262_144
"""Bytes that are read at once."""


class S3Draft:
    """An object that is uploaded in parts. It exists when the last part is confirmed."""

    def __init__(self, store: S3Store) -> None:
        self.key = new_key()
        self._store = store
        self._writer: Any = None
        self._is_finished = False

    async def write(self, content: bytes) -> None:
        with _errors():
            if self._writer is None:
                self._writer = obstore.open_writer_async(self._store, self.key, buffer_size=PART, max_concurrency=2)
            await self._writer.write(content)

    async def finish(self) -> None:
        with _errors():
            if self._writer is None:
                await obstore.put_async(self._store, self.key, b"")
            else:
                await self._writer.close()
        self._is_finished = True

    async def discard(self) -> None:
        with _errors():
            if self._is_finished:
                await obstore.delete_async(self._store, self.key)


class S3Blobs:
    """A bucket, or a folder in one."""

    def __init__(self, url: str) -> None:
        self._store = _store_of(url)

    def create(self) -> S3Draft:
        return S3Draft(self._store)

    async def open(self, key: str, start: int, size: int) -> Parts:
        if not size:
            return Parts(_nothing(), 0)
        with _errors(key):
            found = await obstore.get_async(self._store, key, options={"range": (start, start + size)})
        return Parts(_read(found, key), size)

    async def remove(self, key: str) -> None:
        with suppress(Gone), _errors(key):
            await obstore.delete_async(self._store, key)

    async def list(self) -> AsyncIterator[Found]:
        with _errors():
            async for page in obstore.list(self._store):
                for each in page:
                    age = clock.now() - each["last_modified"].timestamp()
                    yield Found(each["path"], each["size"], age)

    async def close(self) -> None:
        pass


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""


async def _read(found: obstore.GetResult, key: str) -> AsyncGenerator[bytes, None]:
    with _errors(key):
        async for part in found.stream(min_chunk_size=READ):
            yield bytes(part)


def _store_of(url: str) -> S3Store:
    """Return the storage at a URL. Raises ConfigError."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = set(options) - {"endpoint", "region"}
    if parts.scheme != "s3" or not parts.hostname or unknown:
        raise ConfigError(
            "wrong setting files.storage: write it like s3://bucket/folder?endpoint=https://s3.example.org&region=eu-1"
        )
    endpoint = options.get("endpoint", "")
    return S3Store(
        parts.hostname,
        prefix=parts.path.strip("/") or None,
        region=options.get("region", "us-east-1"),
        endpoint=endpoint or None,
        client_options={"allow_http": endpoint.startswith("http://")},
    )


@contextmanager
def _errors(key: str = "") -> Iterator[None]:
    """Raise OSError and Gone in place of the library's errors, whose texts may contain credentials."""
    try:
        yield
    except FileNotFoundError as error:
        raise Gone(key) from error
    except BaseError as error:
        raise OSError(f"the S3 storage failed: {type(error).__name__}") from error
