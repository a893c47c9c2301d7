"""Messages as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from talkd.areas.messages.system_texts import MISSED, ONE_TO_ONE_CALLS, TRIED, escape_placeholders, text_of
from talkd.conversation.message import (
    COMMENT,
    DELETED,
    DELETED_NAME,
    FILE,
    OBJECT_SHARED,
    OF_FILES,
    Message,
    Names,
    Page,
    Reference,
    without_deleted,
)
from talkd.conversation.reaction import REMOVED, SHOWN
from talkd.conversation.room import Room
from talkd.core.actor import CLI_ID, DELETED_USERS, EMAILS, GROUPS, GUESTS, SYSTEM_ID, USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.richtext import spell_out

Parameter = dict[str, str]
Parameters = dict[str, Parameter] | list[Parameter]
"""What the placeholders of a text stand for, by name. Without placeholders it is an empty list, as clients expect."""

_WITHOUT_ACTOR = frozenset({"poll_voted", SHOWN, REMOVED, MISSED})
"""System messages without an `actor` parameter: votes stay secret, clients show reactions under the author of the
message, and a missed call names only the other user."""

_CALL_TYPES = {
    RoomType.ONE_TO_ONE: "one2one",
    RoomType.ONE_TO_ONE_FORMER: "one2one",
    RoomType.GROUP: "group",
    RoomType.PUBLIC: "public",
}


def call_type(room: Room) -> str:
    """Return the `call-type` that clients expect for the room."""
    return _CALL_TYPES.get(RoomType(room.type), "group")


class MessageView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message."""

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


class MissingParentView(msgspec.Struct, frozen=True):
    """The parent of a message, if it was cleared or has expired."""

    id: int
    deleted: bool = True


def message(
    item: Message, room: Room, viewer: Actor, names: Names, parent: Any = UNSET, own: list[str] | None = None
) -> MessageView:
    """Show a message to one reader. System messages say "You" for the reader."""
    item = without_deleted(item, names)
    text, system, references = _content(item, room, viewer)
    by_server = bool(system) or item.kind in OF_FILES
    if by_server and item.system not in _WITHOUT_ACTOR:
        references = {"actor": Reference(item.actor_type, item.actor_id, item.actor_name), **references}
    if references and room.is_one_to_one:
        references = {
            key: _everybody_in_one_to_one(reference, item, viewer, names) for key, reference in references.items()
        }
    parameters = {key: _parameter(item, each, room, names, by_server) for key, each in references.items()}
    return MessageView(  # by position, which is much faster than by name
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


def _content(item: Message, room: Room, viewer: Actor) -> tuple[str, str, Mapping[str, Reference]]:
    """Return text, name of the system message, and references of a message for one reader."""
    text, system, references = item.message, item.system, item.references()
    if not system and item.kind != DELETED:
        return text, system, references
    actor = Actor(item.actor_type, item.actor_id)
    if not system:
        return _deleted_text(references["actor"], actor, viewer), system, references
    if system == MISSED:
        system, references = _unanswered(references, room, viewer)
    details, typed = escape_placeholders(text, references)
    text = text_of(system, details, references, actor, viewer, is_one_to_one=room.is_one_to_one)
    names_nobody = room.is_one_to_one and system in ONE_TO_ONE_CALLS
    return text, system, {} if names_nobody else {**references, **typed}


def _unanswered(references: Mapping[str, Reference], room: Room, viewer: Actor) -> tuple[str, dict[str, Reference]]:
    """Return system message and references of an unanswered call for one reader. The caller reads whom they called.

    In a former one-to-one room, the called user is only a name: that of the room.
    """
    caller = references["user"]
    if not viewer.is_same(caller.type, caller.id):
        return MISSED, {"user": caller}
    if room.type != RoomType.ONE_TO_ONE:
        return TRIED, {"user": Reference("highlight", DELETED_USERS, room.name)}
    return TRIED, {"user": references["callee"]}


def plain_text(text: str, parameters: Parameters) -> str:
    """Return the text with names instead of placeholders."""
    if not isinstance(parameters, dict):
        return text
    return spell_out(text, {key: each["name"] for key, each in parameters.items()})


def _deleted_text(deleter: Reference, author: Actor, viewer: Actor) -> str:
    if viewer.is_same(deleter.type, deleter.id):
        return "Message deleted by you"
    return f"Message deleted by {'author' if author.is_same(deleter.type, deleter.id) else '{actor}'}"


def messages(page: Page, room: Room, viewer: Actor) -> list[MessageView]:
    """Show the messages of a page, with their parents and the reader's own reactions."""
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
        return MissingParentView(item.parent_id)
    return message(parent, room, viewer, page.names, own=own.get(parent.id))


def _name(item: Message, names: Names) -> str:
    if item.actor_type == USERS:
        return names.get((USERS, item.actor_id), item.actor_name)
    if item.actor_type in (GUESTS, EMAILS):
        return _guest_name(item, item.author, item.actor_name, names)
    return item.actor_name


def _guest_name(item: Message, guest: tuple[str, str], known: str, names: Names) -> str:
    """Return the name of a guest: the current one, or the stored `known` one after the guest left.

    System messages do not name guests who left (docs/api/compatibility.md).
    """
    return names.get(guest, "" if item.system else known)


def _parameter(item: Message, reference: Reference, room: Room, names: Names, in_system: bool) -> Parameter:
    """Show what a placeholder stands for. System messages add "(guest)" to the names of guests."""
    kind, actor_id = reference.type, reference.id
    if reference.fields:
        return reference.fields if kind == FILE else {**reference.fields, "icon-url": avatar_path(room)}
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
        return {"type": "highlight", "id": actor_id, "name": DELETED_NAME}
    return {"type": kind, "id": actor_id, "name": reference.name}


def _everybody_in_one_to_one(reference: Reference, item: Message, viewer: Actor, names: Names) -> Reference:
    """In a one-to-one room, show @all under the other person's name.

    The reference holds the name that the author sees. The other user sees the author's name.
    """
    if reference.type != "call" or viewer.is_same(item.actor_type, item.actor_id):
        return reference
    return Reference(reference.type, reference.id, _name(item, names))


def avatar_path(room: Room) -> str:
    """Return the path of the room's picture."""
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


def can_be_personal(page: Page, room: Room) -> bool:
    """Return True if the page may look different to some readers.

    It may say "You" to them, or have their reactions. In a one-to-one room, @all has another name for each of the two.
    """
    return room.is_one_to_one or bool(page.reactors) or any(map(_is_about_somebody, _shown(page)))


def is_personal(page: Page, viewer: Actor, room: Room) -> bool:
    """Return True if the page may look different to this reader."""
    own = page.reactors.get((viewer.type, viewer.id), ())
    return room.is_one_to_one or any(_is_about(item, viewer) or item.id in own for item in _shown(page))


def _shown(page: Page) -> Iterator[Message]:
    """Return the messages of the page, and those that they answer."""
    yield from page.messages
    yield from (page.parents[item.parent_id] for item in page.messages if item.parent_id in page.parents)


def _is_about_somebody(item: Message) -> bool:
    """Return True if the message may say "You" to some readers."""
    return bool(item.system) or item.kind == DELETED


def _is_about(item: Message, viewer: Actor) -> bool:
    """Return True if the message may say "You" to this reader."""
    if not _is_about_somebody(item):
        return False
    if viewer.is_same(item.actor_type, item.actor_id):
        return True
    return any(viewer.is_same(ref.type, ref.id) for ref in item.references().values())
