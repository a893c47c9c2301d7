"""Being reminded of messages: once, at a time of one's choice, by a notification."""

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import service as notifications
from talkd.areas.reminders import store
from talkd.areas.reminders.model import HOUR, MAX_SET, MAX_UPCOMING, Agenda, Reminder
from talkd.conversation import message_store, people_store, room_store
from talkd.conversation.message import DELETED, Names, named
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.errors import NotFound, Throttled
from talkd.storage.database import Tx

BATCH = 100
"""Reminders delivered in one transaction at most."""


async def set_reminder(tx: Tx, me: Participant, message_id: int, remind_at: int) -> Reminder:
    """Be reminded then (Unix time in seconds, the past being now), instead of at an earlier choice.

    Raises NotFound("message"), and Throttled for more than some in an hour.
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
    """When the participant will be reminded of a message. Raises NotFound: "message" or "reminder"."""
    await _require_message(tx, me, message_id)
    return await _require_reminder(tx, me, message_id)


async def delete_reminder(tx: Tx, me: Participant, message_id: int) -> None:
    """Not be reminded, or not any more. Nothing happens without a reminder. Raises NotFound("message")."""
    await _require_message(tx, me, message_id)
    await store.delete_reminder(tx, me.room.id, me.attendee.id, message_id)
    await notifications.delete_reminder(tx, me.room.id, me.actor.id, message_id)


async def list_upcoming(tx: Tx, user_id: str) -> Agenda:
    """The user's next reminders in all conversations, the first one first."""
    items = await store.list_upcoming(tx, user_id, MAX_UPCOMING, clock.now())
    names: Names = await people_store.get_names(tx, {actor for item in items for actor in named(item.message)})
    return Agenda(items, names)


# --- when the time has come -----------------------------------------------------------------
async def is_any_due(tx: Tx) -> bool:
    """Whether `deliver_due` would find something."""
    return await store.is_any_due(tx, clock.now())


async def deliver_due(tx: Tx) -> None:
    """Turn some of the reminders whose time has come into notifications.

    Rooms are held first, as everywhere: whoever removes a message removes what reminds of it.
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
