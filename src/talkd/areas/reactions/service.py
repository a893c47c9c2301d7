"""Reacting to messages."""

import msgspec

from talkd.areas.messages import service as messages
from talkd.conversation import message_store, people_store, reaction_store
from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant
from talkd.conversation.reaction import REMOVED, REVOKED, SHOWN, Reaction, most_frequent
from talkd.core import clock
from talkd.core.emoji import is_emoji
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.core.events import ReactionAdded, ReactionRevoked
from talkd.storage.database import Tx


async def react(tx: Tx, me: Participant, message_id: int, reaction: str) -> bool:
    """React to a message with one emoji; False when this was my reaction before.

    It does not become the room's newest message. Raises NotFound or Invalid, both without a reason.
    """
    message = await _require_message(tx, me.room.id, message_id)
    if not message.is_replyable or not is_emoji(reaction):
        raise Invalid(data=NULL)
    if await reaction_store.find_reaction(tx, me.room.id, message_id, me.actor, reaction) is not None:
        return False
    entry = await messages.post_system(tx, me.room, me.actor, SHOWN, details=reaction, parent_id=message_id, aside=True)
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
    await _count(tx, me.room.id, message_id)
    await tx.emit(ReactionAdded(me.room.id, me.actor, message_id, reaction))
    return True


async def revoke(tx: Tx, me: Participant, message_id: int, reaction: str) -> None:
    """Take a reaction back; where the chat told of it, it says so. Raises NotFound or Invalid without a reason."""
    message = await _require_message(tx, me.room.id, message_id)
    if not message.is_replyable:
        raise Invalid(data=NULL)
    given = await reaction_store.find_reaction(tx, me.room.id, message_id, me.actor, reaction)
    if given is None:
        raise NotFound(data=NULL)
    await reaction_store.delete_reaction(tx, given)
    await message_store.set_system(tx, me.room.id, given.entry_id, REMOVED, "")
    await messages.post_system(tx, me.room, me.actor, REVOKED, parent_id=message_id, aside=True)
    await _count(tx, me.room.id, message_id)
    await tx.emit(ReactionRevoked(me.room.id, me.actor, message_id, reaction))


async def list_reactions(
    tx: Tx, me: Participant, message_id: int, reaction: str | None = None
) -> tuple[list[Reaction], Names]:
    """Reactions to a message, newest first, or those with one emoji; and what their actors are called now.

    Raises NotFound for what cannot be reacted to.
    """
    message = await _require_message(tx, me.room.id, message_id)
    if not message.is_replyable:
        raise NotFound(data=NULL)
    given = await reaction_store.list_reactions(tx, me.room.id, message_id)
    shown = [each for each in given if reaction is None or each.reaction == reaction]
    return shown, await people_store.get_names(tx, {(each.actor_type, each.actor_id) for each in shown})


async def _require_message(tx: Tx, room_id: int, message_id: int) -> Message:
    message = await message_store.get_message(tx, room_id, message_id, clock.now())
    if message is None:
        raise NotFound(data=NULL)
    return message


async def _count(tx: Tx, room_id: int, message_id: int) -> None:
    """Keep the numbers that the message shows equal to its reactions."""
    counts: dict[str, int] = {}
    for each in await reaction_store.list_reactions(tx, room_id, message_id):
        counts[each.reaction] = counts.get(each.reaction, 0) + 1
    shown = msgspec.json.encode(most_frequent(counts)).decode() if counts else ""
    await message_store.set_reactions(tx, room_id, message_id, shown)
