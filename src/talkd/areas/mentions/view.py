"""Suggestions as JSON."""

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.mentions.model import Suggestion, Suggestions
from talkd.areas.participants.view import status_of
from talkd.conversation.room import Room
from talkd.core.actor import USERS
from talkd.core.mentions import ALL


class SuggestionView(msgspec.Struct, frozen=True):
    """An attendee that can be mentioned, or `@all`."""

    id: str
    label: str
    source: str
    mentionId: str
    details: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    statusIcon: str | UnsetType | None = UNSET
    statusMessage: str | UnsetType | None = UNSET
    statusClearAt: int | UnsetType | None = UNSET


def suggestions(room: Room, found: Suggestions) -> list[SuggestionView]:
    """Show all suggestions, `@all` last."""
    shown = [_suggestion(each, found.online) for each in found.items]
    return [*shown, _everybody(room, found.everybody)] if found.everybody else shown


def _suggestion(item: Suggestion, online: set[str] | None) -> SuggestionView:
    """Show one attendee; with `online` (ids of users), users get a status."""
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


def _everybody(room: Room, people: int) -> SuggestionView:
    return SuggestionView(ALL, room.name, "calls", ALL, details=f"All {people} participant{'s' * (people != 1)}")
