"""Uploaded pictures as they are shown, from the storage of files or from memory."""

from functools import partial

from cachetools import LRUCache

from talkd.areas.avatars import images
from talkd.areas.avatars.model import LARGE, Uploaded
from talkd.areas.files.contents import Contents
from talkd.areas.pictures.drawing import in_thread
from talkd.areas.pictures.once import Once
from talkd.web.call import World

SMALL_KEPT = 256
"""Maximum number of small pictures in memory. Each has up to 16 kB."""
LARGE_KEPT = 16 << 20
"""Maximum bytes of all large pictures in memory together. Each has up to 1 MB."""


class Shown:
    """The pictures that were shown lately, by key. What a key of the storage stands for never changes."""

    def __init__(self) -> None:
        self._small: LRUCache[str, bytes] = LRUCache(SMALL_KEPT)
        self._large: LRUCache[str, bytes] = LRUCache(LARGE_KEPT, getsizeof=len)
        self._loading: Once[tuple[str, int], bytes] = Once()

    async def get(self, world: World, uploaded: Uploaded, size: int) -> bytes:
        """Return a picture as PNG, SMALL or LARGE. Raises Unavailable if the storage fails."""
        key = uploaded.key
        if not key:
            return await _resized(uploaded.image, size)
        kept = self._large if size == LARGE else self._small
        if (found := kept.get(key)) is not None:
            return found
        return await self._loading.run((key, size), partial(self._load, world, uploaded, size))

    async def _load(self, world: World, uploaded: Uploaded, size: int) -> bytes:
        key = uploaded.key
        content = self._large.get(key)
        if content is None:
            content = b"".join([part async for part in world[Contents].read(key, uploaded.size)])
        content = await _resized(content, size)
        (self._large if size == LARGE else self._small)[key] = content
        return content

    async def close(self) -> None:
        """Stop loading."""
        await self._loading.close()


async def _resized(image: bytes, size: int) -> bytes:
    return image if size == LARGE else await in_thread(images.resized, image, size)
