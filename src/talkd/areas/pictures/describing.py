"""Finding out what messages say about pictures, sounds and films: sizes, blurred forms and lengths."""

import asyncio
from functools import partial

from talkd.areas.files import service as files
from talkd.areas.files.contents import Contents
from talkd.areas.files.media_model import has_preview
from talkd.areas.files.model import Blob, Entry
from talkd.areas.pictures.decoder import Decoder
from talkd.areas.pictures.model import Description, NotAnImage, TookTooLong
from talkd.areas.pictures.once import Once
from talkd.core.errors import Throttled, Unavailable
from talkd.web.call import World

SECONDS = 10.0
"""How long a message waits for what is known about its file."""


class Describer:
    """Contents of files that are being described."""

    def __init__(self) -> None:
        self._running: Once[int, Blob] = Once()

    async def ensure_described(self, world: World, blob: Blob) -> Blob:
        """Return contents with what is known about them. They are described once, even if many ask at the same time.

        Raises Throttled while too many files wait, and Unavailable if the storage fails.
        """
        if blob.is_described:
            return blob
        return await self._running.run(blob.id, partial(_describe, world, blob))

    async def close(self) -> None:
        """Stop describing."""
        await self._running.close()


async def ensure_described(world: World, entry: Entry, blob: Blob) -> Blob:
    """Return the contents of a file with what is known about them, before it is shared.

    They stay as they are if the file is no picture, sound or film by its name, and while that is not possible. Nobody
    waits longer than SECONDS: the message is then posted without.
    """
    if not _can_be_described(entry.media_type):
        return blob
    try:
        async with asyncio.timeout(SECONDS):
            return await world[Describer].ensure_described(world, blob)
    except (Throttled, Unavailable, OSError):  # a timeout is an OSError
        return blob


def _can_be_described(media_type: str) -> bool:
    return has_preview(media_type) or media_type.startswith(("audio/", "video/"))


async def _describe(world: World, blob: Blob) -> Blob:
    try:
        found = await world[Decoder].describe(lambda: world[Contents].open(blob))
    except TookTooLong:
        return blob
    except NotAnImage:
        found = Description()
    return await world.db.write(
        lambda tx: files.describe(
            tx, blob, width=found.width, height=found.height, blurhash=found.blurhash, duration=found.duration
        )
    )
