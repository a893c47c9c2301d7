"""Statements about deleted accounts that some rows still name."""

import sqlalchemy as sa

from talkd.conversation.actor_store import Position
from talkd.core.actor import DELETED_USERS, USERS
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape_of
from talkd.storage.schema import forgotten_accounts, notifications, poll_votes, polls, reactions
from talkd.storage.statements import EMPTY, Statement, bind, word

_one = forgotten_accounts.c.user_id == bind("user_id")
_POSITION = shape_of(Position, forgotten_accounts.c.room_id, forgotten_accounts.c.message_id)
_ADD = Statement(sa.insert(forgotten_accounts).values(user_id=bind("user_id")))
_ALL = Statement(sa.select(forgotten_accounts.c.user_id).order_by(forgotten_accounts.c.user_id))
_LOCK = Query(sa.select(*_POSITION).where(_one).with_for_update(), _POSITION)
_SET = Statement(
    sa.update(forgotten_accounts).where(_one).values(room_id=bind("room_id"), message_id=bind("message_id"))
)
_DELETE = Statement(sa.delete(forgotten_accounts).where(_one))


def _detach(table: sa.Table, **values: sa.ColumnElement[str]) -> Statement:
    """Replace the actor of up to `limit` rows of a deleted account by the common actor of all deleted users."""
    some = (
        sa.select(table.c.room_id, table.c.id)
        .where(table.c.actor_type == word(USERS), table.c.actor_id == bind("user_id"))
        .limit(bind("limit", sa.Integer))
    )
    deleted = {"actor_type": word(DELETED_USERS), "actor_id": word(DELETED_USERS), "actor_name": EMPTY}
    return Statement(
        sa.update(table).where(sa.tuple_(table.c.room_id, table.c.id).in_(some)).values({**deleted, **values})
    )


_notification_id = sa.cast(notifications.c.id, sa.Text)
_DETACH = (
    # An actor can react to a message with the same emoji only once. So each reaction gets its own id as its actor id.
    _detach(reactions, actor_id=sa.cast(reactions.c.id, sa.Text)),
    _detach(polls),
    _detach(poll_votes),
    # The occasion contains the actor's id. The id of the notification is unique too.
    _detach(notifications, occasion=sa.case((notifications.c.occasion == EMPTY, EMPTY), else_=_notification_id)),
)


async def add(tx: Tx, user_id: str) -> None:
    """Note that an account was deleted."""
    await tx.run(_ADD, user_id=user_id)


async def list_unfinished(tx: Tx) -> list[str]:
    """List the deleted accounts that some rows still name."""
    return await tx.values(_ALL)


async def lock_position(tx: Tx, user_id: str) -> Position | None:
    """Lock a deleted account. Return the last message that was checked, or None if all were."""
    return await tx.find(_LOCK, user_id=user_id)


async def set_position(tx: Tx, user_id: str, position: Position) -> None:
    """Note the last message that was checked."""
    await tx.run(_SET, user_id=user_id, room_id=position.room_id, message_id=position.message_id)


async def detach(tx: Tx, user_id: str, limit: int) -> int:
    """Detach up to `limit` reactions, polls, votes and notifications from a deleted account. Return their number.

    Reactions and votes still count.
    """
    detached = 0
    for statement in _DETACH:
        if detached < limit:
            detached += await tx.run(statement, user_id=user_id, limit=limit - detached)
    return detached


async def finish(tx: Tx, user_id: str) -> None:
    """Note that no row names the account any more."""
    await tx.run(_DELETE, user_id=user_id)
