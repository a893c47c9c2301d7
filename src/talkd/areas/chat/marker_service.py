"""How far people have read."""

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import service as notifications
from talkd.conversation import message_store
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.constants import NEVER_READ
from talkd.core.events import ReadMarkerMoved
from talkd.storage.database import Tx


async def mark_read(tx: Tx, me: Participant, message_id: int | None) -> None:
    """Set the read marker: everything up to a message is read. None stands for the newest message, 0 or less for none.

    Notifications of reactions go away too once everything is read.
    """
    message_id = me.room.last_message_id if message_id is None else await _as_far_as_there_is(tx, me, message_id)
    if message_id < me.attendee.last_read:
        await delivery.catch_up(tx, me.room)  # messages that were read notify nobody, also when they are unread again
    if message_id != me.attendee.last_read:
        await message_store.mark_read(tx, me.room.id, me.attendee.id, message_id)
        back_from = me.attendee.last_read if message_id < me.attendee.last_read else 0
        low = min(message_id, me.attendee.last_read)
        await tx.emit(ReadMarkerMoved(me.room.id, me.attendee.id, back_from, low))
    if me.attendee.notified and message_id >= me.room.last_message_id:
        await notifications.dismiss_messages(tx, me)


def is_ahead(me: Participant, message_id: int) -> bool:
    """Return True if reading up to the message would move the participant's read marker forward."""
    return message_id > max(me.attendee.last_read, 0)


async def note_read(tx: Tx, me: Participant, message_id: int) -> None:
    """Whoever asks for what follows a message has read it. Never moves the marker back, whatever happens meanwhile."""
    message_id = await _as_far_as_there_is(tx, me, message_id)
    if await message_store.mark_read_forward(tx, me.room.id, me.attendee.id, message_id):
        await tx.emit(ReadMarkerMoved(me.room.id, me.attendee.id, low=me.attendee.last_read))


async def _as_far_as_there_is(tx: Tx, me: Participant, message_id: int) -> int:
    """Clamp the id to the newest existing message, and to NEVER_READ below the first.

    System messages about reactions and changes follow the room's newest message, and clients mark them as read too.
    """
    if message_id <= 0:
        return NEVER_READ  # clients ask for no context around message 0
    if message_id <= me.room.last_message_id:
        return message_id
    return max(await message_store.get_last_id(tx, me.room.id, message_id), me.room.last_message_id)


async def mark_unread(tx: Tx, me: Participant) -> None:
    """Move the read marker so that the newest message counts as unread (api-surface.md, E)."""
    now = clock.now()
    newest = await message_store.list_newest_countable(tx, me.room.id, now)
    if len(newest) == 2:
        target = newest[1]
    else:
        below = newest[0] if newest else me.room.last_message_id
        older = await message_store.list_before(tx, me.room.id, below, 1, now)
        target = older[0].id if older else NEVER_READ
    await mark_read(tx, me, target)
