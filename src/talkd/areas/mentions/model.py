"""Who is mentioned in a message, and who can be suggested for a mention."""

from collections.abc import Iterable

import msgspec

from talkd.conversation.message import Message
from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS, Actor
from talkd.core.mentions import ALL
from talkd.core.search import searchable

EVERYBODY = "call"
"""The type of a reference to everybody in the room (`@all`)."""


class Mentioned(msgspec.Struct, frozen=True):
    """The users and groups that a message mentions, and whether it mentions everybody."""

    users: frozenset[str]
    groups: frozenset[str]
    everybody: bool

    def __bool__(self) -> bool:
        """Return True if anybody is mentioned."""
        return self.everybody or bool(self.users) or bool(self.groups)

    def without(self, others: "Mentioned") -> "Mentioned":
        """Return what is mentioned here and not in `others`."""
        return Mentioned(
            self.users - others.users, self.groups - others.groups, self.everybody and not others.everybody
        )


def mentioned_in(message: Message, parent: Message | None) -> Mentioned:
    """Return who the message mentions. The author of the `parent` that it replies to counts as mentioned."""
    references = message.references().values()
    authors = {parent.actor_id} if parent is not None and parent.actor_type == USERS else set()
    return Mentioned(
        frozenset({each.id for each in references if each.type == USERS} | authors),
        frozenset(each.id for each in references if each.type == GROUPS),
        any(each.type == EVERYBODY for each in references),
    )


Newest = dict[tuple[str, str], list[Message]]
"""For each mentioned actor, the newest message that mentions them, then the newest one by another author."""


def newest_by_target(messages: Iterable[tuple[Message, Mentioned]]) -> Newest:
    """Index messages, given newest first, by whom they mention.

    Two messages for each target are enough, because nobody counts as mentioned by their own message. So the time
    grows with the sum of attendees and messages, not with their product.
    """
    found: Newest = {}
    for message, mentioned in messages:
        targets = [(USERS, user_id) for user_id in mentioned.users]
        targets += [(GROUPS, group_id) for group_id in mentioned.groups]
        for target in [*targets, (ALL, ALL)] if mentioned.everybody else targets:
            newest = found.setdefault(target, [])
            if not newest or (len(newest) == 1 and newest[0].author != message.author):
                newest.append(message)
    return found


def last_by_others(newest: Newest, actor: Actor, targets: Iterable[tuple[str, str]]) -> int:
    """Return the id of the newest message that mentions one of the targets and is not by the actor; 0 if none does."""
    return max(
        (each.id for target in targets for each in newest.get(target, ()) if not actor.is_same(*each.author)), default=0
    )


# --- suggestions ----------------------------------------------------------------------------
KINDS = (USERS, GROUPS, GUESTS, EMAILS)
"""Actor types in the order in which they are suggested."""

UNNAMED = "Guest"
"""The name shown for an actor without one."""

_PREFIXES = {GROUPS: "group", GUESTS: "guest", EMAILS: "email"}


class Suggestion(msgspec.Struct, frozen=True):
    """An attendee that can be mentioned, with the name that others see."""

    actor_type: str
    actor_id: str
    name: str

    @property
    def mention(self) -> str:
        """Return what a client writes after the @ in a message."""
        prefix = _PREFIXES.get(self.actor_type)
        return self.actor_id if prefix is None else f"{prefix}/{self.actor_id}"


class Suggestions(msgspec.Struct, frozen=True):
    """The answer to a search. `everybody` is the number of users whom `@all` would reach; 0 leaves `@all` out."""

    items: list[Suggestion]
    online: set[str] | None
    """Ids of the suggested users who are online; None if the caller did not ask for statuses."""
    everybody: int


def is_everybody(search: str, room_name: str) -> bool:
    """Return True if the search matches `@all`: the word "all" begins with it, or the room's name contains it."""
    text = searchable(search)
    return "all".startswith(text) or text in searchable(room_name)
