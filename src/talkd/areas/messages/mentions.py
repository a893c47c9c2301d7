"""Who is named in a message."""

from collections.abc import Collection, Iterable

import msgspec

from talkd.areas.messages import mention_store
from talkd.areas.users import group_store as groups
from talkd.conversation import attendee_store, message_store, people_store
from talkd.conversation.message import Message, Names, Reference
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS, Actor
from talkd.core.constants import MAX_GUEST_MENTIONS, MENTION_SECONDS
from talkd.core.errors import Throttled
from talkd.core.mentions import ALL, Target, list_meant, list_mentions, replace_mentions
from talkd.core.names import folded
from talkd.storage.database import Row, Tx

_PLACEHOLDERS = {
    USERS: "mention-user",
    GUESTS: "mention-guest",
    EMAILS: "mention-email",
    GROUPS: "mention-group",
    ALL: "mention-call",
}
LOOK_BACK = 1_000
"""Messages among which `renew` looks for what else names somebody."""
_EVERYBODY = "call"
"""The type of a reference to all in the room."""


class Named(msgspec.Struct, frozen=True):
    """Who sees in his list of rooms that a message names him."""

    users: frozenset[str]
    groups: frozenset[str]
    everybody: bool

    def __bool__(self) -> bool:
        """Whether that is anybody."""
        return self.everybody or bool(self.users) or bool(self.groups)

    def without(self, others: "Named") -> "Named":
        """Those who are not among the others."""
        return Named(self.users - others.users, self.groups - others.groups, self.everybody and not others.everybody)


async def resolve(
    tx: Tx, me: Participant, text: str, others: Collection[tuple[str, str]] = ()
) -> tuple[str, dict[str, Reference], Names]:
    """Return the text with placeholders for mentions, what they stand for, and names.

    The names are of everybody who is mentioned or among `others`; one statement finds them all. A mention of
    somebody who does not exist stays plain text. To a guest only accounts and groups of the room exist, or they
    could find out which there are.
    """
    mentioned, own = list_mentions(text), me.actor
    if not mentioned and not others:
        return text, {}, {(own.type, own.id): own.name}
    wanted = {reading.target for mention in mentioned for reading in mention.readings}
    names = {(own.type, own.id): own.name}
    partner = USERS, me.room.partner_of(own.id) if (ALL, ALL) in wanted else ""
    asked = {*(_actor(target) for target in wanted), *others, *({partner} if partner[1] else ())} - names.keys()
    found = await people_store.list_people(tx, asked) if asked else []
    here = {_target(*actor): actor for actor in names}
    members = await _list_members(tx, me.room.id, found) if me.is_guest else None
    for kind, actor_id, name, place in found:
        if kind in (GUESTS, EMAILS):
            is_here = place == me.room.id
        else:
            is_here = bool(place) and (members is None or (kind, actor_id) in members)
        if is_here:
            here[_target(kind, actor_id)] = kind, actor_id
        if is_here or (kind, actor_id) not in names:
            names[kind, actor_id] = name
    known: dict[Target, Reference] = {}
    for target in wanted:
        actor = here.get(_target(*_actor(target)))
        if actor is not None:
            kind, actor_id = actor
            known[target] = Reference(kind, actor_id, names[actor] or (actor_id if kind == GROUPS else ""))
    if (ALL, ALL) in wanted and (me.is_moderator or not me.room.mention_permissions):
        known[ALL, ALL] = Reference(_EVERYBODY, ALL, names.get(partner, ""))
    keys = _number(text, list_meant(mentioned, known))
    references = {key: known[target] for target, key in keys.items()}
    return replace_mentions(text, mentioned, keys), references, names


async def _list_members(tx: Tx, room_id: int, found: list[Row]) -> set[tuple[str, str]]:
    """Return those of the found accounts and groups that are attendees of the room."""
    members = set()
    for kind in (USERS, GROUPS):
        ids = [actor_id for found_kind, actor_id, _name, _place in found if found_kind == kind]
        if ids:
            members |= {(kind, each.actor_id) for each in await attendee_store.find_attendees(tx, room_id, kind, ids)}
    return members


def _actor(target: Target) -> tuple[str, str]:
    kind, name = target
    return kind, name.partition("/")[2] if kind in (GUESTS, EMAILS) else name


def _target(kind: str, actor_id: str) -> tuple[str, str]:
    """Return the key of an actor: user ids are the same in any case."""
    return kind, folded(actor_id) if kind == USERS else actor_id


def _number(text: str, targets: list[Target]) -> dict[Target, str]:
    """Return a placeholder for each target, such as mention-user1.

    A placeholder that the sender typed themselves is skipped: it stays text and stands for nobody.
    """
    keys: dict[Target, str] = {}
    used: dict[str, int] = {}
    for target in targets:
        prefix = _PLACEHOLDERS[target[0]]
        number = used.get(prefix, 0) + 1
        while f"{{{prefix}{number}}}" in text:
            number += 1
        used[prefix] = number
        keys[target] = f"{prefix}{number}"
    return keys


async def count(tx: Tx, network: str) -> None:
    """Guests mention somebody once more. Raises Throttled when those of a network have done so too often.

    By network, because whoever comes again by the link is another guest each time.
    """
    now = clock.steady()
    mentions, since = await message_store.count_mention(tx, network, now, since=now - MENTION_SECONDS)
    if mentions > MAX_GUEST_MENTIONS:
        raise Throttled(since + MENTION_SECONDS - now, "mentions")


def named_by(message: Message, answered: Message | None) -> Named:
    """Whom a message names: everybody mentioned, and the author of what it answers."""
    references = message.references().values()
    authors = {answered.actor_id} if answered is not None and answered.actor_type == USERS else set()
    return Named(
        frozenset({each.id for each in references if each.type == USERS} | authors),
        frozenset(each.id for each in references if each.type == GROUPS),
        any(each.type == _EVERYBODY for each in references),
    )


async def note(tx: Tx, message: Message, answered: Message | None = None, *, reader: int = 0) -> None:
    """Everybody named in the message but its author sees so in his list of rooms.

    `reader`: the author's attendee id, when he has read up to his message; that costs no statement more.
    """
    named = named_by(message, answered)
    if named:
        await mention_store.note_named(
            tx,
            message.room_id,
            message.id,
            author=message.author,
            has_read=bool(reader),
            users=list(named.users),
            groups=list(named.groups),
            everybody=named.everybody,
        )
    elif reader:
        await message_store.mark_read(tx, message.room_id, reader, message.id)


async def renew(tx: Tx, room_id: int, message_ids: list[int]) -> None:
    """Messages are gone or changed: whoever was named last in one of them is named last in an earlier one, if any.

    It looks back over LOOK_BACK messages with references or that answer others.
    """
    affected = await mention_store.list_named_in(tx, room_id, message_ids)
    if not affected:
        return
    now = clock.now()
    messages = await mention_store.list_mentioning(tx, room_id, LOOK_BACK, now)
    answered = await message_store.list_messages(tx, room_id, [message.parent_id for message in messages], now)
    newest = newest_by_name((message, named_by(message, answered.get(message.parent_id))) for message in messages)
    groups_of = await groups.get_groups_of(tx, [attendee.actor_id for attendee in affected])
    marks: dict[tuple[int, int], list[int]] = {}
    for attendee in affected:
        indirectly = [(ALL, ALL), *((GROUPS, group_id) for group_id in groups_of.get(attendee.actor_id, ()))]
        direct = last_by_others(newest, attendee.actor, [(USERS, attendee.actor_id)])
        indirect = last_by_others(newest, attendee.actor, indirectly)
        marks.setdefault((max(direct, indirect), direct), []).append(attendee.id)
    for (last, last_direct), attendee_ids in marks.items():
        await mention_store.set_mentions(tx, room_id, attendee_ids, last, last_direct)


Newest = dict[tuple[str, str], list[Message]]


def newest_by_name(naming: Iterable[tuple[Message, Named]]) -> Newest:
    """By who is named, the newest message and the newest by another author: nobody is named by himself.

    So a thousand people and as many messages are looked at once each. The newest come first.
    """
    found: Newest = {}
    for message, named in naming:
        targets = [(USERS, user_id) for user_id in named.users] + [(GROUPS, group_id) for group_id in named.groups]
        for target in [*targets, (ALL, ALL)] if named.everybody else targets:
            newest = found.setdefault(target, [])
            if not newest or (len(newest) == 1 and newest[0].author != message.author):
                newest.append(message)
    return found


def last_by_others(newest: Newest, actor: Actor, targets: Iterable[tuple[str, str]]) -> int:
    """The id of the last message by others that names one of these; 0 for none."""
    return max(
        (each.id for target in targets for each in newest.get(target, ()) if not actor.is_same(*each.author)), default=0
    )
