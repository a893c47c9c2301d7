"""Making previews, and keeping them in the storage."""

from functools import partial

from cachetools import TTLCache

from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Blob, Entry, Received
from talkd.areas.files.receiving import one_part
from talkd.areas.pictures.decoder import Decoder
from talkd.areas.pictures.describing import Describer
from talkd.areas.pictures.model import NotAnImage, Preview, TookTooMuch
from talkd.areas.pictures.once import Once
from talkd.areas.pictures.tries import Tries
from talkd.areas.previews import service
from talkd.areas.previews.model import Stored, Wanted, choose_preview, form_of
from talkd.blobs.interface import Gone
from talkd.core import clock
from talkd.core.errors import NoSpace, NotFound, Unavailable
from talkd.core.log import Log
from talkd.core.streams import Stream
from talkd.web.call import World

log = Log(__name__)

FAILED_KEPT, FAILED_SECONDS = 4096, 600
"""How many previews of files that are no pictures are remembered, and how long they are not tried again."""

Key = tuple[int, str]
"""The id of contents, and the form of their preview."""


class Previews:
    """Previews that are being made, and those that could not be made."""

    def __init__(self) -> None:
        self._running: Once[Key, Stored] = Once()
        self._failed: TTLCache[Key, bool] = TTLCache(FAILED_KEPT, FAILED_SECONDS, timer=clock.steady)
        self._tries: Tries[Key] = Tries()

    async def choose(self, world: World, entry: Entry, blob: Blob, wanted: Wanted) -> Preview:
        """Return the preview to show of a file. Raises NotFound if it is no picture that can be opened."""
        described = await world[Describer].ensure_described(world, entry, blob)
        if not described.width:
            raise NotFound
        return choose_preview(described.width, described.height, wanted)

    async def find(self, world: World, blob: Blob, preview: Preview) -> Stored | None:
        """Return a preview if it was made. Raises NotFound if it could not be made."""
        form = form_of(preview)
        if (blob.id, form) in self._failed or not self._tries.may_try((blob.id, form)):
            raise NotFound
        return await world.db.read(lambda tx: service.find_preview(tx, blob, form))

    async def make(
        self, world: World, entry: Entry, blob: Blob, preview: Preview, *, lost: Stored | None = None
    ) -> Stored:
        """Make a preview, once even if many ask for it at the same time. `lost` is one that the storage has lost.

        It takes a turn of the file's owner, whoever asks: who sends expensive pictures keeps only their own waiting.

        Raises NotFound if it cannot be made, Throttled while too many files wait, and Unavailable if the storage fails.
        """
        return await self._running.run(
            (blob.id, form_of(preview)), partial(self._make, world, entry, blob, preview, lost)
        )

    async def _make(self, world: World, entry: Entry, blob: Blob, preview: Preview, lost: Stored | None) -> Stored:
        form = form_of(preview)
        if lost is not None:
            await world.db.write(lambda tx: service.forget_preview(tx, blob, form, lost))
        found = await world.db.read(lambda tx: service.find_preview(tx, blob, form))
        if found is not None:
            return found
        try:
            picture = await world[Decoder].make(preview, lambda: world[Contents].open(blob), entry.user_id)
        except TookTooMuch as error:
            self._tries.note_failure((blob.id, form))
            raise NotFound from error
        except NotAnImage as error:
            self._failed[blob.id, form] = True
            raise NotFound from error

        async def store(received: Received) -> tuple[Stored, bool]:
            made = Stored(received.key, picture.media_type, received.size)
            kept: Stored = await world.db.write(lambda tx: service.add_preview(tx, blob, form, made))
            return kept, kept.key == made.key

        reception = world[Contents].begin_made()
        try:
            kept, _ = await reception.receive_for(one_part(picture.content), store, lambda stored: stored[1])
        except NoSpace as error:
            raise Unavailable(10, message="The storage of files cannot be reached.") from error
        return kept

    async def open(self, world: World, stored: Stored) -> Stream | None:
        """Return the contents of a preview, or None if the storage has lost it. Raises Unavailable if it fails."""
        try:
            return await world[Contents].blobs.open(stored.key, 0, stored.size)
        except Gone:
            return None
        except Exception as error:
            log.exception("contents_unreadable", preview=stored.key)
            raise Unavailable(10, message="The storage of files cannot be reached.") from error

    async def close(self) -> None:
        """Stop making previews."""
        await self._running.close()
