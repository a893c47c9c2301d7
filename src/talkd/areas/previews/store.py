"""Statements about previews. `files/store.py` deletes them with what they show."""

import sqlalchemy as sa

from talkd.areas.previews.model import Stored
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, previews
from talkd.storage.queries import Query, shape
from talkd.storage.statements import Statement, bind, insert

_STORED = shape(Stored, previews)

_one = previews.c.blob_id == bind("blob_id"), previews.c.form == bind("form")
_FIND = Query(sa.select(*_STORED).where(*_one), _STORED)
_LOCK_BLOB = Statement(sa.select(blobs.c.id).where(blobs.c.id == bind("blob_id")).with_for_update(read=True))
_NAMES = ("blob_id", "form", "key", "media_type", "size")
_ADD = Statement(insert(previews).values({name: bind(name) for name in _NAMES}).on_conflict_do_nothing())
_DELETE = Statement(sa.delete(previews).where(*_one, previews.c.key == bind("key")))


async def find_preview(tx: Tx, blob_id: int, form: str) -> Stored | None:
    """Return a preview of these contents in this form."""
    return await tx.find(_FIND, blob_id=blob_id, form=form)


async def lock_blob(tx: Tx, blob_id: int) -> bool:
    """Keep contents from being deleted until the transaction ends. Return False if they have been."""
    return await tx.one(_LOCK_BLOB, blob_id=blob_id) is not None


async def add_preview(tx: Tx, blob_id: int, form: str, stored: Stored) -> bool:
    """Note a preview. Return False if there is one in this form."""
    return bool(
        await tx.run(_ADD, blob_id=blob_id, form=form, key=stored.key, media_type=stored.media_type, size=stored.size)
    )


async def delete_preview(tx: Tx, blob_id: int, form: str, key: str) -> None:
    """Forget a preview."""
    await tx.run(_DELETE, blob_id=blob_id, form=form, key=key)
