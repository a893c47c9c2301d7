"""Finding out what messages say about pictures, sounds and films: sizes, blurred forms and lengths.

Messages are not kept waiting for long. What is found out later is told by the event `FileDescribed`.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any

import msgspec

from talkd.areas.files import service as files
from talkd.areas.files.contents import Contents
from talkd.areas.files.media_model import has_preview
from talkd.areas.files.model import Blob, Entry
from talkd.areas.pictures.decoder import Decoder
from talkd.areas.pictures.model import Description, NotAnImage, TookTooMuch
from talkd.areas.pictures.once import Once
from talkd.areas.pictures.tries import Tries
from talkd.core.errors import NoSpace, Throttled, Unavailable
from talkd.core.log import Log
from talkd.web.call import World

log = Log(__name__)

SECONDS = 10.0
"""How long a message waits for what is known about its file."""
MAX_LATER = 1000
"""How many contents are remembered that are not described yet. Others are described when their preview is asked for."""


class Undescribed(msgspec.Struct, frozen=True):
    """Contents that are not described yet, and the files that have them, as far as their messages wait for it."""

    blob: Blob
    account: str
    """Whose turn it takes: the owner of the first of the files."""
    file_ids: set[int]


class Describer:
    """Contents of files that are being described, and those that have to be tried again."""

    def __init__(self) -> None:
        self._running: Once[int, Blob] = Once()
        self._begun: set[asyncio.Task[None]] = set()
        self._waiting: dict[int, Undescribed] = {}
        self._tries: Tries[int] = Tries()

    async def ensure_described(self, world: World, entry: Entry, blob: Blob) -> Blob:
        """Return the contents of a file with what is known about them.

        They are described once, even if many ask at the same time. They stay as they are if the process was ended
        while it had them, and it is not time to try again. Raises Throttled while too many files wait, and Unavailable
        if the storage fails.
        """
        if blob.is_described:
            return blob
        waiting = self._note(entry, blob)
        if not self._tries.may_try(blob.id):
            return blob
        return await self._running.run(blob.id, partial(self._describe, world, waiting))

    def _note(self, entry: Entry, blob: Blob) -> Undescribed:
        """Remember that the messages of a file wait. If too many do, the account with the most gives way."""
        waiting = self._waiting.get(blob.id)
        if waiting is None:
            waiting = self._waiting[blob.id] = Undescribed(blob, entry.user_id, set())
            if len(self._waiting) > MAX_LATER:
                [(most, _)] = Counter(each.account for each in self._waiting.values()).most_common(1)
                del self._waiting[next(key for key, each in self._waiting.items() if each.account == most)]
        waiting.file_ids.add(entry.id)
        return waiting

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that describes a file, without waiting for it."""
        task = asyncio.ensure_future(work)
        self._begun.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._begun.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("description_failed", error=str(task.exception()))

    async def try_again(self, world: World) -> None:
        """Describe what could not be described, if it is time for that."""
        due = [each for each in self._waiting.values() if self._tries.may_try(each.blob.id)]
        work = (self._running.run(each.blob.id, partial(self._describe, world, each)) for each in due)
        await asyncio.gather(*work, return_exceptions=True)

    async def _describe(self, world: World, wanted: Undescribed) -> Blob:
        blob = wanted.blob
        try:
            found = await world[Decoder].describe(lambda: world[Contents].open(blob), wanted.account)
        except (NoSpace, TookTooMuch, Unavailable) as error:
            self._tries.note_failure(blob.id)
            if self._tries.is_given_up(blob.id):
                self._waiting.pop(blob.id, None)
            if isinstance(error, Unavailable):
                raise
            return blob
        except NotAnImage:
            found = Description()
        self._waiting.pop(blob.id, None)
        described = await world.db.write(
            lambda tx: files.describe(
                tx,
                blob,
                width=found.width,
                height=found.height,
                blurhash=found.blurhash,
                duration=found.duration,
            )
        )
        for file_id in sorted(wanted.file_ids):
            await world.db.write(partial(files.show_description, file_id=file_id))
        return described

    async def close(self) -> None:
        """Stop describing."""
        for task in self._begun:
            task.cancel()
        await asyncio.gather(*self._begun, return_exceptions=True)
        await self._running.close()


async def ensure_described(world: World, entry: Entry, blob: Blob) -> Blob:
    """Return the contents of a file with what is known about them, before it is shared.

    They stay as they are if the file is no picture, sound or film by its name, and while that is not possible. Nobody
    waits longer than SECONDS: the message is then posted without, and shows it later.
    """
    if not _can_be_described(entry.media_type):
        return blob
    try:
        async with asyncio.timeout(SECONDS):
            return await world[Describer].ensure_described(world, entry, blob)
    except (Throttled, Unavailable, OSError):  # a timeout is an OSError
        return blob


def _can_be_described(media_type: str) -> bool:
    return has_preview(media_type) or media_type.startswith(("audio/", "video/"))
