"""Whose previews a caller may see, and which previews there are."""

from talkd.areas.attachments import service as attachments
from talkd.areas.dav import service as dav
from talkd.areas.files.model import Blob, Entry, Path
from talkd.areas.previews import store
from talkd.areas.previews.model import Stored
from talkd.core.actor import Actor
from talkd.core.errors import NotAllowedHere, NotFound
from talkd.storage.database import Tx


async def access_file(tx: Tx, file_id: int, *, user_id: str | None, browser: str) -> tuple[Entry, Blob]:
    """Return a file that the caller may see: their own, or shared in a room that they are in. Raises NotFound."""
    return await attachments.access_file(tx, file_id, user_id=user_id, browser=browser)


async def access_path(tx: Tx, user: Actor, path: Path) -> tuple[Entry, Blob]:
    """Return the file at a path, as its reader sees it. Raises NotFound."""
    try:
        return await dav.access_file(tx, user, path)
    except NotAllowedHere as error:
        raise NotFound from error


async def find_preview(tx: Tx, blob: Blob, form: str) -> Stored | None:
    """Return the preview of contents in a form, or None if it was not made."""
    return await store.find_preview(tx, blob.id, form)


async def add_preview(tx: Tx, blob: Blob, form: str, made: Stored) -> Stored:
    """Note a preview that was made, and return it or the one that was there before.

    Raises NotFound if the contents were deleted in the meantime.
    """
    if not await store.lock_blob(tx, blob.id):
        raise NotFound
    if await store.add_preview(tx, blob.id, form, made):
        return made
    return await store.find_preview(tx, blob.id, form) or made


async def forget_preview(tx: Tx, blob: Blob, form: str, lost: Stored) -> None:
    """Forget a preview that the storage has lost."""
    await store.delete_preview(tx, blob.id, form, lost.key)
