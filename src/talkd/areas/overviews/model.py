"""A room as one of its attendees sees it."""

import msgspec

from talkd.conversation.message import Message
from talkd.conversation.participant import Participant


class Figures(msgspec.Struct, frozen=True):
    """What is computed for one attendee of a room. `is_mentioned` and `is_mentioned_directly` are 1 or 0."""

    unread: int
    is_mentioned: int
    """1 if an unread message mentions the attendee, directly, by a group or with @all."""
    is_mentioned_directly: int
    common_read: int
    partner_name: str


class Overview(msgspec.Struct, frozen=True):
    """A room as one of its attendees sees it."""

    me: Participant
    figures: Figures
    last_message: Message | None
