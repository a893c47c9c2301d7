"""Reactions as JSON."""

import msgspec

from talkd.areas.chat.model import Names
from talkd.areas.reactions.model import Reaction
from talkd.core.actor import DELETED_USERS


class ReactionView(msgspec.Struct, frozen=True):
    """Who reacted, and when."""

    actorType: str
    actorId: str
    actorDisplayName: str
    timestamp: int


def reactions(given: list[Reaction], names: Names) -> dict[str, list[ReactionView]]:
    """Reactions by emoji, both in the order of the list."""
    shown: dict[str, list[ReactionView]] = {}
    for each in given:
        shown.setdefault(each.reaction, []).append(
            ReactionView(
                each.actor_type,
                DELETED_USERS if each.actor_type == DELETED_USERS else each.actor_id,
                names.get((each.actor_type, each.actor_id), each.actor_name),
                each.created_at,
            )
        )
    return shown
