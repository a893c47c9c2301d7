"""Share files in rooms, end shares, and find the files that somebody may read."""

import msgspec

from talkd.areas.attachments import store
from talkd.areas.attachments.model import GONE, Meta, Share, kind_of, message_kind_of, parse_shared_path, reference_of
from talkd.areas.files import service as files
from talkd.areas.files.model import Blob, Entry, Path
from talkd.areas.messages import service as messages
from talkd.areas.recording import service as recording
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.conversation import message_store, modified_store, room_store
from talkd.conversation.access import access_participant
from talkd.conversation.message import FILE, Message, Reference, SentMessage, plain
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.core.events import SharedFileChanged
from talkd.storage.database import Tx

PORTION = 100
"""Maximum number of shares that one transaction ends, or that are read at once."""
LONG_AGO = 1
"""The expiry of a share that is left to the job."""

_encode = msgspec.json.Encoder().encode


# --- sharing --------------------------------------------------------------------------------
async def share(
    tx: Tx,
    me: Participant,
    entry: Entry,
    blob: Blob,
    meta: Meta,
    *,
    reference_id: str,
    base_url: str,
    expires_at: int = 0,
) -> SentMessage:
    """Share a file of the caller in a room until `expires_at` (0: for ever), with a message that shows it.

    The caller holds the lock of the room and has checked that they may post. Raises Forbidden for a folder, for the
    file of somebody else, and if the file is already shared in the room by another message.
    """
    await files.lock_tree(tx, me.actor.id)
    if await files.find_by_id(tx, entry.id) is None:  # it was just deleted
        raise NotFound
    if entry.is_folder or entry.user_id != me.actor.id:
        raise Forbidden(message="Only your own files can be shared, one by one.")
    known = await messages.find_shared_file(tx, me, str(entry.id), reference_id)
    if known is not None:
        return await messages.complete_sent(tx, me, known, is_new=False)
    if any(found.room_id == me.room.id for found, _ in await store.list_valid(tx, entry.id, clock.now())):
        raise Forbidden(message="Path is already shared with this conversation")
    message, _ = await messages.share_file(
        tx,
        me,
        reference_of(entry, blob, entry.name, me.room.token, base_url),
        kind_of(entry.media_type, meta),
        kind=message_kind_of(entry.media_type, meta),
        caption=meta.caption,
        reply_to=meta.reply_to,
        reference_id=reference_id,
        silent=meta.silent,
    )
    await store.add_share(
        tx,
        room_id=me.room.id,
        entry_id=entry.id,
        message_id=message.id,
        user_id=me.actor.id,
        name=entry.name,
        created_at=clock.now(),
        expires_at=expires_at,
    )
    return await messages.complete_sent(tx, me, message)


async def share_recording(tx: Tx, me: Participant, file_id: int, stored_at: int, *, base_url: str) -> None:
    """Share a recording of the caller in the room, unless it is already, and dismiss its notification.

    Raises Invalid("file") if they have no such file.
    """
    try:
        entry, blob = await access_file(tx, file_id, user_id=me.actor.id, browser="")
    except NotFound as error:
        raise Invalid("file") from error
    if entry.user_id != me.actor.id:
        raise Invalid("file")
    await recording.dismiss(tx, me, stored_at)
    if all(found.room_id != me.room.id for found, _ in await store.list_valid(tx, entry.id, clock.now())):
        await share(tx, me, entry, blob, Meta(is_recording=True), reference_id="", base_url=base_url)


# --- reading --------------------------------------------------------------------------------
async def access_file(tx: Tx, file_id: int, *, user_id: str | None, browser: str) -> tuple[Entry, Blob]:
    """Return a file that the caller may read: their own, or one that is shared in a room that they are in.

    Whoever has to wait in the lobby of that room may not, and users who may not use Talk only read their own. Raises
    NotFound, whatever the reason.
    """
    entry = await files.find_by_id(tx, file_id)
    if entry is None or entry.is_folder:
        raise NotFound
    if entry.user_id != user_id and await _find_share(tx, entry, user_id=user_id, browser=browser) is None:
        raise NotFound
    if await files.get_path(tx, entry) is None:
        raise NotFound
    return entry, await files.get_blob(tx, entry)


async def find_received(tx: Tx, path: Path, user: Actor) -> Entry | None:
    """Return the file that a path below `Talk/` names for a participant, or None."""
    found = parse_shared_path(path)
    if found is None:
        return None
    token, file_id = found
    entry = await files.find_by_id(tx, file_id)
    if entry is None or entry.is_folder:
        return None
    shared = await _find_share(tx, entry, user_id=user.id, browser="", token=token)
    is_there = shared is not None and shared[0].name == path[-1] and await files.get_path(tx, entry) is not None
    return entry if is_there else None


async def find_share_for(tx: Tx, entry: Entry, user: Actor) -> tuple[Share, str] | None:
    """Return a share through which a user may read a file, with the token of its room."""
    return await _find_share(tx, entry, user_id=user.id, browser="")


async def _find_share(
    tx: Tx, entry: Entry, *, user_id: str | None, browser: str, token: str | None = None
) -> tuple[Share, str] | None:
    """Return a share through which the caller may read a file; only in the room of `token` if there is one."""
    valid = await store.list_valid(tx, entry.id, clock.now())
    if not valid or not await _may_use_talk(tx, user_id):
        return None
    for share, there in valid:
        if token in (None, there) and await _can_read(tx, there, user_id=user_id, browser=browser):
            return share, there
    return None


async def _may_use_talk(tx: Tx, user_id: str | None) -> bool:
    """Return True unless the setting `allowed_groups` excludes the caller. Guests have no groups."""
    return user_id is None or await users.may_use_talk(tx, await settings.get_settings(tx), user_id)


async def _can_read(tx: Tx, token: str, *, user_id: str | None, browser: str) -> bool:
    try:
        me = await access_participant(tx, token, user_id=user_id, browser=browser)
    except NotFound:
        return False
    return me.can_pass_lobby


# --- a user's own shares --------------------------------------------------------------------
async def list_received(tx: Tx, user: Actor, limit: int) -> list[tuple[Share, str]]:
    """Return the newest files that others have shared with a user, with the tokens of the rooms."""
    found = await store.list_received(tx, user.id, limit=limit, now=clock.now())
    readable = {token: await _can_read(tx, token, user_id=user.id, browser="") for _, token in found}
    return [(share, token) for share, token in found if readable[token]]


async def list_of_file(tx: Tx, entry: Entry) -> list[tuple[Share, str]]:
    """Return the shares of a file with the tokens of their rooms, newest first."""
    return await store.list_valid(tx, entry.id, clock.now())


# --- changing -------------------------------------------------------------------------------
async def lock_rooms_of(tx: Tx, user_id: str, *paths: Path) -> None:
    """Lock the rooms whose messages show the user's files at these paths. Those of files in folders stay unlocked.

    Changes of the tree call it first: they change these messages, and all others lock a room before the tree. A job
    changes the messages of files whose folder was deleted.
    """
    room_ids: set[int] = set()
    for path in paths:
        entry = await files.find(tx, user_id, path) if path else None
        if entry is not None and not entry.is_folder:
            room_ids.update(await store.list_rooms_of_entry(tx, entry.id))
    if room_ids:
        await room_store.lock_rooms(tx, list(room_ids))


# --- ending ---------------------------------------------------------------------------------
async def end(tx: Tx, share: Share, *, waits: bool = True) -> None:
    """End a share, and delete its file if that was only kept for it.

    Unless it `waits`, the file is left to the job if its user is changing their folders, which may take seconds.
    """
    await _lock_rooms(tx, [share])
    await _show_as_gone(tx, share)
    entry = await files.find_by_id(tx, share.entry_id)
    if not waits and entry is not None and entry.is_attachment and not await files.can_lock_tree(tx, entry.user_id):
        await store.set_expiry(tx, share, LONG_AGO)
        return
    await store.delete_share(tx, share)
    if entry is not None and entry.is_attachment and not await store.is_shared(tx, entry.id):
        await files.remove(tx, entry)


async def end_of_message(tx: Tx, room_id: int, message_id: int) -> None:
    """End what a message shared."""
    for share in await store.list_of_message(tx, room_id, message_id):
        await end(tx, share, waits=False)


async def end_of_sharer(tx: Tx, room_id: int, user_id: str) -> None:
    """End the shares of a user who has left a room. The job ends those beyond a portion."""
    for share in await store.list_of_sharer(tx, room_id, user_id, PORTION):
        await end(tx, share, waits=False)


async def list_invalid(tx: Tx, after: int) -> tuple[int, list[Share]]:
    """Return the id of the last of the next shares after an id (0 if there is none), and those without access."""
    page = await store.list_page(tx, after, PORTION)
    if not page:
        return 0, []
    valid = await store.list_valid_ids(tx, after, page[-1].id, clock.now())
    return page[-1].id, [share for share in page if share.id not in valid]


async def forget_files(tx: Tx, file_ids: tuple[int, ...]) -> None:
    """End the shares of files that were deleted."""
    shares = await store.list_of_entries(tx, list(file_ids))
    await _lock_rooms(tx, shares)
    for share in shares:
        await _show_as_gone(tx, share)
        await store.delete_share(tx, share)


async def _lock_rooms(tx: Tx, shares: list[Share]) -> None:
    """Lock the rooms of shares before their messages and the folders of their files, as all others do."""
    if shares:
        await room_store.lock_rooms(tx, list({share.room_id for share in shares}))


async def _show_as_gone(tx: Tx, share: Share) -> None:
    """Let the message of a share say that the file is no longer available, unless it was deleted itself."""
    message = await message_store.get_message(tx, share.room_id, share.message_id, clock.now())
    if message is None or FILE not in message.references():
        return
    actor = Reference(message.actor_type, message.actor_id, message.actor_name)
    await _set_content(tx, message, GONE, {"actor": actor})
    await store.set_list(tx, share.room_id, share.message_id, "")


async def find_shared(tx: Tx, file_id: int) -> tuple[Entry, Blob] | None:
    """Return a file that messages show, or None."""
    entry = await files.find_by_id(tx, file_id)
    if entry is None or not await store.is_shared(tx, file_id):
        return None
    return entry, await files.get_blob(tx, entry)


async def update_messages(tx: Tx, file_id: int) -> None:
    """Let the messages of a file show its contents as they are now."""
    found = await find_shared(tx, file_id)
    if found is None:
        return
    entry, blob = found
    shares = await store.list_valid(tx, file_id, clock.now())
    await _lock_rooms(tx, [share for share, _ in shares])  # a caption may be edited at this moment
    for share, token in shares:
        message = await message_store.get_message(tx, share.room_id, share.message_id, clock.now())
        references = message.references() if message is not None else {}
        if message is None or FILE not in references:
            continue
        base_url = references[FILE].fields.get("link", "").partition("/index.php/")[0]
        changed = reference_of(entry, blob, share.name, token, base_url)
        if changed != references[FILE]:
            await _set_content(tx, message, message.message, {**references, FILE: changed})


async def _set_content(tx: Tx, message: Message, text: str, references: dict[str, Reference]) -> None:
    await store.set_content(
        tx,
        message.room_id,
        message.id,
        message=text,
        parameters=_encode(references).decode(),
        plain=plain(text, references),
    )
    await modified_store.touch_room(tx, message.room_id, clock.now())  # lists of rooms show the last message
    await tx.emit(SharedFileChanged(message.room_id))
