"""Add, revoke and list reactions to messages."""

from collections import Counter

import msgspec

from talkd.areas.messages import service as messages
from talkd.conversation import actor_store, message_store, reaction_store
from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant
from talkd.conversation.reaction import REMOVED, REVOKED, SHOWN, Reaction, most_frequent
from talkd.core import clock
from talkd.core.emoji import is_emoji
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.core.events import ReactionAdded, ReactionRevoked
from talkd.storage.database import Tx

Given = tuple[list[Reaction], Names]
"""The reactions to a message, newest first, and the current names of those who reacted."""


async def react(tx: Tx, me: Participant, message_id: int, reaction: str) -> tuple[Given, bool]:
    """React to a message with one emoji. Return all reactions to it, and True if this one is new.

    The system message of a reaction does not become the room's last message. Raises NotFound or Invalid, both without a
    reason.
    """
    message = await _require_message(tx, me.room.id, message_id)
    if not message.is_replyable or not is_emoji(reaction):
        raise Invalid(data=NULL)
    if await reaction_store.find_reaction(tx, me.room.id, message_id, me.actor, reaction) is not None:
        return await _with_names(tx, await reaction_store.list_reactions(tx, me.room.id, message_id)), False
    entry = await messages.post_system(
        tx, me.room, me.actor, SHOWN, details=reaction, parent_id=message_id, announced=False
    )
    await reaction_store.add_reaction(
        tx,
        room_id=me.room.id,
        message_id=message_id,
        entry_id=entry.id,
        actor_type=me.actor.type,
        actor_id=me.actor.id,
        actor_name=me.actor.name,
        reaction=reaction,
        created_at=entry.created_at,
    )
    reactions = await _update_counts(tx, me.room.id, message_id)
    await tx.emit(ReactionAdded(me.room.id, me.actor, message_id, reaction, entry.id))
    return await _with_names(tx, reactions), True


async def revoke(tx: Tx, me: Participant, message_id: int, reaction: str) -> Given:
    """Revoke the caller's reaction, and return the others. The reaction's system message then says that it was deleted.

    Raises NotFound or Invalid, both without a reason.
    """
    message = await _require_message(tx, me.room.id, message_id)
    if not message.is_replyable:
        raise Invalid(data=NULL)
    given = await reaction_store.find_reaction(tx, me.room.id, message_id, me.actor, reaction)
    if given is None:
        raise NotFound(data=NULL)
    await reaction_store.delete_reaction(tx, given)
    await message_store.set_system(tx, me.room.id, given.entry_id, REMOVED, "")
    entry = await messages.post_system(tx, me.room, me.actor, REVOKED, parent_id=message_id, announced=False)
    reactions = await _update_counts(tx, me.room.id, message_id)
    await tx.emit(ReactionRevoked(me.room.id, me.actor, message_id, reaction, entry.id))
    return await _with_names(tx, reactions)


async def list_reactions(tx: Tx, me: Participant, message_id: int, reaction: str | None = None) -> Given:
    """Return the reactions to a message, or those with one emoji. Raises NotFound if it can have no reactions."""
    message = await _require_message(tx, me.room.id, message_id)
    if not message.is_replyable:
        raise NotFound(data=NULL)
    reactions = await reaction_store.list_reactions(tx, me.room.id, message_id)
    return await _with_names(tx, [each for each in reactions if reaction is None or each.reaction == reaction])


async def _with_names(tx: Tx, reactions: list[Reaction]) -> Given:
    return reactions, await actor_store.get_names(tx, {(each.actor_type, each.actor_id) for each in reactions})


async def _require_message(tx: Tx, room_id: int, message_id: int) -> Message:
    message = await message_store.get_message(tx, room_id, message_id, clock.now())
    if message is None:
        raise NotFound(data=NULL)
    return message


async def _update_counts(tx: Tx, room_id: int, message_id: int) -> list[Reaction]:
    """Store the number of reactions by emoji with the message. Return the reactions, newest first."""
    reactions = await reaction_store.list_reactions(tx, room_id, message_id)
    counts = Counter(each.reaction for each in reactions)
    shown = msgspec.json.encode(most_frequent(counts)).decode() if counts else ""
    await message_store.set_reactions(tx, room_id, message_id, shown)
    return reactions
