"""Who is named in a message."""

from collections.abc import Iterable

import msgspec

from talkd.areas.chat import mention_store, people_store, store
from talkd.areas.chat.model import Message, Names, Reference
from talkd.areas.participants.model import Participant
from talkd.areas.users import group_store as groups
from talkd.core import clock
from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS, Actor
from talkd.core.constants import MAX_GUEST_MENTIONS, MENTION_SECONDS
from talkd.core.errors import Throttled
from talkd.core.richtext import ALL, find_mentions
from talkd.storage.database import Tx

Placeholders = dict[tuple[str, str], str]
"""Which placeholder stands for a mentioned actor, by kind and id as they were written."""

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
    tx: Tx, me: Participant, text: str, others: Iterable[tuple[str, str]] = ()
) -> tuple[Placeholders, dict[str, Reference], Names]:
    """Placeholders by mentioned actor, and what they stand for. Who does not exist stays plain text.

    And what everybody is called who is mentioned or among `others`, asked for with the same statement.
    """
    wanted = find_mentions(text)
    mentioned = {(kind, _bare(kind, actor_id)) for kind, actor_id in wanted}
    names = {(me.actor.type, me.actor.id): me.actor.name}
    partner = USERS, me.room.partner_of(me.actor.id) if (ALL, ALL) in wanted else ""
    asked = {*mentioned, *others, *({partner} if partner[1] else ())} - names.keys()
    found = await people_store.list_people(tx, asked) if asked else []
    here = {key for key in mentioned if key in names}
    for kind, actor_id, name, place in found:
        is_here = place == me.room.id if kind in (GUESTS, EMAILS) else bool(place)
        if is_here:
            here.add((kind, actor_id))
        if is_here or (kind, actor_id) not in names:
            names[kind, actor_id] = name
    known = {
        (kind, actor_id): names[kind, bare]
        for kind, actor_id in wanted
        if (kind, bare := _bare(kind, actor_id)) in here
    }
    if (ALL, ALL) in wanted and (me.is_moderator or not me.room.mention_permissions):
        known[ALL, ALL] = names.get(partner, "")
    return *_number(wanted, known), names


def _bare(kind: str, actor_id: str) -> str:
    return actor_id.partition("/")[2] if kind in (GUESTS, EMAILS) else actor_id


def _number(
    wanted: list[tuple[str, str]], known: dict[tuple[str, str], str]
) -> tuple[Placeholders, dict[str, Reference]]:
    placeholders: Placeholders = {}
    references: dict[str, Reference] = {}
    counts: dict[str, int] = {}
    for kind, actor_id in wanted:
        if (kind, actor_id) not in known:
            continue
        counts[kind] = counts.get(kind, 0) + 1
        placeholder = f"{_PLACEHOLDERS[kind]}{counts[kind]}"
        placeholders[kind, actor_id] = placeholder
        name = known[kind, actor_id] or (actor_id if kind == GROUPS else "")
        references[placeholder] = Reference(_EVERYBODY if kind == ALL else kind, _bare(kind, actor_id), name)
    return placeholders, references


async def count(tx: Tx, network: str) -> None:
    """Guests mention somebody once more. Raises Throttled when those of a network have done so too often.

    By network, because whoever comes again by the link is another guest each time.
    """
    now = clock.now()
    mentions, since = await store.count_mention(tx, network, now, since=now - MENTION_SECONDS)
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
            tx, message.room_id, message.id, author=message.author, has_read=bool(reader),
            users=list(named.users), groups=list(named.groups), everybody=named.everybody,
        )  # fmt: skip
    elif reader:
        await store.mark_read(tx, message.room_id, reader, message.id)


async def renew(tx: Tx, room_id: int, message_ids: list[int]) -> None:
    """Messages are gone or changed: whoever was named last in one of them is named last in an earlier one, if any.

    It looks back over LOOK_BACK messages with references or that answer others.
    """
    affected = await mention_store.list_named_in(tx, room_id, message_ids)
    if not affected:
        return
    now = clock.now()
    messages = await mention_store.list_mentioning(tx, room_id, LOOK_BACK, now)
    answered = await store.list_messages(tx, room_id, [message.parent_id for message in messages], now)
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
