"""Reactions as JSON."""

import msgspec

from talkd.conversation.message import Names, current_actor
from talkd.conversation.reaction import Reaction


class ReactionView(msgspec.Struct, frozen=True):
    """One reaction: who reacted, and when."""

    actorType: str
    actorId: str
    actorDisplayName: str
    timestamp: int


def reactions(given: list[Reaction], names: Names) -> dict[str, list[ReactionView]]:
    """Group reactions by emoji. Emojis and reactions keep the order of the list."""
    shown: dict[str, list[ReactionView]] = {}
    for each in given:
        shown.setdefault(each.reaction, []).append(
            ReactionView(*current_actor(each.actor_type, each.actor_id, each.actor_name, names), each.created_at)
        )
    return shown
