"""The sharing API: shares of the caller's own files in rooms that the caller is in."""

from collections.abc import Awaitable, Callable

import msgspec

from talkd.areas.attachments import draft_service, service, store
from talkd.areas.attachments.model import Meta, Share, Update, require_possible, shared_path
from talkd.areas.files import service as files
from talkd.areas.files.model import Blob, Entry, Limits, Path, parse_path
from talkd.areas.settings import service as settings
from talkd.areas.users import service as users
from talkd.conversation import room_store
from talkd.conversation.access import access_participant
from talkd.conversation.message import FILE
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.constants import Permission
from talkd.core.errors import Forbidden, Invalid, NotFound
from talkd.storage.database import Tx


class Shown(msgspec.Struct, frozen=True):
    """A share with everything that the API shows of it. `owner_name` is the name of who shared it."""

    owner_name: str
    share: Share
    entry: Entry
    path: Path
    token: str
    room_name: str


async def access_sendable(tx: Tx, user: Actor, path: str) -> tuple[Entry, Blob]:
    """Return the file at a path: the user's own, or one that they may read in a room. Raises NotFound and Forbidden."""
    try:
        received = await service.find_received(tx, parse_path(path), user)
    except Invalid:
        received = None
    entry = received or await _access(tx, user.id, path)
    return entry, await files.get_blob(tx, entry)


async def _access(tx: Tx, user_id: str, text: str) -> Entry:
    try:
        entry = await files.find(tx, user_id, parse_path(text))
    except Invalid:
        entry = None
    if entry is None or not entry.id:
        raise NotFound(message="Wrong path, file/folder does not exist", data=[])
    if entry.is_folder:
        raise Forbidden(message="Folders cannot be shared in conversations.", data=[])
    return entry


async def share(
    tx: Tx,
    user: Actor,
    path: str,
    token: str,
    meta: Meta,
    *,
    before_writing: Callable[[Tx, Room], Awaitable[None]],
    limits: Limits,
    reference_id: str,
    base_url: str,
    expires_at: int,
) -> Shown:
    """Share a file of the user, or a copy of one that they have received.

    A request that comes again under the same reference id shares nothing new. An app that got no answer to the first
    one uploads the file again before it, under another name: that copy is deleted.

    A file in the folder for attachments is only kept for the room: it is deleted when it is no longer shared. Raises
    NotFound for an unknown path or room, Forbidden for users who may not post there, and NoSpace.
    """
    try:
        me = await access_participant(tx, token, user_id=user.id, browser="", lock=True)
    except NotFound as error:
        raise NotFound(message="Conversation not found", data=[]) from error
    if not me.can_pass_lobby or not me.room.is_writable or not me.may(Permission.CHAT):
        raise Forbidden(message="You may not share files in this conversation.", data=[])
    await before_writing(tx, me.room)
    known = await draft_service.find_sent(tx, me, reference_id)
    if known is not None:
        shown = await files.find_by_id(tx, int(known.message.references()[FILE].id))
        if shown is not None:
            await _remove_second_copy(tx, user, path, shown)
            return await _show_in(tx, me.room, shown)
    entry, blob = await access_sendable(tx, user, path)
    if entry.user_id != user.id:
        entry = await draft_service.copy(tx, me, entry, limits)
    await service.share(tx, me, entry, blob, meta, reference_id=reference_id, base_url=base_url, expires_at=expires_at)
    if await _is_for_attachments(tx, user, await files.get_path(tx, entry)):
        await files.set_attachment(tx, entry)
    return await _show_in(tx, me.room, entry)


async def _is_for_attachments(tx: Tx, user: Actor, path: Path | None) -> bool:
    """Return True if a path is in the user's folder for attachments, whose files are only kept for rooms."""
    folder = parse_path(await settings.get_attachment_folder(tx, user.id))
    return bool(folder) and path is not None and path[: len(folder)] == folder


async def _remove_second_copy(tx: Tx, user: Actor, text: str, first: Entry) -> None:
    """Delete what was uploaded for a share that exists: an equal file that is shared nowhere."""
    path = parse_path(text)
    entry = await files.find(tx, user.id, path)
    if entry is None or entry.id == first.id or entry.is_folder or entry.blob_id != first.blob_id:
        return
    if await _is_for_attachments(tx, user, path) and not await store.is_shared(tx, entry.id):
        await files.remove(tx, entry)


async def _show_in(tx: Tx, room: Room, entry: Entry) -> Shown:
    """Return the share of a file in a room. Raises NotFound if there is none, because it has just ended."""
    for found, token in await service.list_of_file(tx, entry):
        if found.room_id == room.id:
            return await _show(tx, found, token, entry)
    raise NotFound


async def _show(tx: Tx, found: Share, token: str, entry: Entry) -> Shown:
    room = await room_store.get_room(tx, token)
    path = await files.get_path(tx, entry)
    names = await users.get_names(tx, [found.user_id])
    return Shown(
        names.get(found.user_id, found.user_id),
        found,
        entry,
        path or (entry.name,),
        token,
        room.name if room is not None else "",
    )


async def list_of_path(tx: Tx, user_id: str, path: str) -> list[Shown]:
    """Return the shares of the user's file at a path. Raises NotFound."""
    entry = await _access(tx, user_id, path)
    return [await _show(tx, found, token, entry) for found, token in await service.list_of_file(tx, entry)]


async def list_own(tx: Tx, user_id: str, limit: int) -> list[Shown]:
    """Return the newest shares of the user."""
    shown = []
    for found, token in await store.list_own(tx, user_id, before=2**62, limit=limit, now=clock.now()):
        entry = await files.find_by_id(tx, found.entry_id)
        if entry is not None:
            shown.append(await _show(tx, found, token, entry))
    return shown


async def list_received(tx: Tx, user: Actor, limit: int) -> list[Shown]:
    """Return the newest files that others have shared with the user, at the paths where the user finds them."""
    shown = []
    for found, token in await service.list_received(tx, user, limit):
        entry = await files.find_by_id(tx, found.entry_id)
        if entry is not None:
            there = shared_path(token, entry.id, found.name)
            shown.append(msgspec.structs.replace(await _show(tx, found, token, entry), path=there))
    return shown


async def update(tx: Tx, user_id: str, share_id: int, wanted: Update) -> Shown:
    """Set when a share of the user ends, and return it. Raises NotFound, and the errors of `require_possible`."""
    shown = await access_own(tx, user_id, share_id)
    require_possible(wanted)
    if wanted.expires_at is None:
        return shown
    await store.set_expiry(tx, shown.share, wanted.expires_at)
    return msgspec.structs.replace(shown, share=msgspec.structs.replace(shown.share, expires_at=wanted.expires_at))


async def access_own(tx: Tx, user_id: str, share_id: int) -> Shown:
    """Return a share of the user. Raises NotFound."""
    found = await store.find_own(tx, share_id, user_id, clock.now())
    entry = await files.find_by_id(tx, found[0].entry_id) if found is not None else None
    if found is None or entry is None:
        raise NotFound(message="Wrong share ID, share does not exist", data=[])
    return await _show(tx, *found, entry)


async def end_own(tx: Tx, user_id: str, share_id: int) -> None:
    """End a share of the user. Raises NotFound."""
    await service.end(tx, (await access_own(tx, user_id, share_id)).share)


async def find_rooms(tx: Tx, user_id: str, search: str, limit: int) -> list[tuple[str, str]]:
    """Return token and name of rooms of the user whose names contain a text."""
    return await store.find_rooms(tx, user_id, search, limit)
