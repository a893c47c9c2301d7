"""Rooms, and the rules that depend on nothing but the room."""

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
from talkd.storage.rows import RoomRow

NOTE_TO_SELF = "note_to_self"
EXTENDED = "extended_conversation"
"""Object type of a room that continues another room. The object id is the token of the other room."""
OBJECT_TYPES = frozenset({"", "phone", "event", EXTENDED})
"""Object types that clients may give to a new room."""
PHONE_CALL, INCOMING = "phone_temporary", "direct-dialin"
"""Object type and id of a room that was opened by a telephone call to a user."""
WITHOUT_PIN = 2
"""The value of `sip_enabled` with which people may dial in without a PIN."""
BREAKOUT = "room"
"""Object type of a breakout room. The object id is the token of its parent room."""
CHANGELOG_NAME = "Talk updates ✅"
"""Shown name of every changelog room."""
UNNAMED = "---"
"""Name of a room that was created without one."""

# Room lists use these numbers: Python 3.11 takes longer to look up a member of an enum than to check a rule.
_ONE_TO_ONE, _CHANGELOG = int(RoomType.ONE_TO_ONE), int(RoomType.CHANGELOG)
_OF_TWO = (_ONE_TO_ONE, int(RoomType.ONE_TO_ONE_FORMER))


class Room(RoomRow, frozen=True):
    """A row of the table `rooms`, and the rules about it."""

    @property
    def owes_notifications(self) -> bool:
        """Return True if some messages have not created their notifications yet."""
        return self.notified_id < self.last_message_id

    @property
    def is_one_to_one(self) -> bool:
        """Return True for one-to-one rooms, including former ones."""
        return self.type in _OF_TWO

    @property
    def is_writable(self) -> bool:
        """Return True unless the room is locked or a changelog."""
        return self.read_only == ReadOnly.READ_WRITE and self.type != RoomType.CHANGELOG

    @property
    def is_lobby_on(self) -> bool:
        """Return True if the lobby is on and its timer has not expired."""
        return bool(self.lobby_state) and is_lobby_on(self.lobby_state, self.lobby_timer)

    @property
    def is_lobby_due(self) -> bool:
        """Return True if the timer has expired and `areas/lobby` has not turned the lobby off yet."""
        return self.lobby_state == Lobby.NON_MODERATORS and not self.is_lobby_on

    @property
    def is_listed(self) -> bool:
        """Return True if every user can find and join the room."""
        return self.has_own_members and self.listable != Listable.NONE

    def password_hash_for(self, user_id: str | None) -> str:
        """Return the hash of the password that is required to join, or "".

        Users need no password for a listed room; guests (None) do.
        """
        return "" if self.is_listed and user_id is not None else self.password_hash

    @property
    def is_breakout_room(self) -> bool:
        """Return True for a breakout room. Its parent room decides its settings."""
        return self.object_type == BREAKOUT

    @property
    def is_phone_call(self) -> bool:
        """Return True for a room that was opened by a telephone call to a user."""
        return (self.object_type, self.object_id) == (PHONE_CALL, INCOMING)

    @property
    def has_breakout_rooms(self) -> bool:
        """Return True if the room has breakout rooms. Such a room cannot become public."""
        return self.breakout_mode != 0

    @property
    def becomes_public_by_email(self) -> bool:
        """Return True if the room becomes public when somebody is invited by e-mail."""
        return self.type == RoomType.GROUP and not self.has_breakout_rooms

    @property
    def emoji_of_name(self) -> str:
        """Return the emoji at the start of the name, or "". It is the avatar of a room without an uploaded one."""
        return "" if self.is_one_to_one else first_emoji(self.name)

    @property
    def is_shared(self) -> bool:
        """Return True for group and public rooms, the types that most settings are for."""
        return self.type in (RoomType.GROUP, RoomType.PUBLIC)

    @property
    def has_own_members(self) -> bool:
        """Return True for group and public rooms except breakout rooms, whose members come from the parent room."""
        return self.is_shared and not self.is_breakout_room

    def partner_of(self, user_id: str) -> str:
        """Return the id of the other user of a one-to-one room; empty for other rooms."""
        return (self.user_b if self.user_a == user_id else self.user_a) or ""

    def name_for(self, user_id: str, partner_name: str) -> str:
        """Return the room's name as a user sees it: a one-to-one room has the name of the other user.

        `partner_name` is the other user's display name; without one their id is shown.
        """
        if self.type == _ONE_TO_ONE:
            return partner_name or self.partner_of(user_id)
        return CHANGELOG_NAME if self.type == _CHANGELOG else self.name


class Attributes(msgspec.Struct, frozen=True):
    """Initial settings of a new room, named as the columns of the table."""

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
    """Return the cleaned name. Raises Invalid(reason) if it is empty or too long."""
    name = cleaned(name)
    if not name or len(name) > MAX_ROOM_NAME_LENGTH:
        raise Invalid(reason)
    return name


def require_description(description: str, reason: str) -> str:
    """Return the description with each line cleaned. Raises Invalid(reason) if it is too long."""
    description = cleaned_text(description)
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise Invalid(reason)
    return description


def require_object(object_type: str, object_id: str) -> None:
    """Raises Invalid if the object type is unknown, the object id is too long, or only one of them is given."""
    if object_type not in OBJECT_TYPES:
        raise Invalid("object-type")
    if len(object_id) > MAX_OBJECT_LENGTH:
        raise Invalid("object-id")
    if bool(object_type) != bool(object_id):
        raise Invalid("object")


def is_lobby_on(state: int, timer: int) -> bool:
    """Return True if a lobby is on and its timer, if it has one, has not expired."""
    return state == Lobby.NON_MODERATORS and not 0 < timer <= clock.now()


def default_notification_level(room_type: int, setting: int) -> int:
    """Return the notification level of attendees who chose none: all messages in one-to-one rooms, else the setting."""
    return NotificationLevel.ALWAYS if room_type in _OF_TWO else setting


def pair(one: str, other: str) -> tuple[str, str]:
    """Return two users in the order in which a one-to-one room stores them."""
    return (one, other) if one < other else (other, one)
