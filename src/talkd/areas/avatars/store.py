"""Statements about the pictures of accounts."""

import sqlalchemy as sa

from talkd.areas.avatars.model import Portrait
from talkd.core import names
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import Int, user_avatars, users
from talkd.storage.statements import ONE, Statement, bind, folded, insert


def _portrait(user_id: str, display_name: str, version: int, uploaded_by: str | None) -> Portrait:
    return Portrait(user_id, display_name, version, uploaded_by is not None)


_PORTRAIT = shape_of(
    _portrait,
    users.c.id,
    users.c.display_name,
    users.c.avatar_version,
    user_avatars.c.user_id,
)
_PORTRAIT_BY_ID = Query(
    sa.select(*_PORTRAIT)
    .join_from(users, user_avatars, user_avatars.c.user_id == users.c.id, isouter=True)
    .where(folded(users.c.id) == bind("user_id", sa.Text)),
    _PORTRAIT,
)
_IMAGE = Statement(sa.select(user_avatars.c.image).where(user_avatars.c.user_id == bind("user_id")))
_SET_IMAGE = Statement(
    insert(user_avatars)
    .values(user_id=bind("user_id"), image=bind("image"))
    .on_conflict_do_update(index_elements=["user_id"], set_={"image": bind("image", sa.LargeBinary)})
)
_DELETE_IMAGE = Statement(sa.delete(user_avatars).where(user_avatars.c.user_id == bind("user_id")))
_now = bind("now", Int)
_NEW_VERSION = Statement(
    sa.update(users)
    .where(users.c.id == bind("user_id"))
    .values(avatar_version=sa.case((users.c.avatar_version < _now, _now), else_=users.c.avatar_version + ONE))
)


async def get_portrait(tx: Tx, user_id: str) -> Portrait | None:
    """Return the portrait of the account with this id, in any case."""
    return await tx.find(_PORTRAIT_BY_ID, user_id=names.folded(user_id))


async def get_image(tx: Tx, user_id: str) -> bytes | None:
    """Return the uploaded picture."""
    image = await tx.value(_IMAGE, user_id=user_id)
    return None if image is None else bytes(image)


async def set_image(tx: Tx, user_id: str, image: bytes) -> None:
    """Store an uploaded picture."""
    await tx.run(_SET_IMAGE, user_id=user_id, image=image)


async def delete_image(tx: Tx, user_id: str) -> None:
    """Delete the uploaded picture."""
    await tx.run(_DELETE_IMAGE, user_id=user_id)


async def raise_version(tx: Tx, user_id: str, now: int) -> None:
    """Set a version that the account's picture never had: the time, or one more than the last version."""
    await tx.run(_NEW_VERSION, user_id=user_id, now=now)
