"""Reminders as JSON."""

from typing import Any

import msgspec

from talkd.areas.messages import view as message_view
from talkd.areas.reminders.model import Agenda, Reminder, Upcoming
from talkd.conversation.participant import Participant


class ReminderView(msgspec.Struct, frozen=True):
    """A reminder of one message."""

    userId: str
    token: str
    messageId: int
    timestamp: int


class UpcomingView(msgspec.Struct, frozen=True):
    """A reminder with its message."""

    reminderTimestamp: int
    roomToken: str
    messageId: int
    actorType: str
    actorId: str
    actorDisplayName: str
    message: str
    messageParameters: Any


def reminder(item: Reminder, me: Participant) -> ReminderView:
    """Show a reminder of the participant."""
    return ReminderView(me.actor.id, me.room.token, item.message_id, item.remind_at)


def agenda(found: Agenda) -> list[UpcomingView]:
    """Show the upcoming reminders. The texts of messages in sensitive rooms are left out."""
    return [_upcoming(item, found) for item in found.items]


def _upcoming(item: Upcoming, found: Agenda) -> UpcomingView:
    shown = message_view.message(item.message, item.me.room, item.me.actor, found.names)
    is_hidden = bool(item.me.attendee.sensitive)
    return UpcomingView(
        reminderTimestamp=item.reminder.remind_at,
        roomToken=shown.token,
        messageId=shown.id,
        actorType=shown.actorType,
        actorId=shown.actorId,
        actorDisplayName=shown.actorDisplayName,
        message="" if is_hidden else shown.message,
        messageParameters=[] if is_hidden else shown.messageParameters,
    )
