"""Use cases of uploads in pieces: collect the pieces, and forget uploads that nobody finishes.

Every change locks the uploads of its user, and then refuses those that are being made into files (`assembly.py`).
"""

import msgspec

from talkd.areas.dav import upload_store as store
from talkd.areas.dav.upload_model import (
    CLAIMED,
    LIFETIME,
    MAX_PIECES,
    MAX_UPLOADS,
    WHOLE,
    Piece,
    Upload,
    in_order,
)
from talkd.areas.dav.view import Node
from talkd.areas.files import service as files
from talkd.areas.files.media_model import type_of
from talkd.areas.files.model import FOLDER, UNKNOWN, Entry, Limits, Path, Received
from talkd.areas.files.service import Condition, Put
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.errors import Forbidden, Invalid, Locked, NotAllowedHere, NotFound, TooLarge
from talkd.storage.database import Tx


class Caps(msgspec.Struct, frozen=True):
    """How much may be sent in pieces."""

    limits: Limits
    max_file: int


class Finished(msgspec.Struct, frozen=True):
    """An upload that became a file, and the places of its pieces, which nobody needs any more."""

    put: Put
    keys: list[str]


async def access_upload(tx: Tx, user_id: str, name: str) -> Upload:
    """Return a user's upload. Raises NotFound."""
    found = await store.find_upload(tx, user_id, name)
    if found is None:
        raise NotFound
    return found


async def _lock_upload(tx: Tx, user_id: str, name: str) -> Upload:
    """Lock a user's uploads, and return one that may be changed. Raises Locked and NotFound."""
    await tx.lock_name(f"uploads:{user_id}")
    upload = await access_upload(tx, user_id, name)
    if upload.assembled_until > clock.steady():
        raise Locked(message="The pieces of this upload are being put together.")
    return upload


async def create_upload(tx: Tx, user_id: str, name: str) -> None:
    """Begin an upload.

    Raises NotAllowedHere if it has begun, Forbidden if the user has too many, and NotFound if the account was deleted.
    """
    await tx.lock_name(f"uploads:{user_id}")
    await files.require_account(tx, user_id)
    if await store.find_upload(tx, user_id, name) is not None:
        raise NotAllowedHere(message="The resource you tried to create already exists.")
    if await store.count_uploads(tx, user_id) >= MAX_UPLOADS:
        raise Forbidden(message="There are too many unfinished uploads.")
    await store.add_upload(tx, user_id, name, clock.now())


async def list_nodes(tx: Tx, user: Actor, path: Path, *, with_children: bool) -> list[Node]:
    """Return an upload's folder, with `with_children` its pieces and its file; or one of them. Raises NotFound."""
    upload = await access_upload(tx, user.id, path[0] if path else "")
    folder, whole = _node(upload, (upload.name,)), _node(upload, (upload.name, WHOLE), upload.size)
    if len(path) == 1 and not with_children:
        return [folder]
    pieces = await store.list_pieces(tx, upload.id)
    inside = [_node(upload, (upload.name, each.name), each.size, each.etag) for each in pieces] + [whole]
    nodes = [folder, *inside] if len(path) == 1 else [node for node in inside if node.path == path]
    if not nodes:
        raise NotFound
    return nodes


def _node(upload: Upload, path: Path, size: int = 0, etag: str = "") -> Node:
    """Return an upload's folder, or something in it, as an entry that clients can list. It has no id as files have."""
    is_folder = len(path) == 1
    media_type = FOLDER if is_folder else UNKNOWN
    blob_id = 0 if is_folder else -1
    etag = etag or f"{upload.id}-{upload.active_at}"
    now = upload.active_at
    return Node(Entry(0, upload.user_id, 0, path[-1], blob_id, media_type, size, etag, now, now, 0), path, "")


async def require_can_put(
    tx: Tx, user_id: str, name: str, piece_name: str, caps: Caps, *, size: int, announced: int
) -> int | None:
    """Check what is known before a piece is received. Return how many bytes it may have, or None for no limit.

    `announced`: the bytes of the whole file, as far as known. Raises NotFound and the errors of `put_piece`.
    """
    upload = await access_upload(tx, user_id, name)
    old = await store.find_piece(tx, upload.id, piece_name)
    growth = _require_growth(upload, old, max(size, announced - upload.size), caps)
    if old is None:
        await files.require_entries(tx, user_id, 1, caps.limits, with_waiting=True)
    await files.require_space(tx, user_id, growth, caps.limits)
    space = await files.find_space(tx, user_id, caps.limits)
    return None if space is None else space + (old.size if old is not None else 0)


def _require_growth(upload: Upload, old: Piece | None, size: int, caps: Caps) -> int:
    """Return by how many bytes the upload grows. Raises TooLarge, and Invalid for too many pieces."""
    if old is None and upload.pieces >= MAX_PIECES:
        raise Invalid("pieces", message=f"An upload may have at most {MAX_PIECES} pieces.")
    growth = size - (old.size if old is not None else 0)
    if upload.size + growth > caps.max_file:
        raise TooLarge("body", message=f"A file may have at most {caps.max_file} bytes.")
    return growth


async def put_piece(
    tx: Tx, user_id: str, name: str, piece_name: str, received: Received, caps: Caps
) -> tuple[Piece, Piece | None]:
    """Add a piece to an upload, or replace it. Return it, and the one it replaces.

    Raises Locked, NotFound, Invalid for too many pieces, TooLarge and NoSpace.
    """
    upload = await _lock_upload(tx, user_id, name)
    old = await store.find_piece(tx, upload.id, piece_name)
    growth = _require_growth(upload, old, received.size, caps)
    if old is None:
        await files.require_entries(tx, user_id, 1, caps.limits, with_waiting=True)
    if growth > 0:
        await files.require_space(tx, user_id, growth, caps.limits)
    piece = Piece(piece_name, received.key, received.size, files.new_etag())
    await store.touch_upload(tx, upload, clock.now(), by=growth, more=int(old is None))
    await store.put_piece(tx, upload.id, piece)
    await files.note_pieces(tx, growth)
    if growth > 0:
        await files.require_total(tx, caps.limits)
    return piece, old


async def remove_piece(tx: Tx, user_id: str, name: str, piece_name: str) -> list[str]:
    """Delete a piece. Return its place in the storage. Raises Locked and NotFound."""
    upload = await _lock_upload(tx, user_id, name)
    piece = await store.find_piece(tx, upload.id, piece_name)
    if piece is None:
        raise NotFound
    await store.touch_upload(tx, upload, clock.now(), by=-piece.size, more=-1)
    await store.delete_piece(tx, upload.id, piece_name)
    await files.note_pieces(tx, -piece.size)
    return [piece.key]


async def remove_upload(tx: Tx, user_id: str, name: str) -> list[str]:
    """Delete an upload. Return where its pieces are in the storage. Raises Locked and NotFound."""
    return await _delete(tx, await _lock_upload(tx, user_id, name))


async def _delete(tx: Tx, upload: Upload) -> list[str]:
    """Delete an upload. Return where its pieces are in the storage. Raises NotFound if it was deleted meanwhile."""
    size, keys = await store.delete_upload(tx, upload)
    await files.note_pieces(tx, -size)
    return keys


# --- finishing ------------------------------------------------------------------------------
async def claim_pieces(tx: Tx, user_id: str, name: str, announced: int | None, claim: str) -> list[Piece]:
    """Return the pieces of an upload in the order of their contents, when all changes of it have ended.

    Nobody else may change it while it is claimed. `announced`: the size of the file as the client gives it. Raises
    Locked, NotFound, and Invalid if pieces are missing.
    """
    upload = await _lock_upload(tx, user_id, name)
    await store.touch_upload(tx, upload, clock.now())
    await store.set_claim(tx, upload, claim, clock.steady() + CLAIMED)
    pieces = in_order(await store.list_pieces(tx, upload.id))
    if announced is not None and announced != upload.size:
        raise Invalid("size", message=f"The pieces have {upload.size} bytes together, and not {announced}.")
    return pieces


async def renew(tx: Tx, user_id: str, name: str, claim: str) -> None:
    """Keep the claim to an upload, if another request has not claimed it meanwhile."""
    await store.move_claim(tx, user_id, name, claim, clock.steady() + CLAIMED)


async def release_all(tx: Tx) -> None:
    """Give back the claims to all uploads, because no process has any: the first one starts."""
    await store.remove_claims(tx)


async def release(tx: Tx, user_id: str, name: str, claim: str) -> None:
    """Give back the claim to an upload, if it was not finished."""
    await store.move_claim(tx, user_id, name, claim, 0)


async def finish_upload(
    tx: Tx,
    user_id: str,
    name: str,
    claim: str,
    path: Path,
    received: Received,
    *,
    modified_at: int,
    condition: Condition,
    creates_folders: bool,
    limits: Limits,
) -> Finished:
    """Make received pieces the file at a path, and delete the upload.

    Raises NotFound, Locked if the claim was lost to another request, and the errors of `files.put`.
    """
    await tx.lock_name(f"uploads:{user_id}")
    upload = await access_upload(tx, user_id, name)
    if upload.assembly != claim:
        raise Locked(message="The pieces of this upload are being put together.")
    await files.lock_root(tx, user_id)  # before the row of the upload is locked, which deleting the account needs
    size, keys = await store.delete_upload(tx, upload)
    if creates_folders:
        await files.ensure_folder(tx, user_id, path[:-1], limits)
    put = await files.put(
        tx,
        user_id,
        path,
        received,
        type_of(path[-1]),
        modified_at=modified_at,
        condition=condition,
        limits=msgspec.structs.replace(limits, total=0),  # the pieces still count
    )
    await files.note_pieces(tx, -size)  # last: all others lock contents before the sum
    if put.is_kept:
        await files.require_total(tx, limits)
    return Finished(put, keys)


# --- what nobody finishes -------------------------------------------------------------------
async def remove_account(tx: Tx, user_id: str) -> None:
    """Take the uploads of a deleted account away, so that nobody with its name gets them."""
    await store.disown_uploads(tx, user_id)


async def find_abandoned(tx: Tx) -> Upload | None:
    """Return an upload without a request for LIFETIME seconds, or None."""
    return await store.find_abandoned(tx, clock.now() - LIFETIME)


async def remove_abandoned(tx: Tx, upload: Upload) -> list[str]:
    """Delete an upload that `find_abandoned` found, if it still is abandoned. Return where its pieces are."""
    try:
        found = await _lock_upload(tx, upload.user_id, upload.name)
        return await _delete(tx, found) if found == upload else []
    except (Locked, NotFound):
        return []
