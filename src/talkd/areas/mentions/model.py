"""Who can be named in a message."""

import msgspec

from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS
from talkd.core.search import searchable

KINDS = (USERS, GROUPS, GUESTS, EMAILS)
"""Kinds of actors in the order in which they are suggested."""

UNNAMED = "Guest"
"""What somebody without a name is called."""

_PREFIXES = {GROUPS: "group", GUESTS: "guest", EMAILS: "email"}


class Suggestion(msgspec.Struct, frozen=True):
    """Somebody of a room, as others know him."""

    actor_type: str
    actor_id: str
    name: str

    @property
    def mention(self) -> str:
        """What stands behind the @ in a message."""
        prefix = _PREFIXES.get(self.actor_type)
        return self.actor_id if prefix is None else f"{prefix}/{self.actor_id}"


def is_everybody(search: str, room_name: str) -> bool:
    """Whether whoever types this may mean all: the beginning of the word, or a part of the room's name."""
    text = searchable(search)
    return "all".startswith(text) or text in searchable(room_name)
