"""Messages as JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.messages.system_texts import CALLS_OF_TWO, MISSED, TRIED, shield, text_of
from talkd.conversation.message import (
    COMMENT,
    DELETED,
    GONE,
    OBJECT_SHARED,
    Message,
    Names,
    Page,
    Reference,
    without_gone,
)
from talkd.conversation.reaction import REMOVED, SHOWN
from talkd.conversation.room import Room
from talkd.core.actor import CLI_ID, DELETED_USERS, EMAILS, GROUPS, GUESTS, SYSTEM_ID, USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.richtext import spell_out

Parameter = dict[str, str]
Parameters = dict[str, Parameter] | list[Parameter]
"""What placeholders stand for, by name; an empty list where there are none."""

_WITHOUT_ACTOR = frozenset({"poll_voted", SHOWN, REMOVED, MISSED})
"""Who voted is nobody's business; who reacted is the author; of a missed call only the other user is named."""

_CALL_TYPES = {
    RoomType.ONE_TO_ONE: "one2one",
    RoomType.ONE_TO_ONE_FORMER: "one2one",
    RoomType.GROUP: "group",
    RoomType.PUBLIC: "public",
}


def call_type(room: Room) -> str:
    """What clients call the kind of a conversation where they speak of its calls."""
    return _CALL_TYPES.get(RoomType(room.type), "group")


class MessageView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message on the wire."""

    id: int
    token: str
    actorType: str
    actorId: str
    actorDisplayName: str
    timestamp: int
    message: str
    messageParameters: Parameters
    systemMessage: str
    messageType: str
    isReplyable: bool
    referenceId: str
    reactions: dict[str, int]
    expirationTimestamp: int
    markdown: bool
    lastEditActorType: str | UnsetType = UNSET
    lastEditActorId: str | UnsetType = UNSET
    lastEditActorDisplayName: str | UnsetType = UNSET
    lastEditTimestamp: int | UnsetType = UNSET
    silent: bool | UnsetType = UNSET
    parent: Any = UNSET
    deleted: bool | UnsetType = UNSET
    reactionsSelf: list[str] | UnsetType = UNSET


class GoneView(msgspec.Struct, frozen=True):
    """A message that was answered and is no more."""

    id: int
    deleted: bool = True


def message(
    item: Message, room: Room, viewer: Actor, names: Names, parent: Any = UNSET, own: list[str] | None = None
) -> MessageView:
    """One message for one reader: system messages say You where he is meant."""
    item = without_gone(item, names)
    actor = Actor(item.actor_type, item.actor_id)
    references = item.references()
    text, system, is_one_to_one = item.message, item.system, room.is_one_to_one
    if system:
        if system == MISSED:
            system, references = _missed(references, room, viewer)
        details, typed = shield(text, references)
        text = text_of(system, details, references, actor, viewer, is_one_to_one=is_one_to_one)
        references = {} if is_one_to_one and system in CALLS_OF_TWO else {**references, **typed}
    elif item.kind == DELETED:
        text = _deleted_text(references["actor"], actor, viewer)
    by_server = bool(system) or item.kind == OBJECT_SHARED
    if by_server and item.system not in _WITHOUT_ACTOR:
        references = {"actor": Reference(item.actor_type, item.actor_id, item.actor_name), **references}
    if is_one_to_one:
        references = {key: _alone(reference, item, viewer, names) for key, reference in references.items()}
    parameters = {key: _parameter(item, each, room, names, by_server) for key, each in references.items()}
    return MessageView(  # by position, in the order of the fields: by name it takes much longer
        item.id,
        room.token,
        item.actor_type,
        item.actor_id,
        _name(item, names),
        item.created_at,
        text,
        parameters or [],
        system,
        "system" if item.system else COMMENT if item.kind == OBJECT_SHARED else item.kind,
        item.is_replyable,
        item.reference_id,
        msgspec.json.decode(item.reactions, type=dict[str, int]) if item.reactions else {},
        item.expires_at,
        not item.system,
        item.edited_by_type if item.edited_at else UNSET,
        item.edited_by_id if item.edited_at else UNSET,
        names.get((item.edited_by_type, item.edited_by_id), item.edited_by_name) if item.edited_at else UNSET,
        item.edited_at or UNSET,
        True if item.silent else UNSET,
        parent,
        True if item.kind == DELETED else UNSET,
        own or UNSET,
    )


def _missed(references: Mapping[str, Reference], room: Room, viewer: Actor) -> tuple[str, dict[str, Reference]]:
    """Return a call that nobody answered as the reader sees it: the one who called reads whom they tried to reach.

    A former one-to-one room keeps only the name of that person.
    """
    caller = references["user"]
    if not viewer.is_same(caller.type, caller.id):
        return MISSED, {"user": caller}
    is_there = room.type == RoomType.ONE_TO_ONE
    return TRIED, {"user": references["callee"] if is_there else Reference("highlight", DELETED_USERS, room.name)}


def plain_text(text: str, parameters: Parameters) -> str:
    """A text as it is read aloud: names in the places of its placeholders."""
    if not isinstance(parameters, dict):
        return text
    return spell_out(text, {key: each["name"] for key, each in parameters.items()})


def _deleted_text(deleter: Reference, author: Actor, viewer: Actor) -> str:
    if viewer.is_same(deleter.type, deleter.id):
        return "Message deleted by you"
    return f"Message deleted by {'author' if author.is_same(deleter.type, deleter.id) else '{actor}'}"


def messages(page: Page, room: Room, viewer: Actor) -> list[MessageView]:
    """All messages of a page, with what they answer and how the reader has reacted."""
    own = page.reactors.get((viewer.type, viewer.id), {})
    return [
        message(item, room, viewer, page.names, _parent(item, page, room, viewer, own), own.get(item.id))
        for item in page.messages
    ]


def _parent(item: Message, page: Page, room: Room, viewer: Actor, own: dict[int, list[str]]) -> Any:
    if not item.parent_id:
        return UNSET
    parent = page.parents.get(item.parent_id)
    if parent is None:
        return GoneView(item.parent_id)
    return message(parent, room, viewer, page.names, own=own.get(parent.id))


def _name(item: Message, names: Names) -> str:
    if item.actor_type == USERS:
        return names.get((USERS, item.actor_id), item.actor_name)
    if item.actor_type in (GUESTS, EMAILS):
        return _guest_name(item, item.author, item.actor_name, names)
    return item.actor_name


def _guest_name(item: Message, guest: tuple[str, str], known: str, names: Names) -> str:
    """Return a guest's current name. A guest who left keeps the name that was `known`, in what people wrote.

    System messages do not name them any more (recording `guests/guest-moderator`).
    """
    return names.get(guest, "" if item.system else known)


def _parameter(item: Message, reference: Reference, room: Room, names: Names, in_system: bool) -> Parameter:
    """Return who or what a placeholder stands for. Guests are marked as such where the server speaks of them."""
    kind, actor_id = reference.type, reference.id
    if reference.fields:
        return {**reference.fields, "icon-url": avatar_path(room)}
    if kind == USERS:
        name = names.get((USERS, actor_id), reference.name)
        return {"type": "user", "id": actor_id, "name": name, "mention-id": actor_id}
    if kind == GROUPS:
        name = names.get((GROUPS, actor_id), reference.name)
        return {
            "type": "group" if in_system else "user-group",
            "id": actor_id,
            "name": name,
            "mention-id": f"user-group/{actor_id}" if in_system else f"group/{actor_id}",
        }
    if kind in (GUESTS, EMAILS):
        return _guest(kind, actor_id, _guest_name(item, (kind, actor_id), reference.name, names), in_system)
    if kind == "call":
        return {
            "type": "call",
            "id": room.token,
            "name": room.name or reference.name,
            "call-type": call_type(room),
            "icon-url": avatar_path(room),
            "mention-id": "all",
        }
    if kind == DELETED_USERS:
        return {"type": "highlight", "id": actor_id, "name": GONE}
    return {"type": kind, "id": actor_id, "name": reference.name}


def _alone(reference: Reference, item: Message, viewer: Actor, names: Names) -> Reference:
    """All in a conversation of two, which each of them knows by the name of the other: that of the one whom the author
    named is kept in the reference.
    """
    if reference.type != "call" or viewer.is_same(item.actor_type, item.actor_id):
        return reference
    return Reference(reference.type, reference.id, _name(item, names))


def avatar_path(room: Room) -> str:
    """Where the picture of a conversation is, on this server."""
    return f"/ocs/v2.php/apps/spreed/api/v1/room/{room.token}/avatar"


def _guest(kind: str, actor_id: str, known: str, in_system: bool) -> Parameter:
    prefix = "guest" if kind == GUESTS else "email"
    if actor_id == SYSTEM_ID:
        shown = "System"
    elif actor_id == CLI_ID:
        shown = "Administration"
    elif known and in_system:
        shown = f"{known} (guest)"
    else:
        shown = known or "Guest"
    return {"type": prefix, "id": f"{prefix}/{actor_id}", "name": shown, "mention-id": f"{prefix}/{actor_id}"}


def has_own_form(page: Page, viewer: Actor) -> bool:
    """Whether the reader gets a page of his own: the server speaks of him in it, or he has reacted to something."""
    answered = (page.parents[item.parent_id] for item in page.messages if item.parent_id in page.parents)
    own = page.reactors.get((viewer.type, viewer.id))
    return any(speaks_of(item, viewer) or (own is not None and item.id in own) for item in (*page.messages, *answered))


def speaks_of(item: Message, viewer: Actor) -> bool:
    """Whether the reader gets a text of his own: the server speaks of him."""
    if not item.system and item.kind != DELETED:
        return False
    if viewer.is_same(item.actor_type, item.actor_id):
        return True
    return any(viewer.is_same(ref.type, ref.id) for ref in item.references().values())
