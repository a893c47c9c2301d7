"""Read older messages, and move read markers."""

from collections.abc import Sequence
from typing import NamedTuple

from talkd.areas.messages import service as messages
from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import service as notifications
from talkd.conversation import message_store, room_store
from talkd.conversation.message import Page
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.constants import ABOVE_ALL_IDS, NEVER_READ
from talkd.core.events import ReadMarkerMoved
from talkd.storage.database import Tx

BELOW_ALL = NEVER_READ - 1
"""A position below all read markers: the common one may have moved from anywhere."""


async def get_history(tx: Tx, me: Participant, *, known: int, including: bool, limit: int) -> tuple[Page, int | None]:
    """Return the messages before `known` (0: the newest ones), newest first, and the common read marker.

    With `including` the message `known` itself comes first.
    """
    page = await messages.get_history(tx, me.room.id, me.actor, known=known, including=including, limit=limit)
    return page, await messages.get_common_read(tx, me)


async def get_history_of_replica(tx: Tx, me: Participant, *, known: int, including: bool, limit: int) -> Page | None:
    """Return the messages as `get_history` does; None if the replica lacks one of them that `me.room` has.

    Messages of a room are committed in the order of their ids, so a replica with a message has all older ones.
    """
    newest = min(known, me.room.last_message_id) if known > 0 else me.room.last_message_id
    if await message_store.get_last_id(tx, me.room.id, ABOVE_ALL_IDS) < newest:
        return None
    return await messages.get_history(tx, me.room.id, me.actor, known=known, including=including, limit=limit)


async def get_context(tx: Tx, me: Participant, message_id: int, limit: int) -> tuple[Page, int | None]:
    """Return a message with those around it, oldest first, and the common read marker.

    The page has at most `limit` messages up to and including this one, and at most `limit` after it.
    """
    page = await messages.get_context(tx, me.room.id, me.actor, message_id, limit)
    return page, await messages.get_common_read(tx, me)


async def mark_read(tx: Tx, me: Participant, message_id: int | None) -> int | None:
    """Set the caller's read marker, and return the common read marker.

    All messages up to this one count as read then. None means the newest message, and 0 or less means no message. Once
    everything is read, the caller's notifications of reactions are dismissed too.
    """
    message_id = me.room.last_message_id if message_id is None else await _clamp(tx, me, message_id)
    if message_id < me.attendee.last_read:
        await delivery.catch_up(tx, me.room)  # a message that was read once never notifies, even if it is marked unread
    if message_id != me.attendee.last_read:
        await message_store.mark_read(tx, me.room.id, me.attendee.id, message_id)
        back_from = me.attendee.last_read if message_id < me.attendee.last_read else 0
        low = min(message_id, me.attendee.last_read)
        await tx.emit(ReadMarkerMoved(me.room.id, me.attendee.id, back_from, low))
    if me.attendee.notified and message_id >= me.room.last_message_id:
        await notifications.dismiss_messages(tx, [me])
    return await messages.get_common_read(tx, me)


async def mark_unread(tx: Tx, me: Participant) -> int | None:
    """Move the caller's read marker so that the newest message counts as unread. Return the common read marker."""
    now = clock.now()
    newest = await message_store.list_newest_countable(tx, me.room.id, now)
    if len(newest) == 2:
        target = newest[1]
    else:
        below = newest[0] if newest else me.room.last_message_id
        older = await message_store.list_before(tx, me.room.id, below, 1, now)
        target = older[0].id if older else NEVER_READ
    return await mark_read(tx, me, target)


def is_ahead(me: Participant, message_id: int) -> bool:
    """Return True if reading up to the message would move the participant's read marker forward."""
    return message_id > max(me.attendee.last_read, 0)


class Arrival(NamedTuple):
    """What a poll says when it arrives."""

    me: Participant
    read: int = 0
    """The message up to which the client has read; 0 for none."""
    dismisses: bool = False
    """Whether the client shows the room, so that notifications of its messages are dismissed."""


async def note_arrivals(tx: Tx, arrivals: Sequence[Arrival]) -> None:
    """Move the read markers of attendees of a room forward, and dismiss notifications of its messages.

    Read markers never move back.
    """
    dismissing = [each.me for each in arrivals if each.dismisses]
    if dismissing:
        await notifications.dismiss_messages(tx, dismissing)
    reading = [(each.me, await _clamp(tx, each.me, each.read)) for each in arrivals if each.read > 0]
    if len(reading) > 1 and not dismissing:
        await room_store.lock_rooms(tx, [reading[0][0].room.id])  # before several attendees
    by_message: dict[int, list[Participant]] = {}
    for me, message_id in reading:
        by_message.setdefault(message_id, []).append(me)
    for message_id, readers in sorted(by_message.items()):
        room_id, ids = readers[0].room.id, [me.attendee.id for me in readers]
        moved = await message_store.mark_read_forward(tx, room_id, ids, message_id)
        if len(moved) == 1:
            low = next(me.attendee.last_read for me in readers if me.attendee.id == moved[0])
            await tx.emit(ReadMarkerMoved(room_id, moved[0], low=low))
        elif moved:
            await tx.emit(ReadMarkerMoved(room_id, moved[0], low=BELOW_ALL))


async def _clamp(tx: Tx, me: Participant, message_id: int) -> int:
    """Clamp the id to the newest existing message. An id of 0 or less becomes NEVER_READ.

    System messages about reactions and changes may come after the room's last message, and clients mark them as read
    too.
    """
    if message_id <= 0:
        return NEVER_READ  # a marker at 0 would make clients ask for the messages around message 0
    if message_id <= me.room.last_message_id:
        return message_id
    return max(await message_store.get_last_id(tx, me.room.id, message_id), me.room.last_message_id)
