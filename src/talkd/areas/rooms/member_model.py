"""Adding or removing many members, which may take more than one transaction."""

from typing import NamedTuple

import msgspec

from talkd.core.actor import Actor
from talkd.core.constants import RoomType
from talkd.core.errors import TalkError

TEAMS = ("circles", "teams")
"""The names of teams in requests. talkd has no teams, so none is ever found."""


class Newcomer(msgspec.Struct, frozen=True, array_like=True):
    """Somebody to add: the kind as clients name it (users, groups, emails …), the id, and a name for an address."""

    kind: str
    who: str
    name: str = ""


class Change(msgspec.Struct, frozen=True):
    """People to add to a room, or groups whose members to remove, and the progress so far.

    `people` from `position` on are still to be processed. If the first of them is a group, only its members whose ids
    come after `after` are.
    """

    room_id: int
    actor: Actor
    people: tuple[Newcomer, ...]
    removes: bool = False
    """True to remove the members of the groups instead of adding them."""
    position: int = 0
    after: str = ""

    @property
    def is_finished(self) -> bool:
        """Return True if nobody is left to add or remove."""
        return self.position == len(self.people)


class ChangeKey(NamedTuple):
    """What identifies an unfinished change in the database."""

    room_id: int
    id: int


class Progress(msgspec.Struct, frozen=True):
    """The result of one portion of a change, or of several. `unfinished` is None if the change is finished."""

    unfinished: ChangeKey | None
    refused: tuple[tuple[Newcomer, TalkError], ...] = ()
    room_type: RoomType | None = None
    """PUBLIC if somebody was invited by e-mail to a room that is now public, else None."""
