"""Statements about the deleted accounts that are still named somewhere."""

import sqlalchemy as sa

from talkd.storage.database import Tx
from talkd.storage.schema import forgotten_accounts
from talkd.storage.statements import Statement, bind

_one = forgotten_accounts.c.user_id == bind("user_id")
_place = (forgotten_accounts.c.room_id, forgotten_accounts.c.message_id)
_ADD = Statement(sa.insert(forgotten_accounts).values(user_id=bind("user_id")))
_ALL = Statement(sa.select(forgotten_accounts.c.user_id).order_by(forgotten_accounts.c.user_id))
_LOCK = Statement(sa.select(*_place).where(_one).with_for_update())
_SET = Statement(
    sa.update(forgotten_accounts).where(_one).values(room_id=bind("room_id"), message_id=bind("message_id"))
)
_DELETE = Statement(sa.delete(forgotten_accounts).where(_one))


async def add(tx: Tx, user_id: str) -> None:
    """Note a deleted account."""
    await tx.run(_ADD, user_id=user_id)


async def list_unfinished(tx: Tx) -> list[str]:
    """Return the ids of all deleted accounts that are still named."""
    return [row[0] for row in await tx.all(_ALL)]


async def lock_place(tx: Tx, user_id: str) -> tuple[int, int] | None:
    """Hold an account. Return up to which message (room and id) it is forgotten; None if it is completely."""
    row = await tx.one(_LOCK, user_id=user_id)
    return None if row is None else (row[0], row[1])


async def set_place(tx: Tx, user_id: str, place: tuple[int, int]) -> None:
    """Note up to which message the account is forgotten."""
    await tx.run(_SET, user_id=user_id, room_id=place[0], message_id=place[1])


async def finish(tx: Tx, user_id: str) -> None:
    """Note that nothing names the account any more."""
    await tx.run(_DELETE, user_id=user_id)
