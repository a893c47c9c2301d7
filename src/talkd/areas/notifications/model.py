"""Notifications, and the notification levels of the attendees whom a message notifies."""

from enum import StrEnum

import msgspec

from talkd.conversation.message import Message, Names
from talkd.conversation.participant import Participant
from talkd.conversation.room import default_notification_level
from talkd.core.actor import Actor
from talkd.core.constants import NotificationLevel

MAX_SHOWN = 25
"""Maximum number of notifications in a list: the newest ones."""
MAX_KEPT = 100
"""Maximum number of notifications stored for each user. It limits the disk space of users who never read them."""
MAX_ASKED = 200
"""Maximum number of ids in one request for existing notifications."""


class Subject(StrEnum):
    """The kind of a notification. The package docstring says how to add one."""

    INVITATION = "invitation"
    CALL = "call"
    CHAT = "chat"
    REPLY = "reply"
    MENTION_DIRECT = "mention_direct"
    MENTION_GROUP = "mention_group"
    MENTION_ALL = "mention_all"
    REACTION = "reaction"
    REMINDER = "reminder"
    RECORDING = "record_file_stored"


class About(StrEnum):
    """The object of a notification: `object_type` in the API."""

    ROOM = "room"
    CALL = "call"
    CHAT = "chat"
    REMINDER = "reminder"
    RECORDING = "recording"


class Notification(msgspec.Struct, frozen=True):
    """A notification of one user. `details` is the emoji of a reaction, the id of the mentioned group, or the name
    of the recording.
    """

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
    """A notification with the data to show it: the user as a participant, and the message if it is about one."""

    notification: Notification
    me: Participant
    message: Message | None

    @property
    def is_sensitive(self) -> bool:
        """Return True if the user marked the room as sensitive: notifications then name neither actor nor message."""
        return bool(self.me.attendee.sensitive)


class Listing(msgspec.Struct, frozen=True):
    """Notifications, and the current names of everybody in them."""

    entries: list[Entry]
    names: Names


def occasion_of(actor: Actor, reaction: str) -> str:
    """Return the key that tells one reaction to a message from the others."""
    return f"{actor.type}/{actor.id}/{reaction}"


class Levels(msgspec.Struct, frozen=True):
    """The stored notification levels of attendees to notify: of any message, and of mentions and replies."""

    of_messages: tuple[int, ...]
    of_mentions: tuple[int, ...]


def levels_in(room_type: int, group_default: int) -> Levels:
    """Return the levels of the attendees to notify in a room.

    DEFAULT, the level of attendees who have not chosen one, means ALWAYS in one-to-one rooms and `group_default`
    elsewhere.
    """
    default = default_notification_level(room_type, group_default)
    messages, mentions = (NotificationLevel.ALWAYS,), (NotificationLevel.ALWAYS, NotificationLevel.MENTION)
    return Levels(
        (*messages, NotificationLevel.DEFAULT) if default == NotificationLevel.ALWAYS else messages,
        (*mentions, NotificationLevel.DEFAULT) if default != NotificationLevel.NEVER else mentions,
    )
