"""How people are spread over breakout rooms."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec

from talkd.conversation.participant import Attendee
from talkd.conversation.room import Room
from talkd.core import ids
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, TooLarge

MAX_ROOMS = 20

Seats = dict[int, int]
"""Which room, counted from 0, an attendee of the parent belongs to."""


class Mode(IntEnum):
    """How people get into their room."""

    NONE = 0
    """There are no breakout rooms."""
    AUTOMATIC = 1
    """They are dealt."""
    MANUAL = 2
    """A moderator says where."""
    FREE = 3
    """They choose, and may change their mind."""


class Status(IntEnum):
    """What goes on."""

    STOPPED = 0
    STARTED = 1
    ASSISTANCE = 2
    """Of a breakout room itself: somebody in it asks for help."""


def require_mode(mode: int) -> Mode:
    """Raises Invalid("mode")."""
    if mode not in (Mode.AUTOMATIC, Mode.MANUAL, Mode.FREE):
        raise Invalid("mode")
    return Mode(mode)


def require_amount(amount: int) -> None:
    """Raises Invalid("amount")."""
    if not 1 <= amount <= MAX_ROOMS:
        raise Invalid("amount")


def require_divisible(room: Room) -> None:
    """Raises Invalid("room") for what is not a group conversation, is a part itself, or has parts already."""
    if room.type != RoomType.GROUP or room.is_breakout_room or room.breakout_mode != Mode.NONE:
        raise Invalid("room")


def require_divided(room: Room) -> None:
    """Raises Invalid("mode") for a conversation without breakout rooms."""
    if room.breakout_mode == Mode.NONE:
        raise Invalid("mode")


def require_few(people: Sequence[Attendee], most: int) -> None:
    """Raises TooLarge("room") if a conversation has more attendees than may be divided: all move at once."""
    if len(people) > most:
        raise TooLarge("room", message=f"Only conversations of {most} attendees at most can be divided.")


def require_seats(text: str, amount: int, most: int) -> Seats:
    """The map of a JSON text of attendee ids and numbers of rooms. Raises Invalid or TooLarge ("attendeeMap")."""
    if text.strip() in ("", "[]"):
        return {}
    try:
        seats = msgspec.json.decode(text, type=dict[int, int], strict=False)
    except (msgspec.DecodeError, UnicodeError):
        raise Invalid("attendeeMap") from None
    if len(seats) > most:
        raise TooLarge("attendeeMap", message=f"The map may have {most} attendees at most.")
    if not all(0 <= number < amount for number in seats.values()):
        raise Invalid("attendeeMap")
    return seats


def require_assignable(people: Iterable[Attendee], seats: Seats) -> None:
    """Raises Invalid("moderator") if the map names a moderator: those are in every room already."""
    if any(attendee.id in seats and attendee.is_moderator for attendee in people):
        raise Invalid("moderator")


def deal(attendees: Iterable[Attendee], amount: int) -> Seats:
    """Everybody to a room by chance, the rooms as equal in number as can be."""
    people = [attendee.id for attendee in attendees if is_seated(attendee)]
    ids.source.shuffle(people)
    return {attendee_id: position % amount for position, attendee_id in enumerate(people)}


def is_seated(attendee: Attendee) -> bool:
    """Whether the attendee belongs to one of the rooms; moderators are in all of them."""
    return attendee.actor_type == USERS and not attendee.is_moderator
