"""Statements about reactions."""

from typing import NamedTuple

import sqlalchemy as sa

from talkd.conversation.reaction import Reaction, Reactors
from talkd.core.actor import Actor
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, shape_of
from talkd.storage.schema import reactions
from talkd.storage.statements import Statement, bind, by_value, columns, one_of


class Given(NamedTuple):
    """A reaction of an actor to a message."""

    actor_type: str
    actor_id: str
    message_id: int
    reaction: str


_REACTION = shape(Reaction, reactions)
_in_room = reactions.c.room_id == bind("room_id")
_of_message = sa.and_(_in_room, reactions.c.message_id == bind("message_id"))
_by_actor = sa.and_(reactions.c.actor_type == bind("actor_type"), reactions.c.actor_id == bind("actor_id"))
_VALUES = tuple(name for name in Reaction.__struct_fields__ if name != "id")

_ADD = Statement(sa.insert(reactions).values({name: bind(name) for name in _VALUES}))
_OF_MESSAGE = Query(sa.select(*_REACTION).where(_of_message).order_by(by_value(reactions.c.id).desc()), _REACTION)
_ONE = Query(sa.select(*_REACTION).where(_of_message, _by_actor, reactions.c.reaction == bind("reaction")), _REACTION)
_DELETE = Statement(sa.delete(reactions).where(_in_room, reactions.c.id == bind("reaction_id")))
_CLEAR = Statement(sa.delete(reactions).where(_of_message))
_GIVEN_REACTION = shape_of(Given, *columns(reactions, Given._fields))
_given = sa.select(*_GIVEN_REACTION).where(_in_room, one_of(reactions.c.message_id, "message_ids"))
_GIVEN = Query(_given.order_by(by_value(reactions.c.id)), _GIVEN_REACTION)
_GIVEN_BY = Query(_given.where(_by_actor).order_by(by_value(reactions.c.id)), _GIVEN_REACTION)


async def add_reaction(tx: Tx, **values: int | str) -> None:
    """Store a reaction. The same reaction by the same actor must not exist."""
    await tx.run(_ADD, **values)


async def list_reactions(tx: Tx, room_id: int, message_id: int) -> list[Reaction]:
    """Return all reactions to a message, newest first."""
    return await tx.list(_OF_MESSAGE, room_id=room_id, message_id=message_id)


async def find_reaction(tx: Tx, room_id: int, message_id: int, actor: Actor, reaction: str) -> Reaction | None:
    """Return this reaction by this actor, or None."""
    return await tx.find(
        _ONE, room_id=room_id, message_id=message_id, actor_type=actor.type, actor_id=actor.id, reaction=reaction
    )


async def delete_reaction(tx: Tx, reaction: Reaction) -> None:
    """Delete a reaction."""
    await tx.run(_DELETE, room_id=reaction.room_id, reaction_id=reaction.id)


async def delete_reactions(tx: Tx, room_id: int, message_id: int) -> None:
    """Delete all reactions to a message."""
    await tx.run(_CLEAR, room_id=room_id, message_id=message_id)


async def get_reactors(tx: Tx, room_id: int, message_ids: list[int], actor: Actor | None) -> Reactors:
    """Return the reactions to these messages by this actor, or by everybody if `actor` is None."""
    if actor is None:
        given = await tx.list(_GIVEN, room_id=room_id, message_ids=tx.many(message_ids))
    else:
        given = await tx.list(
            _GIVEN_BY,
            room_id=room_id,
            message_ids=tx.many(message_ids),
            actor_type=actor.type,
            actor_id=actor.id,
        )
    reactors: Reactors = {}
    for each in given:
        by_message = reactors.setdefault((each.actor_type, each.actor_id), {})
        by_message.setdefault(each.message_id, []).append(each.reaction)
    return reactors
