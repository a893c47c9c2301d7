"""Statements about shared things."""

import sqlalchemy as sa

from talkd.areas.sharing.model import KINDS
from talkd.conversation.message import Message
from talkd.conversation.message_store import CLEARED_ID, MESSAGE, is_visible
from talkd.storage.database import Tx
from talkd.storage.queries import Query, single
from talkd.storage.schema import messages
from talkd.storage.statements import EMPTY, bind, word

_newest = (
    sa.select(*MESSAGE)
    .where(
        messages.c.room_id == bind("room_id"),
        messages.c.shared_as != EMPTY,  # the condition of the partial index
        is_visible(messages, CLEARED_ID),
    )
    .order_by(messages.c.id.desc())
    .limit(bind("limit", sa.Integer))
)


def _of_kind(kind: str) -> sa.Select[tuple[object, ...]]:
    shared_as = word(kind)
    found = _newest.add_columns(shared_as.label("found_as")).where(messages.c.shared_as == shared_as).subquery()
    return sa.select(found)


_OVERVIEW = Query(sa.union_all(*map(_of_kind, KINDS)), MESSAGE, single(sa.column("found_as")))
_LIST = Query(_newest.where(messages.c.shared_as == bind("kind"), messages.c.id < bind("known")), MESSAGE)


async def list_newest(tx: Tx, room_id: int, limit: int, now: int) -> dict[str, list[Message]]:
    """Return up to `limit` things of each kind, newest first."""
    found: dict[str, list[Message]] = {kind: [] for kind in KINDS}
    for message, kind in await tx.list(_OVERVIEW, room_id=room_id, limit=limit, now=now):
        found[kind].append(message)
    for things in found.values():
        things.sort(key=lambda message: -message.id)
    return found


async def list_before(tx: Tx, room_id: int, kind: str, known: int, limit: int, now: int) -> list[Message]:
    """Return up to `limit` things of one kind before the message `known`, newest first."""
    return await tx.list(_LIST, room_id=room_id, kind=kind, known=known, limit=limit, now=now)
