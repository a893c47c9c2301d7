"""Statements about uploads in pieces."""

import sqlalchemy as sa

from talkd.areas.dav.upload_model import Piece, Upload
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.storage.file_schema import upload_parts as parts
from talkd.storage.file_schema import uploads
from talkd.storage.queries import Query, shape
from talkd.storage.schema import Int
from talkd.storage.statements import EMPTY, ONE, ZERO, Statement, bind, insert

UPLOAD, PIECE = shape(Upload, uploads), shape(Piece, parts)

_FIND = Query(sa.select(*UPLOAD).where(uploads.c.user_id == bind("user_id"), uploads.c.name == bind("name")), UPLOAD)
_COUNT = Statement(sa.select(sa.func.count()).select_from(uploads).where(uploads.c.user_id == bind("user_id")))
_ADD = Query(
    sa.insert(uploads).values(user_id=bind("user_id"), name=bind("name"), active_at=bind("now")).returning(*UPLOAD),
    UPLOAD,
)
_this = (uploads.c.id == bind("upload_id"), uploads.c.user_id == bind("user_id"))
_TOUCH = Statement(
    sa.update(uploads)
    .where(*_this)
    .values(size=uploads.c.size + bind("by", Int), pieces=uploads.c.pieces + bind("more", Int), active_at=bind("now"))
)
_SET_CLAIM = Statement(
    sa.update(uploads).where(*_this).values(assembly=bind("claim", sa.Text), assembled_until=bind("until", Int))
)
_REMOVE_CLAIMS = Statement(sa.update(uploads).values(assembled_until=ZERO).where(uploads.c.assembled_until > ZERO))
_MOVE_CLAIM = Statement(
    sa.update(uploads)
    .where(uploads.c.user_id == bind("user_id"), uploads.c.name == bind("name"), uploads.c.assembly == bind("claim"))
    .values(assembled_until=bind("until", Int))
)
_DELETE = Statement(sa.delete(uploads).where(*_this).returning(uploads.c.size))
_ABANDONED = Query(
    sa.select(*UPLOAD).where(uploads.c.active_at < bind("before")).order_by(uploads.c.active_at).limit(ONE), UPLOAD
)
_DISOWN = Statement(
    sa.update(uploads)
    .where(uploads.c.user_id == bind("user_id"))
    .values(user_id=EMPTY, name=sa.cast(uploads.c.id, sa.Text), active_at=ZERO, assembled_until=ZERO)
)

_PIECE = Query(sa.select(*PIECE).where(parts.c.upload_id == bind("upload_id"), parts.c.name == bind("name")), PIECE)
_PIECES = Query(sa.select(*PIECE).where(parts.c.upload_id == bind("upload_id")).order_by(parts.c.name), PIECE)
_PUT_PIECE = Statement(
    insert(parts)
    .values({name: bind(name) for name in ("upload_id", "name", "key", "size", "etag")})
    .on_conflict_do_update(
        index_elements=["upload_id", "name"], set_={"key": bind("key"), "size": bind("size"), "etag": bind("etag")}
    )
)
_DELETE_PIECE = Statement(sa.delete(parts).where(parts.c.upload_id == bind("upload_id"), parts.c.name == bind("name")))
_DELETE_PIECES = Statement(sa.delete(parts).where(parts.c.upload_id == bind("upload_id")).returning(parts.c.key))


async def find_upload(tx: Tx, user_id: str, name: str) -> Upload | None:
    """Return a user's upload, or None."""
    return await tx.find(_FIND, user_id=user_id, name=name)


async def count_uploads(tx: Tx, user_id: str) -> int:
    """Return the number of a user's uploads."""
    return int(await tx.value(_COUNT, user_id=user_id))


async def add_upload(tx: Tx, user_id: str, name: str, now: int) -> Upload:
    """Add an upload without pieces."""
    return await tx.create(_ADD, user_id=user_id, name=name, now=now)


async def touch_upload(tx: Tx, upload: Upload, now: int, *, by: int = 0, more: int = 0) -> None:
    """Note a request for an upload, which adds `by` bytes and `more` pieces.

    Raises NotFound if it was deleted, or its account, since it was read.
    """
    if not await tx.run(_TOUCH, upload_id=upload.id, user_id=upload.user_id, by=by, more=more, now=now):
        raise NotFound


async def set_claim(tx: Tx, upload: Upload, claim: str, until: int) -> None:
    """Let a request make an upload a file until a moment."""
    await tx.run(_SET_CLAIM, upload_id=upload.id, user_id=upload.user_id, claim=claim, until=until)


async def remove_claims(tx: Tx) -> None:
    """Remove the claims to all uploads."""
    await tx.run(_REMOVE_CLAIMS)


async def move_claim(tx: Tx, user_id: str, name: str, claim: str, until: int) -> None:
    """Set until when a request may make an upload a file, if its claim is the newest."""
    await tx.run(_MOVE_CLAIM, user_id=user_id, name=name, claim=claim, until=until)


async def delete_upload(tx: Tx, upload: Upload) -> tuple[int, list[str]]:
    """Delete an upload with its pieces. Return the bytes of the pieces, and where they are in the storage.

    Raises NotFound if it was deleted, or its account, since it was read.
    """
    sizes: list[int] = await tx.values(_DELETE, upload_id=upload.id, user_id=upload.user_id)
    if not sizes:
        raise NotFound
    return sizes[0], await tx.values(_DELETE_PIECES, upload_id=upload.id)


async def find_abandoned(tx: Tx, before: int) -> Upload | None:
    """Return the upload without a request for the longest time, if that was before a time."""
    return await tx.find(_ABANDONED, before=before)


async def disown_uploads(tx: Tx, user_id: str) -> None:
    """Take a user's uploads away from them. They count as abandoned."""
    await tx.run(_DISOWN, user_id=user_id)


async def find_piece(tx: Tx, upload_id: int, name: str) -> Piece | None:
    """Return a piece of an upload, or None."""
    return await tx.find(_PIECE, upload_id=upload_id, name=name)


async def list_pieces(tx: Tx, upload_id: int) -> list[Piece]:
    """Return the pieces of an upload by name."""
    return await tx.list(_PIECES, upload_id=upload_id)


async def put_piece(tx: Tx, upload_id: int, piece: Piece) -> None:
    """Add a piece to an upload, or replace it."""
    await tx.run(_PUT_PIECE, upload_id=upload_id, name=piece.name, key=piece.key, size=piece.size, etag=piece.etag)


async def delete_piece(tx: Tx, upload_id: int, name: str) -> None:
    """Delete a piece of an upload."""
    await tx.run(_DELETE_PIECE, upload_id=upload_id, name=name)
