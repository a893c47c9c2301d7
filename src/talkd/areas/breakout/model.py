"""Rules of breakout rooms, and the assignment of attendees to them."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec

from talkd.conversation.participant import Attendee
from talkd.conversation.room import Room
from talkd.core import ids
from talkd.core.actor import USERS
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, TooLarge
from talkd.core.json import UNREADABLE

MAX_ROOMS = 20

Assignment = dict[int, int]
"""The number of a breakout room, counted from 0, by attendee id in the parent room."""


class Mode(IntEnum):
    """How attendees are assigned to the breakout rooms of a parent room."""

    NONE = 0
    """There are no breakout rooms."""
    AUTOMATIC = 1
    """At random."""
    MANUAL = 2
    """By a moderator."""
    FREE = 3
    """By themselves. They may switch."""


class Status(IntEnum):
    """Status of a parent room (STOPPED or STARTED) or of a breakout room (STOPPED or ASSISTANCE)."""

    STOPPED = 0
    STARTED = 1
    ASSISTANCE = 2
    """Somebody in the breakout room asks for help."""


def require_mode(mode: int) -> Mode:
    """Return the mode for new breakout rooms. Raises Invalid("mode") for NONE and unknown modes."""
    if mode not in (Mode.AUTOMATIC, Mode.MANUAL, Mode.FREE):
        raise Invalid("mode")
    return Mode(mode)


def require_amount(amount: int) -> None:
    """Raises Invalid("amount") unless there are 1 to MAX_ROOMS breakout rooms."""
    if not 1 <= amount <= MAX_ROOMS:
        raise Invalid("amount")


def require_no_breakout_rooms(room: Room) -> None:
    """Raises Invalid("room") unless this is a group room that neither is a breakout room nor has any."""
    if room.type != RoomType.GROUP or room.is_breakout_room or room.breakout_mode != Mode.NONE:
        raise Invalid("room")


def require_breakout_rooms(room: Room) -> None:
    """Raises Invalid("mode") if the room has no breakout rooms."""
    if room.breakout_mode == Mode.NONE:
        raise Invalid("mode")


def require_size(attendees: Sequence[Attendee], most: int) -> None:
    """Raises TooLarge("room") if the room has more than `most` attendees: one transaction assigns all of them."""
    if len(attendees) > most:
        raise TooLarge("room", message=f"Only rooms with at most {most} attendees can have breakout rooms.")


def require_assignment(text: str, amount: int, most: int) -> Assignment:
    """Read the assignment from a JSON object. Raises Invalid or TooLarge ("attendeeMap")."""
    if text.strip() in ("", "[]"):
        return {}
    try:
        assignment = msgspec.json.decode(text, type=dict[int, int], strict=False)
    except UNREADABLE:
        raise Invalid("attendeeMap") from None
    if len(assignment) > most:
        raise TooLarge("attendeeMap", message=f"The map may have at most {most} attendees.")
    if not all(0 <= number < amount for number in assignment.values()):
        raise Invalid("attendeeMap")
    return assignment


def require_no_moderator(attendees: Iterable[Attendee], assignment: Assignment) -> None:
    """Raises Invalid("moderator") if a moderator is assigned: moderators are in every breakout room."""
    if any(attendee.id in assignment and attendee.is_moderator for attendee in attendees):
        raise Invalid("moderator")


def assign_at_random(attendees: Iterable[Attendee], amount: int) -> Assignment:
    """Assign all assignable attendees. The sizes of the breakout rooms differ by at most 1."""
    assignable = [attendee.id for attendee in attendees if is_assignable(attendee)]
    ids.source.shuffle(assignable)
    return {attendee_id: position % amount for position, attendee_id in enumerate(assignable)}


def is_assignable(attendee: Attendee) -> bool:
    """Return True for users who are not moderators. Moderators with an account are in all breakout rooms."""
    return attendee.actor_type == USERS and not attendee.is_moderator
