"""Statements about signatures that were used."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import signatures
from talkd.storage.statements import Statement, bind, insert

_ADD = Statement(
    insert(signatures)
    .values(signature=bind("signature"), used_at=bind("now"))
    .on_conflict_do_nothing(index_elements=["signature"])
)
_GET = Statement(sa.select(signatures.c.used_at).where(signatures.c.signature == bind("signature")))
_DELETE_OLD = Statement(sa.delete(signatures).where(signatures.c.used_at < bind("before")))


async def add(tx: Tx, signature: str, now: int) -> bool:
    """Note a signature. Return False if it was noted before."""
    return await tx.run(_ADD, signature=signature, now=now) > 0


async def find_use(tx: Tx, signature: str) -> int | None:
    """Return when a signature was noted, or None."""
    used_at: int | None = await tx.value(_GET, signature=signature)
    return used_at


async def delete_old(tx: Tx, before: int) -> None:
    """Delete the signatures that were noted before a moment."""
    await tx.run(_DELETE_OLD, before=before)
