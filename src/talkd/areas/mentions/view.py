"""Suggestions as JSON."""

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.mentions.model import Suggestion
from talkd.areas.participants.view import status_of
from talkd.conversation.room import Room
from talkd.core.actor import USERS
from talkd.core.mentions import ALL


class SuggestionView(msgspec.Struct, frozen=True):
    """Somebody to mention."""

    id: str
    label: str
    source: str
    mentionId: str
    details: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET
    statusClearAt: int | UnsetType | None = UNSET


def suggestion(item: Suggestion, online: set[str] | None) -> SuggestionView:
    """Somebody; with `online`, the ids of users who are here, each user's status is told."""
    mention = item.mention
    if online is None or item.actor_type != USERS:
        return SuggestionView(mention, item.name, item.actor_type, mention)
    return SuggestionView(
        mention,
        item.name,
        item.actor_type,
        mention,
        status=status_of(item.actor_id, online),
        statusIcon=None,
        statusMessage=None,
        statusClearAt=None,
    )


def everybody(room: Room, people: int) -> SuggestionView:
    """All who are in the room."""
    return SuggestionView(ALL, room.name, "calls", ALL, details=f"All {people} participant{'s' * (people != 1)}")
