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
FILE = "file"
"""The type of a reference to a file, and the name of its placeholder."""
FILE_ALONE = "{file}"
"""The text of a message that shows a file without a caption."""

RECORD_AUDIO = "record-audio"
RECORD_VIDEO = "record-video"
OF_FILES = frozenset({OBJECT_SHARED, VOICE, RECORD_AUDIO, RECORD_VIDEO})
"""Kinds of messages that may show a file."""
COUNTABLE = OF_FILES | {COMMENT}
"""Kinds of messages that count as unread and can be replied to."""

DELETED_NAME = "Deleted user"
"""Shown name of users whose account was deleted."""

ABOUT_OLDER = frozenset({"message_deleted", "message_edited"})
"""System messages about a change of an older message."""

NO_NEWS = ABOUT_OLDER | {SHOWN, REMOVED, REVOKED}
"""System messages about changed messages and about reactions. They are never the last message of a room."""


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """An actor or object that a placeholder in a message stands for. `name` is its name when the message was sent.

    `fields` are the fields of a shared object as clients get them, in the order in which the sender gave them.
    """

    type: str
    id: str
    name: str = ""
    fields: dict[str, str] = {}


class Message(msgspec.Struct, frozen=True):
    """A message of an attendee, or a system message."""

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
        """Return type and id of the author."""
        return self.actor_type, self.actor_id

    @property
    def is_replyable(self) -> bool:
        """Return True if attendees can reply to the message."""
        return not self.system and self.kind in COUNTABLE

    def is_expired(self, now: int) -> bool:
        """Return True if the message has expired, so that nobody may see it any more."""
        return 0 < self.expires_at <= now

    def references(self) -> Mapping[str, Reference]:
        """Return the references by the names of their placeholders in the text."""
        if not self.parameters:
            return _NOTHING
        return _decode_once(self.parameters) if len(self.parameters) <= SHORT else _decode(self.parameters)


SHORT = 1000
"""Stored references of up to this many characters are decoded once and cached, so that room lists are fast."""
_NOTHING: Mapping[str, Reference] = {}


def _decode(parameters: str) -> Mapping[str, Reference]:
    return msgspec.json.decode(parameters, type=dict[str, Reference])


@lru_cache(maxsize=2000)
def _decode_once(parameters: str) -> Mapping[str, Reference]:
    return _decode(parameters)


Names = dict[tuple[str, str], str]
"""Current display names of actors, by type and id. Deleted actors are missing."""

_DELETED_USER = Reference(DELETED_USERS, DELETED_USERS)
_USER_REFERENCE = f'"type":"{USERS}"'
"""Part of the stored JSON of every reference to a user."""


def current_actor(kind: str, actor_id: str, known_name: str, names: Names) -> tuple[str, str, str]:
    """Return type, id and name of an actor as they are shown now.

    Deleted users are hidden at once, although `areas/removal` removes their ids and names from the database in
    portions. Other deleted actors, such as guests, keep the name `known_name`.
    """
    name = names.get((kind, actor_id))
    if name is not None:
        return kind, actor_id, name
    return (DELETED_USERS, DELETED_USERS, "") if kind in (USERS, DELETED_USERS) else (kind, actor_id, known_name)


def without_deleted(message: Message, names: Names) -> Message:
    """Return the message without the ids and names of deleted users: users that are missing in `names`."""
    changes: dict[str, str] = {}
    if message.actor_type == USERS and (USERS, message.actor_id) not in names:
        changes |= {"actor_type": _DELETED_USER.type, "actor_id": _DELETED_USER.id, "actor_name": ""}
    if message.edited_by_type == USERS and (USERS, message.edited_by_id) not in names:
        changes |= {"edited_by_type": _DELETED_USER.type, "edited_by_id": _DELETED_USER.id, "edited_by_name": ""}
    if _USER_REFERENCE in message.parameters:
        references = message.references()
        deleted = [each.id for each in references.values() if each.type == USERS and (USERS, each.id) not in names]
        if deleted:
            known = detached(references, lambda each: each.type == USERS and each.id in deleted)
            changes["parameters"] = msgspec.json.encode(known).decode()
    return msgspec.structs.replace(message, **changes) if changes else message


def detached(references: Mapping[str, Reference], is_deleted: Callable[[Reference], bool]) -> dict[str, Reference]:
    """Return the references. Those for which `is_deleted` is true become references to a deleted user."""
    return {key: _DELETED_USER if is_deleted(each) else each for key, each in references.items()}


class Page(msgspec.Struct, frozen=True):
    """Messages with the data needed to show them: the messages that they reply to, names, and reactions."""

    messages: list[Message]
    parents: dict[int, Message]
    names: Names
    reactors: Reactors = {}


class SentMessage(msgspec.Struct, frozen=True):
    """A sent message, the data needed to show it, and the id up to which everybody has read."""

    message: Message
    page: Page
    common_read: int | None
    is_new: bool = True
    """False if the same message was already sent with the same reference id."""


def named(message: Message) -> set[tuple[str, str]]:
    """Return the actors whose names are needed to show a message."""
    actors = {(message.actor_type, message.actor_id)}
    if message.edited_at:
        actors.add((message.edited_by_type, message.edited_by_id))
    if message.parameters:
        actors.update((reference.type, reference.id) for reference in message.references().values())
    return actors


def plain(text: str, references: Mapping[str, Reference]) -> str:
    """Return the text that searches compare, as `searchable` folds it, with names in place of placeholders.

    "" means that searches compare `text` itself. That is so for ASCII without placeholders, because databases
    ignore the case of ASCII.
    """
    if not references:
        return "" if text.isascii() else searchable(text)
    names = {key: DELETED_NAME if each.type == DELETED_USERS else each.name for key, each in references.items()}
    return searchable(spell_out(text, names))


def require_text(text: str) -> str:
    """Return the text without surrounding whitespace. Raises Invalid if it is empty, and TooLarge."""
    text = text.strip()
    if not text:
        raise Invalid("message")
    if len(text) > MAX_MESSAGE_LENGTH:
        raise TooLarge("message")
    return text
