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
"""Of a match further behind than MAX_LEAD characters only so many are shown in front of it."""


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
    """A page of results. `isPaginated`: `cursor` leads to the next one."""

    name: str
    isPaginated: bool
    entries: list[Entry]
    cursor: int | str | None


class Provider(msgspec.Struct, frozen=True):
    """Something that can be searched; `filters` says of which type its parameters are."""

    id: str
    appId: str
    name: str
    icon: str
    order: int
    triggers: list[str]
    filters: dict[str, str]
    inAppSearch: bool


def nothing(name: str) -> Results:
    """Where the user may not look."""
    return Results(name, False, [], None)


def messages(name: str, found: Found, term: str, limit: int, base_url: str, *, with_rooms: bool) -> Results:
    """A page of messages; `with_rooms` says in each title where it was said."""
    entries = [
        _message(each, found, term, base_url, with_room=with_rooms)
        for each in found.messages
        if _still_holds(each, found, term)
    ]
    return Results(name, True, entries, cursor_after([each.id for each in found.messages], limit))


def _still_holds(item: Message, found: Found, term: str) -> bool:
    """Return False if the message only held the term in the name of a deleted account."""
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
    """The text from shortly before the term on."""
    position = find(text, term)
    return f"…{text[position - SHOWN_LEAD :]}" if position > MAX_LEAD else text


def rooms(found: list[Membership], limit: int, base_url: str) -> Results:
    """Return a page of conversations. It is paginated only if more follow; the cursor is its last token then."""
    shown = found[:limit]
    is_more = len(shown) < len(found)
    entries = [_room(each, base_url) for each in shown]
    return Results("Conversations", is_more, entries, shown[-1].me.room.token if is_more else None)


def _room(membership: Membership, base_url: str) -> Entry:
    room = membership.me.room
    avatar = f"{base_url}{avatar_path(room)}?v={avatar_version(room)}"
    return Entry(avatar, membership.name, "", f"{base_url}/call/{room.token}", "", True, {"conversation": room.token})
