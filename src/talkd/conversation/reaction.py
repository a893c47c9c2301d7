"""Reactions to messages."""

import msgspec

MAX_COUNTED = 20
"""A message shows the counts of this many different reactions, the most frequent ones."""

SHOWN, REMOVED, REVOKED = "reaction", "reaction_deleted", "reaction_revoked"
"""System messages about reactions: of a reaction, of a reaction that was removed later, and of the removal."""


class Reaction(msgspec.Struct, frozen=True):
    """A reaction of an actor to a message. `entry_id` is the id of its system message."""

    room_id: int
    id: int
    message_id: int
    entry_id: int
    actor_type: str
    actor_id: str
    actor_name: str
    reaction: str
    created_at: int


Reactors = dict[tuple[str, str], dict[int, list[str]]]
"""Reactions by type and id of the actor, then by message id."""


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts that a message shows, the most frequent reaction first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_COUNTED])
