"""Find the mentions of a text, and keep the mention marks of attendees in step with messages."""

from collections.abc import Collection

from talkd.areas.mentions import store
from talkd.areas.mentions.model import EVERYBODY, last_by_others, mentioned_in, newest_by_target
from talkd.areas.users import group_service as groups
from talkd.conversation import actor_store, attendee_store, message_store
from talkd.conversation.actor_store import KnownActor
from talkd.conversation.message import Message, Names, Reference
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS
from talkd.core.constants import MAX_GUEST_MENTIONS, MENTION_SECONDS
from talkd.core.errors import Throttled
from talkd.core.mentions import ALL, Target, list_meant, list_mentions, replace_mentions
from talkd.core.names import folded
from talkd.storage.database import Tx

_PLACEHOLDERS = {
    USERS: "mention-user",
    GUESTS: "mention-guest",
    EMAILS: "mention-email",
    GROUPS: "mention-group",
    ALL: "mention-call",
}
LOOK_BACK = 1_000
"""How many messages with references or parents `restore_marks` searches for an earlier mention."""


async def resolve(
    tx: Tx, me: Participant, text: str, others: Collection[tuple[str, str]] = ()
) -> tuple[str, dict[str, Reference], Names]:
    """Return the text with a placeholder for each mention, what the placeholders stand for, and display names.

    The names are those of everybody who is mentioned or among `others`. A mention of somebody who does not exist
    stays plain text. For a guest, only accounts and groups that are in the room exist: guests must not be able to
    find out which others the server has.
    """
    mentions, own = list_mentions(text), me.actor
    if not mentions and not others:
        return text, {}, {(own.type, own.id): own.name}
    wanted = {reading.target for mention in mentions for reading in mention.readings}
    # In a one-to-one room, @all is shown with the name of the other user.
    partner_id = me.room.partner_of(own.id) if (ALL, ALL) in wanted else ""
    if partner_id:
        others = {*others, (USERS, partner_id)}
    existing, names = await _find_existing(tx, me, wanted, others)
    known: dict[Target, Reference] = {}
    for target in wanted:
        actor = existing.get(_key(*_actor(target)))
        if actor is not None:
            kind, actor_id = actor
            known[target] = Reference(kind, actor_id, names[actor] or (actor_id if kind == GROUPS else ""))
    if (ALL, ALL) in wanted and me.can_mention_everybody:
        known[ALL, ALL] = Reference(EVERYBODY, ALL, names.get((USERS, partner_id), ""))
    keys = _number(text, list_meant(mentions, known))
    references = {key: known[target] for target, key in keys.items()}
    return replace_mentions(text, mentions, keys), references, names


async def _find_existing(
    tx: Tx, me: Participant, targets: Collection[Target], others: Collection[tuple[str, str]]
) -> tuple[dict[Target, tuple[str, str]], Names]:
    """Return the mentioned actors that exist for the caller, by `_key`, and the names of these and of `others`."""
    names: Names = {(me.actor.type, me.actor.id): me.actor.name}
    unnamed = {*(_actor(target) for target in targets), *others} - names.keys()
    found = await actor_store.list_actors(tx, unnamed) if unnamed else []
    existing = {_key(*actor): actor for actor in names}
    members = await _list_members(tx, me.room.id, found) if me.is_guest else None
    for each in found:
        actor = each.type, each.id
        if each.type in (GUESTS, EMAILS):
            exists = each.room_id == me.room.id
        else:
            exists = bool(each.enabled) and (members is None or actor in members)
        if exists:
            existing[_key(*actor)] = actor
        if exists or actor not in names:
            names[actor] = each.name
    return existing, names


async def _list_members(tx: Tx, room_id: int, found: list[KnownActor]) -> set[tuple[str, str]]:
    """Return the accounts and groups among `found` that are attendees of the room."""
    members = set()
    for kind in (USERS, GROUPS):
        ids = [actor.id for actor in found if actor.type == kind]
        if ids:
            members |= {(kind, each.actor_id) for each in await attendee_store.find_attendees(tx, room_id, kind, ids)}
    return members


def _actor(target: Target) -> tuple[str, str]:
    """Return type and id of the actor that a mention in a text stands for."""
    kind, name = target
    return kind, name.partition("/")[2] if kind in (GUESTS, EMAILS) else name


def _key(kind: str, actor_id: str) -> tuple[str, str]:
    """Return the key under which an actor is found: the case of user ids does not matter."""
    return kind, folded(actor_id) if kind == USERS else actor_id


def _number(text: str, targets: list[Target]) -> dict[Target, str]:
    """Return a placeholder for each target, such as mention-user1.

    A placeholder that the sender typed is skipped: it stays text and stands for nobody.
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


async def count_guest_message(tx: Tx, network: str) -> None:
    """Count one more message with mentions by a guest. Raises Throttled if guests of the network sent too many.

    The count is for the network, because a guest who opens the room's link again is a new guest.
    """
    now = clock.steady()
    counted = await message_store.count_mention(tx, network, now, since=now - MENTION_SECONDS)
    if counted.number > MAX_GUEST_MENTIONS:
        raise Throttled(counted.since + MENTION_SECONDS - now, "mentions")


async def mark_mentioned(tx: Tx, message: Message, parent: Message | None = None, *, reader: int = 0) -> None:
    """Mark everybody whom the message mentions, except its author. The room list shows the mark.

    `reader` is the attendee id of an author whose read marker moves to the message, in the same statement.
    """
    mentioned = mentioned_in(message, parent)
    if mentioned:
        await store.mark_mentioned(
            tx,
            message.room_id,
            message.id,
            author=message.author,
            has_read=bool(reader),
            users=list(mentioned.users),
            groups=list(mentioned.groups),
            everybody=mentioned.everybody,
        )
    elif reader:
        await message_store.mark_read(tx, message.room_id, reader, message.id)


async def restore_marks(tx: Tx, room_id: int, message_ids: list[int]) -> None:
    """Move marks from these messages, which were deleted, to the newest earlier message that mentions the attendee.

    Only the newest LOOK_BACK messages with references or parents are searched.
    """
    affected = await store.list_marked(tx, room_id, message_ids)
    if not affected:
        return
    now = clock.now()
    messages = await store.list_mentioning(tx, room_id, LOOK_BACK, now)
    parents = await message_store.list_messages(tx, room_id, [message.parent_id for message in messages], now)
    newest = newest_by_target((message, mentioned_in(message, parents.get(message.parent_id))) for message in messages)
    groups_of = await groups.get_groups_of(tx, [attendee.actor_id for attendee in affected])
    marks: dict[tuple[int, int], list[int]] = {}
    for attendee in affected:
        indirectly = [(ALL, ALL), *((GROUPS, group_id) for group_id in groups_of.get(attendee.actor_id, ()))]
        direct = last_by_others(newest, attendee.actor, [(USERS, attendee.actor_id)])
        indirect = last_by_others(newest, attendee.actor, indirectly)
        marks.setdefault((max(direct, indirect), direct), []).append(attendee.id)
    for (last, last_direct), attendee_ids in marks.items():
        await store.set_marks(tx, room_id, attendee_ids, last, last_direct)
