"""Statements about the pictures of accounts."""

import sqlalchemy as sa

from talkd.areas.avatars.model import Portrait, Uploaded
from talkd.core import names
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, user_pictures
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, user_avatars, users
from talkd.storage.statements import ONE, Statement, bind, folded


def _portrait(
    user_id: str, display_name: str, version: int, key: str | None, size: int | None, in_database: str | None
) -> Portrait:
    uploaded = Uploaded(key or "", size or 0) if key or in_database else None
    return Portrait(user_id, display_name, version, uploaded)


_PORTRAIT = shape_of(
    _portrait,
    users.c.id,
    users.c.display_name,
    users.c.avatar_version,
    blobs.c.key,
    blobs.c.size,
    user_avatars.c.user_id,
)
_PORTRAIT_BY_ID = Query(
    sa.select(*_PORTRAIT)
    .select_from(
        users.outerjoin(user_pictures, user_pictures.c.user_id == users.c.id)
        .outerjoin(blobs, blobs.c.id == user_pictures.c.blob_id)
        .outerjoin(user_avatars, user_avatars.c.user_id == users.c.id)
    )
    .where(folded(users.c.id) == bind("user_id", sa.Text)),
    _PORTRAIT,
)
_now = bind("now", Int)
_NEW_VERSION = Statement(
    sa.update(users)
    .where(users.c.id == bind("user_id"))
    .values(avatar_version=sa.case((users.c.avatar_version < _now, _now), else_=users.c.avatar_version + ONE))
)


async def get_portrait(tx: Tx, user_id: str) -> Portrait | None:
    """Return the portrait of the account with this id, in any case."""
    return await tx.find(_PORTRAIT_BY_ID, user_id=names.folded(user_id))


async def raise_version(tx: Tx, user_id: str, now: int) -> bool:
    """Set a version that the account's picture never had: the time, or one more than the last version.

    This locks the account. Return False if there is none.
    """
    return bool(await tx.run(_NEW_VERSION, user_id=user_id, now=now))
