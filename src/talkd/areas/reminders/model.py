"""Reminders of messages."""

import msgspec

from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant

MAX_UPCOMING = 10
"""Reminders in the list of the next ones."""
MAX_SET = 60
"""Reminders that somebody can set in an hour."""
HOUR = 3600


class Reminder(msgspec.Struct, frozen=True):
    """When an attendee wants to be reminded of a message."""

    room_id: int
    id: int
    attendee_id: int
    message_id: int
    remind_at: int
    set_at: int


class Upcoming(msgspec.Struct, frozen=True):
    """A reminder with its owner in the room and the message."""

    reminder: Reminder
    me: Participant
    message: Message


class Agenda(msgspec.Struct, frozen=True):
    """The next reminders, and what everybody in the messages is called now."""

    items: list[Upcoming]
    names: Names
