"""Share files that were uploaded to the draft folder of a user in a room. Publishing moves them out of it.

The folder is `Talk/ROOM-TOKEN/NAME-USER/Draft`. "Talk" stands for the folder that the user has chosen.
"""

import msgspec

from talkd.areas.attachments import service
from talkd.areas.attachments import store as attachment_store
from talkd.areas.attachments.model import DRAFT, Meta, folder_of, is_draft
from talkd.areas.files import moving_service
from talkd.areas.files import service as files
from talkd.areas.files.model import Blob, Entry, Limits, Path, Received, parse_path, require_name
from talkd.areas.files.service import Put
from talkd.areas.messages import service as messages
from talkd.areas.settings import service as settings
from talkd.conversation.message import FILE, SentMessage
from talkd.conversation.participant import Participant
from talkd.core import clock, ids
from talkd.core.errors import Invalid, NotFound
from talkd.storage.database import Tx

NAME_LENGTH = 32
"""Length of the random name of a file until it is shared under its own."""
LIFETIME = 7 * 86_400
"""Seconds after which a draft is deleted that nobody has shared, from when it was put or moved into its folder."""
PORTION = 100
"""Number of drafts that are looked for at once."""


class Published(msgspec.Struct, frozen=True):
    """A file that was shared: its message and its final name."""

    message: SentMessage
    name: str


async def _folder(tx: Tx, me: Participant) -> Path:
    """Return the folder of the caller's files in the room."""
    parent = parse_path(await settings.get_attachment_folder(tx, me.actor.id))
    return folder_of(parent, me.room, me.actor)


async def prepare(tx: Tx, me: Participant, limits: Limits) -> Path:
    """Create the draft folder, and return it. Raises NoSpace."""
    folder = (*await _folder(tx, me), DRAFT)
    await files.ensure_folder(tx, me.actor.id, folder, limits)
    return folder


async def list_renames(tx: Tx, me: Participant, draft_folder: Path, wanted: list[str]) -> list[tuple[str, str]]:
    """Return the wanted names that will be others because they are taken, with these.

    Nothing is locked: it takes several lookups for each name. Raises Invalid for a name that is not allowed.
    """
    names = list(dict.fromkeys(wanted))
    for name in names:
        require_name(name)
    there = await files.access_entry(tx, me.actor.id, draft_folder[:-1])
    free = [(name, await files.find_free_name(tx, there, name)) for name in names]
    return [(name, final) for name, final in free if final != name]


async def find(tx: Tx, me: Participant, draft: Path) -> tuple[Entry, Blob] | None:
    """Return a file in the draft folder, or None."""
    entry = await files.find(tx, me.actor.id, draft)
    return None if entry is None or entry.is_folder else (entry, await files.get_blob(tx, entry))


async def find_sent(tx: Tx, me: Participant, reference_id: str) -> SentMessage | None:
    """Return the caller's message with a file that has this reference id, or None."""
    known = await messages.find_shared_file(tx, me, "", reference_id)
    return None if known is None else await messages.complete_sent(tx, me, known, is_new=False)


async def find_space(tx: Tx, me: Participant, limits: Limits) -> int | None:
    """Return how many bytes a new file of the caller may have, or None for no limit. Raises NoSpace for too many."""
    await files.require_entries(tx, me.actor.id, 1, limits)
    return await files.find_space(tx, me.actor.id, limits)


async def store(
    tx: Tx, me: Participant, name: str, received: Received, media_type: str, limits: Limits
) -> tuple[Path, Put]:
    """Put received contents into the draft folder. Return where they are. Raises the errors of `files.service.put`."""
    require_name(name)
    folder = (*await _folder(tx, me), DRAFT)
    await files.ensure_folder(tx, me.actor.id, folder, limits)
    path = (*folder, ids.text(NAME_LENGTH))
    return path, await files.put(tx, me.actor.id, path, received, media_type, limits=limits)


async def copy(tx: Tx, me: Participant, entry: Entry, limits: Limits) -> Entry:
    """Copy a file that the caller has received into their folder of files in the room. Raises NoSpace."""
    folder = await _folder(tx, me)
    parent = await files.ensure_folder(tx, me.actor.id, folder, limits)
    name = await files.find_free_name(tx, parent, entry.name)
    return await moving_service.copy_from(tx, entry, me.actor.id, parent, name, limits)


async def remove_draft(tx: Tx, me: Participant, draft: Path) -> None:
    """Delete a file in the draft folder that will not be shared, if it is there."""
    entry = await files.find(tx, me.actor.id, draft)
    if entry is not None and not entry.is_folder:
        await files.remove(tx, entry)


async def publish(
    tx: Tx, me: Participant, draft: Path, wanted: str, meta: Meta, *, limits: Limits, reference_id: str, base_url: str
) -> Published:
    """Share a file from the draft folder under the wanted name, or a free one like it.

    A request that comes again after a lost answer shares nothing new. Raises NotFound if there is no such draft,
    Invalid if it is a folder or for the name, and the errors of `service.share`.
    """
    known = await find_sent(tx, me, reference_id)
    if known is not None:
        await remove_draft(tx, me, draft)
        return Published(known, known.message.references()[FILE].name)
    entry, folder = await files.find(tx, me.actor.id, draft), draft[:-2]
    if entry is None:
        raise NotFound("filePath")
    if entry.is_folder:
        raise Invalid("filePath", message="Only files can be shared.")
    name = wanted or draft[-1]
    require_name(name)
    name = await files.find_free_name(tx, await files.access_entry(tx, me.actor.id, folder), name)
    await moving_service.move(tx, me.actor.id, draft, (*folder, name), overwrite=False, limits=limits)
    await files.set_attachment(tx, entry)
    moved = await files.access_entry(tx, me.actor.id, (*folder, name))
    blob = await files.get_blob(tx, moved)
    sent = await service.share(tx, me, moved, blob, meta, reference_id=reference_id, base_url=base_url)
    return Published(sent, name)


# --- what nobody shares ---------------------------------------------------------------------
async def list_old(tx: Tx, after: int) -> list[Entry]:
    """Return the next files after an id that may be drafts which nobody shares any more."""
    return await attachment_store.list_old_drafts(tx, after=after, placed_before=clock.now() - LIFETIME, limit=PORTION)


async def remove_abandoned(tx: Tx, old: Entry) -> None:
    """Delete a file that `list_old` has found, if it still is a draft."""
    await files.lock_tree(tx, old.user_id)
    entry = await files.find_by_id(tx, old.id)
    if entry is None or (entry.parent_id, entry.etag) != (old.parent_id, old.etag):
        return
    path = await files.get_path(tx, entry)
    if path is None or not is_draft(path, entry.user_id):
        return
    folder = parse_path(await settings.get_attachment_folder(tx, entry.user_id))
    if path[:-4] == folder and not await attachment_store.is_shared(tx, entry.id):
        await files.remove(tx, entry)
