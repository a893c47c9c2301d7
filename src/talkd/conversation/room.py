"""Conversations and the rules that need nothing but the conversation."""

import msgspec

from talkd.core import clock
from talkd.core.constants import (
    MAX_DESCRIPTION_LENGTH,
    MAX_OBJECT_LENGTH,
    MAX_ROOM_NAME_LENGTH,
    Listable,
    Lobby,
    NotificationLevel,
    ReadOnly,
    RoomType,
)
from talkd.core.emoji import first_emoji
from talkd.core.errors import Invalid
from talkd.core.names import cleaned, cleaned_text

NOTE_TO_SELF = "note_to_self"
EXTENDED = "extended_conversation"
"""Object type of a room that goes on from another; the object is that one's token."""
OBJECT_TYPES = frozenset({"", "phone", "event", EXTENDED})
"""What clients may create a room for (recording `rooms-create/special-objects`)."""
BREAKOUT = "room"
"""Object type of a breakout room; the object is its parent's token."""
CHANGELOG_NAME = "Talk updates ✅"
"""What clients call the conversation that tells what is new (recording `rooms-list/newcomer`)."""
UNNAMED = "---"
"""Name of a room that was created without one (recording `rooms-create/group`)."""


_OF_TWO = (int(RoomType.ONE_TO_ONE), int(RoomType.ONE_TO_ONE_FORMER))


class Room(msgspec.Struct, frozen=True):
    """A conversation as it is stored; `storage/schema.py` says what the numbers mean."""

    id: int
    token: str
    type: int
    name: str
    description: str
    object_type: str
    object_id: str
    user_a: str | None
    user_b: str | None
    password_hash: str
    read_only: int
    listable: int
    lobby_state: int
    lobby_timer: int
    sip_enabled: int
    default_permissions: int
    call_permissions: int
    message_expiration: int
    mention_permissions: int
    recording_consent: int
    call_recording: int
    breakout_mode: int
    breakout_status: int
    avatar: str
    avatar_version: int
    last_activity: int
    last_message_id: int
    call_started_at: int
    call_flag: int
    notified_id: int

    @property
    def owes_notifications(self) -> bool:
        """Whether there are messages that have not created their notifications yet."""
        return self.notified_id < self.last_message_id

    @property
    def is_one_to_one(self) -> bool:
        """Two people only, also after one of them is gone."""
        return self.type in _OF_TWO

    @property
    def is_writable(self) -> bool:
        """Neither locked nor the changelog."""
        return self.read_only == ReadOnly.READ_WRITE and self.type != RoomType.CHANGELOG

    @property
    def has_lobby(self) -> bool:
        """Whether those who do not moderate wait outside; not any more once the timer has run out."""
        return self.lobby_state == Lobby.NON_MODERATORS and not self.is_lobby_over

    @property
    def is_lobby_over(self) -> bool:
        """The lobby's time has come, though the job that says so may not have run yet."""
        return self.lobby_state == Lobby.NON_MODERATORS and 0 < self.lobby_timer <= clock.now()

    @property
    def is_listed(self) -> bool:
        """Whether everybody with an account finds it, and may join."""
        return self.is_shared and self.listable != Listable.NONE and not self.is_breakout_room

    def password_hash_for(self, user_id: str | None) -> str:
        """The hash of the password that somebody outside must know to join, or empty.

        Users who find the room by searching need no password; visitors (None) do.
        """
        return "" if self.is_listed and user_id is not None else self.password_hash

    @property
    def is_breakout_room(self) -> bool:
        """A part of another conversation, which decides for it."""
        return self.object_type == BREAKOUT

    @property
    def is_divided(self) -> bool:
        """Whether it has breakout rooms: then it stays as closed as they are."""
        return self.breakout_mode != 0

    @property
    def opens_by_mail(self) -> bool:
        """Whether inviting somebody by e-mail makes it public."""
        return self.type == RoomType.GROUP and not self.is_divided

    @property
    def emoji_of_name(self) -> str:
        """The emoji that the name begins with. It is the room's picture if the room has no other."""
        return "" if self.is_one_to_one else first_emoji(self.name)

    @property
    def is_shared(self) -> bool:
        """A group or public conversation: the kinds that most settings are for."""
        return self.type in (RoomType.GROUP, RoomType.PUBLIC)

    def partner_of(self, user_id: str) -> str:
        """Return the id of the other user of a one-to-one room; empty for other rooms."""
        return (self.user_b if self.user_a == user_id else self.user_a) or ""

    def name_for(self, user_id: str, partner_name: str) -> str:
        """Return the room's name as a user sees it: a one-to-one room has the name of the other user.

        `partner_name` is the other user's display name; without one their id is shown.
        """
        if self.type == RoomType.ONE_TO_ONE:
            return partner_name or self.partner_of(user_id)
        return CHANGELOG_NAME if self.type == RoomType.CHANGELOG else self.name


class Attributes(msgspec.Struct, frozen=True):
    """Settings of a room from its first moment on, named as in the table."""

    read_only: int = 0
    listable: int = 0
    lobby_state: int = 0
    lobby_timer: int = 0
    sip_enabled: int = 0
    message_expiration: int = 0
    default_permissions: int = 0
    mention_permissions: int = 0
    recording_consent: int = 0


NO_ATTRIBUTES = Attributes()


def require_name(name: str, reason: str) -> str:
    """Return the name, cleaned. Raises Invalid(reason) when nothing is left or it is too long."""
    name = cleaned(name)
    if not name or len(name) > MAX_ROOM_NAME_LENGTH:
        raise Invalid(reason)
    return name


def require_description(description: str, reason: str) -> str:
    """Return the description, cleaned line by line. Raises Invalid(reason) when it is too long."""
    description = cleaned_text(description)
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise Invalid(reason)
    return description


def require_object(object_type: str, object_id: str) -> None:
    """Raises Invalid when rooms are not made for this object, its id is too long, or one of the two is missing."""
    if object_type not in OBJECT_TYPES:
        raise Invalid("object-type")
    if len(object_id) > MAX_OBJECT_LENGTH:
        raise Invalid("object-id")
    if bool(object_type) != bool(object_id):
        raise Invalid("object")


def default_notification_level(room_type: int, setting: int) -> int:
    """Return the notification level of attendees who chose none: all messages in one-to-one rooms, else the setting."""
    return NotificationLevel.ALWAYS if room_type in _OF_TWO else setting


def pair(one: str, other: str) -> tuple[str, str]:
    """Two users in the order in which a one-to-one conversation keeps them."""
    return (one, other) if one < other else (other, one)
