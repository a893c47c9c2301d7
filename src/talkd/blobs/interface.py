"""The interface of storages for contents of files."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from talkd.core import ids
from talkd.core.streams import Stream

KEY_LENGTH = 32


class Gone(OSError):
    """There is no blob with this key."""


class Found(msgspec.Struct, frozen=True):
    """A blob in the storage."""

    key: str
    size: int
    age: float
    """Seconds since it was last written."""
    is_finished: bool = True


class Draft(Protocol):
    """A blob that is being written. Nobody can read it before `finish` has returned."""

    key: str

    async def write(self, content: bytes) -> None:
        """Add to its end. Raises OSError if the storage fails or is full."""

    async def finish(self) -> None:
        """Make it durable and readable. Raises OSError as `write` does."""

    async def discard(self) -> None:
        """Delete it, finished or not. It may have been deleted before."""


class Blobs(Protocol):
    """A storage. A key is used once, so what it stands for never changes."""

    def create(self, key: str = "") -> Draft:
        """Return an empty blob with a new key, or for a restore with one that the storage does not have."""

    async def open(self, key: str, start: int, size: int) -> Stream:
        """Return `size` bytes of a blob from `start` on. Raises Gone, or OSError if the storage fails."""

    async def remove(self, key: str) -> None:
        """Delete a blob, finished or not. Nothing happens if there is none. Raises OSError if the storage fails."""

    async def get_size(self, key: str) -> int:
        """Return the size of a blob in bytes. Raises Gone, or OSError if the storage fails."""

    def list(self, part: str = "") -> AsyncIterator[Found]:
        """Yield everything in the storage, with what writers have left behind. Raises OSError if it fails.

        `part`: only the blobs whose keys begin with these two characters.
        """

    async def close(self) -> None:
        """Disconnect."""


def new_key() -> str:
    """Return a random key."""
    return ids.text(KEY_LENGTH, "0123456789abcdef")
