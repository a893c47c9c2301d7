"""Changes of a room's members that may be too many for one transaction."""

import msgspec

from talkd.core.actor import Actor
from talkd.core.constants import RoomType
from talkd.core.errors import TalkError


class Newcomer(msgspec.Struct, frozen=True, array_like=True):
    """Somebody to add: the kind as clients name it (users, groups, emails …), the id, and a name for an address."""

    kind: str
    who: str
    name: str = ""


class Change(msgspec.Struct, frozen=True):
    """What is left of a change: people from `position` on, and of a group there the members after the id `after`."""

    room_id: int
    actor: Actor
    people: tuple[Newcomer, ...]
    removes: bool = False
    """Whether the members of the groups are removed, not added."""
    position: int = 0
    after: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether nobody is left."""
        return self.position == len(self.people)


class Progress(msgspec.Struct, frozen=True):
    """What a portion came to. `change_id` is 0 if nobody is left."""

    change_id: int
    refused: tuple[tuple[Newcomer, TalkError], ...] = ()
    room_type: RoomType | None = None
    """The type of a room that is public after an invitation by e-mail."""
