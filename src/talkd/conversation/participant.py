"""Attendees, their joins, and what they may do."""

import msgspec

from talkd.conversation.room import Room
from talkd.core.actor import USERS, Actor
from talkd.core.constants import (
    GUESTS,
    MAX_DEFAULT_PERMISSIONS,
    MODERATORS,
    ParticipantType,
    Permission,
    RoomType,
    StartCall,
)

MEMBER_DEFAULT = MAX_DEFAULT_PERMISSIONS & ~Permission.LOBBY_IGNORE
"""What members may do when nothing else is set (recordings: 246)."""


class Attendee(msgspec.Struct, frozen=True):
    """Somebody who belongs to a room."""

    room_id: int
    id: int
    actor_type: str
    actor_id: str
    display_name: str
    type: int
    permissions: int
    favorite: int
    notification_level: int
    notification_calls: int
    archived: int
    important: int
    sensitive: int
    last_read: int
    last_mention: int
    last_mention_direct: int
    read_privacy: int
    access_token: str
    invited_address: str
    pin: str
    phone_number: str
    call_id: str
    in_call_since: int
    notified: int

    @property
    def actor(self) -> Actor:
        """The attendee as one who does something."""
        return Actor(self.actor_type, self.actor_id, self.display_name)

    @property
    def is_moderator(self) -> bool:
        """Owner, moderator or guest moderator."""
        return self.type in MODERATORS

    @property
    def is_guest(self) -> bool:
        """In the room without an account."""
        return self.type in GUESTS


class Session(msgspec.Struct, frozen=True):
    """One device on which an attendee has the room open."""

    room_id: int
    id: int
    attendee_id: int
    session_id: str
    browser: str
    in_call: int
    state: int
    last_ping: int


class Participant(msgspec.Struct, frozen=True):
    """An attendee in its room, with the session of the device that asks, if that has joined."""

    room: Room
    attendee: Attendee
    session: Session | None = None

    @property
    def actor(self) -> Actor:
        """Who this is."""
        return self.attendee.actor

    @property
    def is_moderator(self) -> bool:
        """Owner, moderator or guest moderator."""
        return self.attendee.is_moderator

    @property
    def is_guest(self) -> bool:
        """Without an account."""
        return self.attendee.is_guest

    @property
    def sees_addresses(self) -> bool:
        """Return True for moderators with an account: only they learn the e-mail addresses of others here."""
        return self.is_moderator and not self.is_guest

    @property
    def permissions(self) -> int:
        """What this participant may do: its own setting, else the call's, else the room's, else the default."""
        return permissions_of(self.room, self.attendee)

    def may(self, permission: Permission) -> bool:
        """Whether all bits of `permission` are there."""
        needed = int(permission)
        return self.permissions & needed == needed

    @property
    def can_pass_lobby(self) -> bool:
        """Moderators and those who may ignore it, or there is none."""
        return not self.room.has_lobby or self.is_moderator or self.may(Permission.LOBBY_IGNORE)

    def can_start_call(self, start_calls: int) -> bool:
        """Whether this participant may be the first in a call, given the server's `start_calls` setting."""
        if self.room.type in (RoomType.ONE_TO_ONE_FORMER, RoomType.NOTE_TO_SELF):
            return False
        if start_calls == StartCall.NOBODY or not self.can_pass_lobby or not self.may(Permission.CALL_START):
            return False
        if start_calls == StartCall.MODERATORS:
            return self.is_moderator
        return start_calls == StartCall.EVERYONE or not self.is_guest

    def can_leave(self, deletes_one_to_one: bool) -> bool:
        """Whether clients offer leaving for good. Where leaving deletes a one-to-one, they offer deleting instead."""
        if self.is_guest or self.room.type == RoomType.NOTE_TO_SELF:
            return False
        return not (deletes_one_to_one and self.room.is_one_to_one)

    def can_delete(self, one_to_one_too: bool) -> bool:
        """Whether this participant may delete the room for everybody."""
        if self.is_guest or not self.is_moderator:
            return False
        return one_to_one_too or not self.room.is_one_to_one


class People(msgspec.Struct, frozen=True):
    """Who belongs to some rooms, with all devices on which they are open; and who is online, where that is told."""

    rooms: list[tuple[Room, list[Attendee], list[Session]]]
    online: set[str] | None


_MODERATORS = frozenset(int(kind) for kind in MODERATORS)
_ALL = int(MAX_DEFAULT_PERMISSIONS)
_MEMBERS = int(MEMBER_DEFAULT)


def permissions_of(room: Room, attendee: Attendee) -> int:
    """The bits of `Permission` that hold for an attendee. Moderators always have all.

    A plain number: the room list does this for every room, and flags are slow.
    """
    if attendee.type in _MODERATORS:
        return _ALL
    return attendee.permissions or room.call_permissions or room.default_permissions or _MEMBERS


def invited_name(name: str, address: str) -> str:
    """Return the name that others see of somebody invited by e-mail: empty if it would give away the address."""
    return "" if address.lower() in name.lower() else name


def is_self_joined(attendee: Attendee) -> bool:
    """A user who followed the link of a public room and is gone when he leaves."""
    return attendee.actor_type == USERS and attendee.type == ParticipantType.USER_SELF_JOINED
