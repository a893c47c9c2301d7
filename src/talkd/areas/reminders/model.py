"""Reminders."""

import msgspec

from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant

MAX_UPCOMING = 10
"""Reminders in the list of upcoming ones."""
MAX_SET = 60
"""Reminders that a user can set in an hour."""
HOUR = 3600


class Reminder(msgspec.Struct, frozen=True):
    """A reminder of an attendee. Times are Unix time in seconds."""

    room_id: int
    id: int
    attendee_id: int
    message_id: int
    remind_at: int
    set_at: int


class Upcoming(msgspec.Struct, frozen=True):
    """A reminder with its user in the room, and its message."""

    reminder: Reminder
    me: Participant
    message: Message


class Agenda(msgspec.Struct, frozen=True):
    """The upcoming reminders, and the current names of everybody in their messages."""

    items: list[Upcoming]
    names: Names
