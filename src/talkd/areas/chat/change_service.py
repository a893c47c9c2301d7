"""Edit and delete messages."""

import msgspec

from talkd.areas.chat import change_store
from talkd.areas.mentions import service as mentions
from talkd.areas.messages import service as messages
from talkd.areas.removal import service as removal
from talkd.conversation import message_store, modified_store, room_store
from talkd.conversation.message import (
    COMMENT,
    COUNTABLE,
    FILE,
    FILE_ALONE,
    OBJECT_SHARED,
    Message,
    Reference,
    SentMessage,
    plain,
    require_text,
)
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.constants import MAX_EDIT_AGE, RoomType
from talkd.core.errors import NULL, Forbidden, Invalid, NotAllowedHere, NotFound
from talkd.core.events import HistoryCleared, MessageDeleted, MessageEdited
from talkd.storage.database import Tx

EXPIRED_AT_ONCE = 500
"""Maximum number of expired messages that one transaction deletes. Other writers wait 20 to 30 ms for it."""

_encode = msgspec.json.Encoder().encode


async def edit(tx: Tx, me: Participant, message_id: int, text: str) -> SentMessage:
    """Replace the text of a message, or the caption of a file that has one. Return the system message that reports it.

    A user whom the new text no longer mentions keeps the mark of an unread mention, as on the real server.

    Raises NotFound, Forbidden, NotAllowedHere if the message has no text of its own, TooLarge, Invalid("age") if it is
    too old, or Invalid("message") if the text is empty.
    """
    now = clock.now()
    message = await _access_changeable(tx, me, message_id, COUNTABLE)
    file = message.references().get(FILE)
    if message.kind != COMMENT and (file is None or message.message == FILE_ALONE):
        raise NotAllowedHere("message")
    if me.room.type != RoomType.NOTE_TO_SELF and now - message.created_at > MAX_EDIT_AGE:
        raise Invalid("age")
    text, references, _ = await mentions.resolve(tx, me, require_text(text))
    if file is not None:
        references = {**references, FILE: file}
    parameters = _encode(references).decode() if references else ""
    await change_store.edit_message(
        tx,
        me.room.id,
        message_id,
        text=text,
        plain=plain(text, references),
        references=parameters,
        by=(me.actor.type, me.actor.id, me.actor.name),
        now=now,
    )
    await mentions.mark_mentioned(tx, msgspec.structs.replace(message, parameters=parameters))
    await tx.emit(MessageEdited(me.room.id, me.actor, message_id, message.parameters))
    report = await messages.post_system(tx, me.room, me.actor, "message_edited", parent_id=message_id)
    return await messages.complete_sent(tx, me, report)


async def delete(tx: Tx, me: Participant, message_id: int) -> SentMessage:
    """Delete a message of any age. Return the system message that reports it.

    Deleting the message of a poll also deletes the system message that reports the end of the poll. Raises NotFound,
    Forbidden, or NotAllowedHere for a system message or a deleted one.
    """
    message = await _access_changeable(tx, me, message_id, COUNTABLE)
    if message.kind == OBJECT_SHARED:
        for closing_id in await change_store.list_closings(tx, message):
            await _delete(tx, me, closing_id)
    return await messages.complete_sent(tx, me, await _delete(tx, me, message_id))


async def _delete(tx: Tx, me: Participant, message_id: int) -> Message:
    deleter = {"actor": Reference(me.actor.type, me.actor.id, me.actor.name)}
    await change_store.delete_message(tx, me.room.id, message_id, _encode(deleter).decode())
    await mentions.restore_marks(tx, me.room.id, [message_id])
    await tx.emit(MessageDeleted(me.room.id, me.actor, message_id))
    return await messages.post_system(tx, me.room, me.actor, "message_deleted", parent_id=message_id)


async def clear_history(tx: Tx, me: Participant, *, one_to_one_too: bool) -> SentMessage:
    """Delete all messages. Return the system message that reports it.

    All read markers move before the first message, because clients do not move a marker that stands on a deleted
    message (docs/api/compatibility.md). Raises Forbidden in a one-to-one room, unless `one_to_one_too` (setting
    `delete_one_to_one_conversations`).
    """
    if me.room.is_one_to_one and not one_to_one_too:
        raise Forbidden(data=NULL)
    await removal.clear_messages(tx, me.room.id)
    await tx.emit(HistoryCleared(me.room.id, me.actor))
    await change_store.reset_markers(tx, me.room.id)
    return await messages.complete_sent(tx, me, await messages.post_system(tx, me.room, me.actor, "history_cleared"))


async def list_rooms_with_expired(tx: Tx) -> list[int]:
    """Return the ids of the rooms with expired messages."""
    return await message_store.list_rooms_with_expired(tx, clock.now())


async def delete_expired(tx: Tx, room_id: int) -> bool:
    """Delete the next EXPIRED_AT_ONCE expired messages of the room. Return True if there may be more."""
    await room_store.lock_rooms(tx, [room_id])
    now = clock.now()
    deleted = await message_store.delete_expired(tx, room_id, EXPIRED_AT_ONCE, now)
    await mentions.restore_marks(tx, room_id, deleted)
    await modified_store.touch_room(tx, room_id, now)
    return len(deleted) == EXPIRED_AT_ONCE


async def _access_changeable(tx: Tx, me: Participant, message_id: int, kinds: frozenset[str]) -> Message:
    """Return the message if it is the caller's own, or they moderate a room that is not one-to-one.

    Raises NotFound, Forbidden, or NotAllowedHere if it is a system message or its kind is not among `kinds`.
    """
    message = await message_store.get_message(tx, me.room.id, message_id, clock.now())
    if message is None:
        raise NotFound("message")
    is_own = me.actor.is_same(message.actor_type, message.actor_id)
    if not is_own and (not me.is_moderator or me.room.is_one_to_one):
        raise Forbidden("permission")
    if message.system or message.kind not in kinds:
        raise NotAllowedHere("message")
    return message
