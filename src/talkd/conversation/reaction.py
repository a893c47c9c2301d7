"""Reactions."""

import msgspec

MAX_COUNTED = 20
"""Different reactions whose number a message shows: those given most often."""


SHOWN, REMOVED, REVOKED = "reaction", "reaction_deleted", "reaction_revoked"
"""System messages about reactions: one that was given, the same one after it was taken back, and the taking back."""


class Reaction(msgspec.Struct, frozen=True):
    """What somebody thinks of a message. `entry_id` is the system message that tells of it."""

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
"""Who has reacted to what and how: by type and id of the actor, then by message."""


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """What a message shows of its reactions, most frequent first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_COUNTED])
