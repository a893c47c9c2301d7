"""Messages."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import msgspec

from talkd.conversation.reaction import REMOVED, REVOKED, SHOWN, Reactors
from talkd.core.actor import DELETED_USERS, USERS
from talkd.core.constants import MAX_MESSAGE_LENGTH
from talkd.core.errors import Invalid, TooLarge
from talkd.core.richtext import spell_out
from talkd.core.search import searchable

COMMENT = "comment"
SYSTEM = "system"
OBJECT_SHARED = "object_shared"
DELETED = "comment_deleted"
VOICE = "voice-message"

COUNTABLE = frozenset({COMMENT, OBJECT_SHARED, VOICE})
"""Kinds that count as unread and can be answered."""

GONE = "Deleted user"
"""What everybody is called whose account is gone."""

ABOUT_OLDER = frozenset({"message_deleted", "message_edited"})
"""System messages that tell clients of a change to an older message: they are not the room's last message."""

NO_NEWS = ABOUT_OLDER | {SHOWN, REMOVED, REVOKED}
"""System messages that are never the room's last message, with those about reactions."""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody or something that a message speaks of. `name` is what it was called then.

    `fields` is everything that clients get of a shared thing, in the order of whoever shared it.
    """

    type: str
    id: str
    name: str = ""
    fields: dict[str, str] = {}


class Message(msgspec.Struct, frozen=True):
    """Something said, or reported by the server."""

    room_id: int
    id: int
    parent_id: int
    actor_type: str
    actor_id: str
    actor_name: str
    kind: str
    system: str
    message: str
    parameters: str
    reference_id: str
    silent: int
    created_at: int
    expires_at: int
    edited_by_type: str
    edited_by_id: str
    edited_by_name: str
    edited_at: int
    reactions: str

    @property
    def author(self) -> tuple[str, str]:
        """Type and id of who said it."""
        return self.actor_type, self.actor_id

    @property
    def is_replyable(self) -> bool:
        """Whether it can be answered."""
        return not self.system and self.kind in COUNTABLE

    def is_expired(self, now: int) -> bool:
        """Whether nobody may see it any more."""
        return 0 < self.expires_at <= now

    def references(self) -> Mapping[str, Reference]:
        """What the placeholders of the text stand for."""
        if not self.parameters:
            return _NOTHING
        return _decode_once(self.parameters) if len(self.parameters) <= SHORT else _decode(self.parameters)


SHORT = 1000
"""Characters of stored references that are decoded once for many readers, so that room lists are fast."""
_NOTHING: Mapping[str, Reference] = {}


def _decode(parameters: str) -> Mapping[str, Reference]:
    return msgspec.json.decode(parameters, type=dict[str, Reference])


@lru_cache(maxsize=2000)
def _decode_once(parameters: str) -> Mapping[str, Reference]:
    return _decode(parameters)


Names = dict[tuple[str, str], str]
"""What actors are called now, by type and id. Who is missing is gone."""

_NOBODY = Reference(DELETED_USERS, DELETED_USERS)
_USER_REFERENCE = f'"type":"{USERS}"'
"""How a reference to a user is stored."""


def current_actor(kind: str, actor_id: str, known_name: str, names: Names) -> tuple[str, str, str]:
    """Return type, id and name of whoever did something, as they are shown now.

    The id and the names of a deleted account are removed in portions (`areas/removal`), but nobody sees them meanwhile.
    Others than users keep the name that was `known_name` when they are gone.
    """
    name = names.get((kind, actor_id))
    if name is not None:
        return kind, actor_id, name
    return (DELETED_USERS, DELETED_USERS, "") if kind in (USERS, DELETED_USERS) else (kind, actor_id, known_name)


def without_gone(message: Message, names: Names) -> Message:
    """Return the message as it is stored once the deleted accounts that it names have been removed from it."""
    changes: dict[str, str] = {}
    if message.actor_type == USERS and (USERS, message.actor_id) not in names:
        changes |= {"actor_type": _NOBODY.type, "actor_id": _NOBODY.id, "actor_name": ""}
    if message.edited_by_type == USERS and (USERS, message.edited_by_id) not in names:
        changes |= {"edited_by_type": _NOBODY.type, "edited_by_id": _NOBODY.id, "edited_by_name": ""}
    if _USER_REFERENCE in message.parameters:
        references = message.references()
        gone = [each.id for each in references.values() if each.type == USERS and (USERS, each.id) not in names]
        if gone:
            known = detached(references, lambda each: each.type == USERS and each.id in gone)
            changes["parameters"] = msgspec.json.encode(known).decode()
    return msgspec.structs.replace(message, **changes) if changes else message


def detached(references: Mapping[str, Reference], is_gone: Callable[[Reference], bool]) -> dict[str, Reference]:
    """Return the references, with nobody in particular in the place of those that are gone."""
    return {key: _NOBODY if is_gone(each) else each for key, each in references.items()}


class Page(msgspec.Struct, frozen=True):
    """Messages with what it takes to show them: the messages they answer, everybody's name, and who reacted."""

    messages: list[Message]
    parents: dict[int, Message]
    names: Names
    reactors: Reactors = {}


class Said(msgspec.Struct, frozen=True):
    """A message that was said, what it takes to show it, and how far everybody has read now."""

    message: Message
    page: Page
    common_read: int | None
    is_new: bool = True
    """Whether it was said now, and not before under the same reference."""


def named(message: Message) -> set[tuple[str, str]]:
    """Everybody whose name it takes to show a message."""
    actors = {(message.actor_type, message.actor_id)}
    if message.edited_at:
        actors.add((message.edited_by_type, message.edited_by_id))
    if message.parameters:
        actors.update((reference.type, reference.id) for reference in message.references().values())
    return actors


def plain(text: str, references: Mapping[str, Reference]) -> str:
    """Return what a search compares of a text, with names in place of placeholders; empty if that is the text itself.

    The databases themselves only ignore the case of a text in ASCII.
    """
    if not references:
        return "" if text.isascii() else searchable(text)
    names = {key: GONE if each.type == DELETED_USERS else each.name for key, each in references.items()}
    return searchable(spell_out(text, names))


def require_text(text: str) -> str:
    """What somebody wrote, without space around it. Raises Invalid when nothing is left, TooLarge."""
    text = text.strip()
    if not text:
        raise Invalid("message")
    if len(text) > MAX_MESSAGE_LENGTH:
        raise TooLarge("message")
    return text
