"""Notifications, and who is told of what."""

from enum import StrEnum

import msgspec

from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant
from talkd.core.actor import Actor
from talkd.core.constants import NotificationLevel, RoomType

MAX_SHOWN = 25
"""Notifications in a list: the newest."""
MAX_KEPT = 100
"""Notifications kept of a user: nobody looks through more, and who never looks must not fill the disk."""
MAX_ASKED = 200
"""Ids that can be asked for at once."""


class Subject(StrEnum):
    """What a notification tells."""

    INVITATION = "invitation"
    CALL = "call"
    CHAT = "chat"
    REPLY = "reply"
    MENTION_DIRECT = "mention_direct"
    MENTION_GROUP = "mention_group"
    MENTION_ALL = "mention_all"
    REACTION = "reaction"
    REMINDER = "reminder"


class About(StrEnum):
    """What a notification is about, in the words of the API (clients.md, 6)."""

    ROOM = "room"
    CALL = "call"
    CHAT = "chat"
    REMINDER = "reminder"


class Notification(msgspec.Struct, frozen=True):
    """Something that a user is told. `details` is the emoji of a reaction or the group that was named."""

    room_id: int
    id: int
    user_id: str
    subject: str
    object_type: str
    message_id: int
    actor_type: str
    actor_id: str
    actor_name: str
    details: str
    created_at: int


class Entry(msgspec.Struct, frozen=True):
    """A notification with what it takes to show it: its reader in the room, and the message, if it is about one."""

    notification: Notification
    me: Participant
    message: Message | None

    @property
    def is_sensitive(self) -> bool:
        """Whether the reader keeps secret what happens in the conversation: neither who did it nor to which message."""
        return bool(self.me.attendee.sensitive)


class Listing(msgspec.Struct, frozen=True):
    """Notifications, and what everybody in them is called now."""

    entries: list[Entry]
    names: Names


def occasion_of(actor: Actor, reaction: str) -> str:
    """What makes one reaction to a message different from the others."""
    return f"{actor.type}/{actor.id}/{reaction}"


class Levels(msgspec.Struct, frozen=True):
    """The stored notification levels with which people hear of every message, and of those that name them."""

    of_messages: tuple[int, ...]
    of_mentions: tuple[int, ...]


def levels_in(room_type: int, group_default: int) -> Levels:
    """In a one-to-one conversation who has chosen nothing hears of everything, elsewhere what the setting says."""
    is_private = room_type in (RoomType.ONE_TO_ONE, RoomType.ONE_TO_ONE_FORMER)
    default = NotificationLevel.ALWAYS if is_private else group_default
    messages, mentions = (NotificationLevel.ALWAYS,), (NotificationLevel.ALWAYS, NotificationLevel.MENTION)
    return Levels(
        (*messages, NotificationLevel.DEFAULT) if default == NotificationLevel.ALWAYS else messages,
        (*mentions, NotificationLevel.DEFAULT) if default != NotificationLevel.NEVER else mentions,
    )
