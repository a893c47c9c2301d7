"""Set, list and delete reminders, and deliver them as notifications."""

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import service as notifications
from talkd.areas.reminders import store
from talkd.areas.reminders.model import HOUR, MAX_SET, MAX_UPCOMING, Agenda, Reminder
from talkd.conversation import actor_store, message_store, room_store
from talkd.conversation.message import DELETED, named
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.errors import NotFound, Throttled
from talkd.storage.database import Tx

BATCH = 100
"""Reminders delivered in one transaction."""


async def set_reminder(tx: Tx, me: Participant, message_id: int, remind_at: int) -> Reminder:
    """Set or move the caller's reminder of a message. A time in the past (Unix time in seconds) means now.

    Raises NotFound("message"), and Throttled after MAX_SET reminders in an hour.
    """
    await _require_message(tx, me, message_id)
    now = clock.now()
    if await store.count_set(tx, me.actor.id, now - HOUR) >= MAX_SET:
        raise Throttled(HOUR)
    await store.set_reminder(
        tx,
        room_id=me.room.id,
        attendee_id=me.attendee.id,
        message_id=message_id,
        remind_at=remind_at,
        set_at=now,
    )
    return await _require_reminder(tx, me, message_id)


async def get_reminder(tx: Tx, me: Participant, message_id: int) -> Reminder:
    """Return the caller's reminder of a message. Raises NotFound("message") or NotFound("reminder")."""
    await _require_message(tx, me, message_id)
    return await _require_reminder(tx, me, message_id)


async def delete_reminder(tx: Tx, me: Participant, message_id: int) -> None:
    """Delete the caller's reminder of a message and its notification, if any. Raises NotFound("message")."""
    await _require_message(tx, me, message_id)
    await store.delete_reminder(tx, me.room.id, me.attendee.id, message_id)
    await notifications.delete_reminder(tx, me.room.id, me.actor.id, message_id)


async def list_upcoming(tx: Tx, user_id: str) -> Agenda:
    """Return the user's next MAX_UPCOMING reminders in all rooms, the earliest first."""
    items = await store.list_upcoming(tx, user_id, MAX_UPCOMING, clock.now())
    names = await actor_store.get_names(tx, {actor for item in items for actor in named(item.message)})
    return Agenda(items, names)


# --- delivery -------------------------------------------------------------------------------
async def is_any_due(tx: Tx) -> bool:
    """Return True if `deliver_due` has something to deliver."""
    return await store.is_any_due(tx, clock.now())


async def deliver_due(tx: Tx) -> None:
    """Turn the next BATCH due reminders into notifications.

    The rooms are locked first, because deleting a message locks its room and then deletes its reminders.
    """
    now = clock.now()
    room_ids = await store.list_rooms_due(tx, BATCH, now)
    await room_store.lock_rooms(tx, room_ids)
    for reminder, user_id in await store.list_due(tx, room_ids, BATCH, now):
        await delivery.remind(tx, reminder.room_id, reminder.message_id, user_id)
        await store.delete_reminder(tx, reminder.room_id, reminder.attendee_id, reminder.message_id)


async def _require_message(tx: Tx, me: Participant, message_id: int) -> None:
    message = await message_store.get_message(tx, me.room.id, message_id, clock.now())
    if message is None or message.kind == DELETED:
        raise NotFound("message")


async def _require_reminder(tx: Tx, me: Participant, message_id: int) -> Reminder:
    reminder = await store.get_reminder(tx, me.room.id, me.attendee.id, message_id)
    if reminder is None:
        raise NotFound("reminder")
    return reminder
