"""Attendees, their sessions, and what they may do."""

import msgspec

from talkd.conversation.room import Room
from talkd.core.actor import Actor
from talkd.core.constants import (
    GUEST_TYPES,
    MAX_CUSTOM_PERMISSIONS,
    MAX_DEFAULT_PERMISSIONS,
    MODERATOR_TYPES,
    ParticipantType,
    Permission,
    RoomType,
    StartCall,
)
from talkd.core.errors import Invalid
from talkd.storage.rows import AttendeeRow, SessionRow

MEMBER_DEFAULT = MAX_DEFAULT_PERMISSIONS & ~Permission.LOBBY_IGNORE
"""Permissions of attendees when neither they, the call nor the room have others: all but ignoring the lobby."""

# Room lists use these numbers: Python 3.11 takes longer to look up a member of an enum than to check a rule.
_ALL, _MEMBERS = int(MAX_DEFAULT_PERMISSIONS), int(MEMBER_DEFAULT)
_CALL_START, _LOBBY_IGNORE = int(Permission.CALL_START), int(Permission.LOBBY_IGNORE)
_MODERATORS, _GUESTS = frozenset(map(int, MODERATOR_TYPES)), frozenset(map(int, GUEST_TYPES))
_NOTE_TO_SELF = int(RoomType.NOTE_TO_SELF)
_WITHOUT_CALLS = (int(RoomType.ONE_TO_ONE_FORMER), _NOTE_TO_SELF)
_EVERYONE, _ONLY_MODERATORS, _NOBODY = int(StartCall.EVERYONE), int(StartCall.MODERATORS), int(StartCall.NOBODY)


class Attendee(AttendeeRow, frozen=True):
    """An actor who belongs to a room."""

    @property
    def actor(self) -> Actor:
        """Return the attendee as an actor."""
        return Actor(self.actor_type, self.actor_id, self.display_name)

    @property
    def is_moderator(self) -> bool:
        """Return True for owners, moderators and guest moderators."""
        return self.type in _MODERATORS

    @property
    def is_guest(self) -> bool:
        """Return True for attendees without an account."""
        return self.type in _GUESTS

    @property
    def is_self_joined(self) -> bool:
        """Return True for a user who joined by the link of a public room. When they leave, they are removed."""
        return self.type == ParticipantType.USER_SELF_JOINED

    @property
    def sees_common_read(self) -> bool:
        """Return False for attendees with read privacy: who hides their read marker does not see the common one."""
        return not self.read_privacy


class Session(SessionRow, frozen=True):
    """A device or browser tab on which an attendee has joined the room."""


class Participant(msgspec.Struct, frozen=True):
    """An attendee with their room, and the session of the calling device if it has joined."""

    room: Room
    attendee: Attendee
    session: Session | None = None

    @property
    def actor(self) -> Actor:
        """Return the attendee as an actor."""
        return self.attendee.actor

    @property
    def is_moderator(self) -> bool:
        """Return True for owners, moderators and guest moderators."""
        return self.attendee.is_moderator

    @property
    def is_guest(self) -> bool:
        """Return True for participants without an account."""
        return self.attendee.is_guest

    @property
    def can_see_addresses(self) -> bool:
        """Return True for moderators with an account. Only they see the e-mail addresses of others in the room.

        This is the only rule about who may see the address of an invited guest.
        """
        return self.is_moderator and not self.is_guest

    @property
    def permissions(self) -> int:
        """Return the bits of `Permission` that the participant has."""
        return permissions_of(self.room, self.attendee)

    def may(self, permission: Permission) -> bool:
        """Return True if the participant has all bits of `permission`."""
        needed = int(permission)
        return self.permissions & needed == needed

    @property
    def can_mention_everybody(self) -> bool:
        """Return True if the participant may use `@all`. A setting of the room can restrict this to moderators."""
        return self.is_moderator or not self.room.mention_permissions

    @property
    def can_pass_lobby(self) -> bool:
        """Return True if the lobby is off, or the participant moderates or may ignore the lobby."""
        return not self.room.is_lobby_on or self.is_moderator or self.permissions & _LOBBY_IGNORE != 0

    def can_start_call(self, start_calls: int) -> bool:
        """Return True if the participant may start a call. `start_calls` is the server's setting."""
        if self.room.type in _WITHOUT_CALLS or start_calls == _NOBODY:
            return False
        if not self.can_pass_lobby or not self.permissions & _CALL_START:
            return False
        if start_calls == _ONLY_MODERATORS:
            return self.is_moderator
        return start_calls == _EVERYONE or not self.is_guest or self.room.is_phone_call

    def can_leave(self, deletes_one_to_one: bool) -> bool:
        """Return True if clients offer to leave. Where leaving deletes a one-to-one room, they offer to delete it."""
        if self.is_guest or self.room.type == _NOTE_TO_SELF:
            return False
        return not (deletes_one_to_one and self.room.is_one_to_one)

    def can_delete(self, one_to_one_too: bool) -> bool:
        """Return True if the participant may delete the room for everybody."""
        if self.is_guest or not self.is_moderator:
            return False
        return one_to_one_too or not self.room.is_one_to_one


class Occupants(msgspec.Struct, frozen=True):
    """Who was in a room when it was deleted: ids of attendees, of the users among them, and of sessions."""

    attendee_ids: tuple[int, ...]
    user_ids: tuple[str, ...]
    session_ids: tuple[str, ...]


class AttendeeList(msgspec.Struct, frozen=True):
    """Rooms with their attendees and sessions. `online`: users who are online, or None if statuses are not shown."""

    rooms: list[tuple[Room, list[Attendee], list[Session]]]
    online: set[str] | None


def permissions_of(room: Room, attendee: Attendee) -> int:
    """Return the permissions of an attendee: their own, else the call's, else the room's, else MEMBER_DEFAULT.

    Moderators have all permissions. Returns an int, because flags would slow down the room list.
    """
    if attendee.type in _MODERATORS:
        return _ALL
    return attendee.permissions or room.call_permissions or room.default_permissions or _MEMBERS


def invited_name(name: str, address: str) -> str:
    """Return the name that others see of a guest invited by e-mail: "" if it contains the address."""
    return "" if address.lower() in name.lower() else name


# --- setting permissions -----------------------------------------------------------------------
SET, ADD, REMOVE = "set", "add", "remove"
_METHODS = frozenset({SET, ADD, REMOVE})


def require_permissions(bits: int, reason: str) -> int:
    """Return the permissions to store: the bits and CUSTOM, or 0 for the defaults.

    Raises Invalid(reason) for unknown bits.
    """
    if not 0 <= bits <= MAX_CUSTOM_PERMISSIONS:
        raise Invalid(reason)
    return bits | int(Permission.CUSTOM) if bits else 0


def change_permissions(current: int, method: str, bits: int) -> int:
    """Return an attendee's own permissions after a change. `current` are the permissions that they have.

    Adding and removing bits does not set CUSTOM. If no bit is left, the attendee has the room's defaults again, as in
    Talk (docs/api/compatibility.md). Raises Invalid("method") and Invalid("value").
    """
    if method not in _METHODS:
        raise Invalid("method")
    chosen = require_permissions(bits, "value")
    if method == SET:
        return chosen
    return current | bits if method == ADD else current & ~bits
