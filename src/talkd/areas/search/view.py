"""Search results as JSON."""

from urllib.parse import quote

import msgspec

from talkd.areas.messages.view import MessageView, avatar_path, message, plain_text
from talkd.areas.overviews.view import avatar_version
from talkd.areas.search.model import Found, Membership, cursor_after
from talkd.conversation.message import Message, plain, without_deleted
from talkd.core.actor import EMAILS, GUESTS, USERS
from talkd.core.search import find, searchable

MAX_LEAD = 30
SHOWN_LEAD = 10
"""If the match begins after more than MAX_LEAD characters, an excerpt begins this many characters before it."""


class Entry(msgspec.Struct, frozen=True):
    """One result."""

    thumbnailUrl: str
    title: str
    subline: str
    resourceUrl: str
    icon: str
    rounded: bool
    attributes: dict[str, str]


class Results(msgspec.Struct, frozen=True):
    """A page of results. If `isPaginated`, `cursor` leads to the next page."""

    name: str
    isPaginated: bool
    entries: list[Entry]
    cursor: int | str | None


class Provider(msgspec.Struct, frozen=True):
    """A search provider. `filters` has the types of its parameters by name."""

    id: str
    appId: str
    name: str
    icon: str
    order: int
    triggers: list[str]
    filters: dict[str, str]
    inAppSearch: bool


def nothing(name: str) -> Results:
    """Return an empty page, for a user who may not search here."""
    return Results(name, False, [], None)


def messages(name: str, found: Found, term: str, limit: int, base_url: str, *, with_rooms: bool) -> Results:
    """Return a page of messages. With `with_rooms` each title names the room."""
    entries = [
        _message(each, found, term, base_url, with_room=with_rooms)
        for each in found.messages
        if _still_matches(each, found, term)
    ]
    return Results(name, True, entries, cursor_after([each.id for each in found.messages], limit))


def _still_matches(item: Message, found: Found, term: str) -> bool:
    """Return False if the message contains the term only in the name of a deleted account."""
    shown = without_deleted(item, found.names)
    return shown.parameters == item.parameters or searchable(term) in plain(shown.message, shown.references())


def _message(item: Message, found: Found, term: str, base_url: str, *, with_room: bool) -> Entry:
    membership = found.rooms[item.room_id]
    room = membership.me.room
    item = without_deleted(item, found.names)
    shown = message(item, room, membership.me.actor, found.names)
    author = _author(shown)
    return Entry(
        f"{base_url}/avatar/{quote(item.actor_id, safe='')}/512" if item.actor_type == USERS else "",
        f"{author} in {membership.name}" if with_room else author,
        excerpt(plain_text(shown.message, shown.messageParameters), term),
        f"{base_url}/call/{room.token}#message_{item.id}",
        "icon-talk",
        True,
        {
            "conversation": room.token,
            "messageId": str(item.id),
            "actorType": item.actor_type,
            "actorId": item.actor_id,
            "timestamp": str(item.created_at),
        },
    )


def _author(shown: MessageView) -> str:
    name = shown.actorDisplayName
    if shown.actorType in (GUESTS, EMAILS):
        return f"{name} (guest)" if name else "Guest"
    return name


def excerpt(text: str, term: str) -> str:
    """Shorten the text so that it begins shortly before the term."""
    position = find(text, term)
    return f"…{text[position - SHOWN_LEAD :]}" if position > MAX_LEAD else text


def rooms(name: str, found: list[Membership], limit: int, base_url: str) -> Results:
    """Return a page of rooms. If more follow, it is paginated, and its cursor is the last room's token."""
    shown = found[:limit]
    is_more = len(shown) < len(found)
    entries = [_room(each, base_url) for each in shown]
    return Results(name, is_more, entries, shown[-1].me.room.token if is_more else None)


def _room(membership: Membership, base_url: str) -> Entry:
    room = membership.me.room
    avatar = f"{base_url}{avatar_path(room)}?v={avatar_version(room)}"
    return Entry(avatar, membership.name, "", f"{base_url}/call/{room.token}", "", True, {"conversation": room.token})
