"""A room as one of its attendees sees it."""

import msgspec

from talkd.conversation.message import Message
from talkd.conversation.participant import Participant


class Overview(msgspec.Struct, frozen=True):
    """A room as one of its attendees sees it."""

    me: Participant
    unread: int
    is_mentioned: bool
    """True if an unread message mentions the attendee, directly, by a group or with @all."""
    is_mentioned_directly: bool
    common_read: int
    partner_name: str
    last_message: Message | None
