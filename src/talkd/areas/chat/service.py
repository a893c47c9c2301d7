"""Sending and reading messages."""

from collections.abc import Iterable

import msgspec

from talkd.areas.chat import store
from talkd.areas.chat.model import COMMENT, COUNTABLE, SYSTEM, Message, Names, Page, Reference, named
from talkd.areas.participants import service as participants
from talkd.areas.participants import store as attendees
from talkd.areas.participants.model import Participant
from talkd.areas.rooms.model import Room
from talkd.areas.users import group_store as groups
from talkd.areas.users import store as users
from talkd.core import clock
from talkd.core.actor import EMAILS, GROUPS, GUESTS, USERS, Actor
from talkd.core.constants import MAX_MESSAGE_LENGTH, MAX_REFERENCE_ID_LENGTH, NEVER_READ
from talkd.core.errors import Invalid, TooLarge
from talkd.core.events import MessagePosted, ReadMarkerMoved
from talkd.core.richtext import ALL, find_mentions, replace_mentions
from talkd.storage.database import Tx

_encode = msgspec.json.Encoder().encode


async def send(
    tx: Tx,
    me: Participant,
    text: str,
    *,
    reply_to: int = 0,
    reference_id: str = "",
    silent: bool = False,
    guest_name: str = "",
) -> Message:
    """Say something.

    The same text again under the same `reference_id` is the same message: a client that tries again after
    a lost answer does not say it twice (users.md; reliability.md, P6). Raises Invalid or TooLarge.
    """
    text = text.strip()
    if not text:
        raise Invalid("message")
    if len(text) > MAX_MESSAGE_LENGTH:
        raise TooLarge("message")
    room = me.room
    await attendees.lock_token(tx, room.token)  # so that ids become visible in their order (design.md, 4)
    reference_id = reference_id[:MAX_REFERENCE_ID_LENGTH]
    if guest_name and me.is_guest and guest_name != me.attendee.display_name:
        me = await participants.rename_guest(tx, me, guest_name)
    if reply_to:
        await _require_replyable(tx, room.id, reply_to)
    mentions, references = await _resolve_mentions(tx, me, text)
    shown = replace_mentions(text, mentions) if mentions else text
    if reference_id:
        for known in await store.list_by_reference(tx, room.id, me.actor.type, me.actor.id, reference_id):
            if known.message == shown and known.parent_id == reply_to and not known.system:
                return known
    await participants.ensure_both(tx, room)
    message = await _add(
        tx,
        room,
        me.actor,
        COMMENT,
        shown,
        references=references,
        parent_id=reply_to,
        reference_id=reference_id,
        silent=silent,
    )
    await store.mark_read(tx, room.id, me.attendee.id, message.id)
    await _note_mentions(tx, me, message.id, mentions)
    return message


async def post_system(
    tx: Tx,
    room: Room,
    actor: Actor,
    system: str,
    *,
    details: str = "",
    references: dict[str, Reference] | None = None,
    silent: bool = False,
) -> Message:
    """Report something in the room. `details` is what the text holds apart from people."""
    return await _add(tx, room, actor, SYSTEM, details, system=system, references=references or {}, silent=silent)


async def post(tx: Tx, room: Room, actor: Actor, text: str) -> Message:
    """Say something in the name of who is no attendee: what the server itself tells."""
    return await _add(tx, room, actor, COMMENT, text, references={})


async def _add(
    tx: Tx,
    room: Room,
    actor: Actor,
    kind: str,
    text: str,
    *,
    system: str = "",
    references: dict[str, Reference],
    parent_id: int = 0,
    reference_id: str = "",
    silent: bool = False,
) -> Message:
    now = clock.now()
    expires_at = now + room.message_expiration if room.message_expiration else 0
    parameters = _encode(references).decode() if references else ""
    message_id = await store.add_message(
        tx,
        room_id=room.id,
        parent_id=parent_id,
        actor_type=actor.type,
        actor_id=actor.id,
        actor_name=actor.name,
        kind=kind,
        system=system,
        message=text,
        parameters=parameters,
        reference_id=reference_id,
        countable=int(kind in COUNTABLE and not system),
        silent=int(silent),
        created_at=now,
        expires_at=expires_at,
    )
    await tx.emit(MessagePosted(room.id, actor, message_id, kind))
    return Message(
        room.id,
        message_id,
        parent_id,
        actor.type,
        actor.id,
        actor.name,
        kind,
        system,
        text,
        parameters,
        reference_id,
        int(silent),
        now,
        expires_at,
        "",
        "",
        "",
        0,
        "",
    )


async def _require_replyable(tx: Tx, room_id: int, message_id: int) -> Message:
    parent = await store.get_message(tx, room_id, message_id, clock.now())
    if parent is None or not parent.is_replyable:
        raise Invalid("reply-to")
    return parent


# --- mentions -------------------------------------------------------------------------------
async def _resolve_mentions(
    tx: Tx, me: Participant, text: str
) -> tuple[dict[tuple[str, str], str], dict[str, Reference]]:
    """Placeholders by mentioned actor, and what they stand for. Who does not exist stays plain text."""
    wanted = find_mentions(text)
    if not wanted:
        return {}, {}
    by_kind: dict[str, list[str]] = {}
    for kind, actor_id in wanted:
        by_kind.setdefault(kind, []).append(actor_id)
    known: dict[tuple[str, str], str] = {}
    if USERS in by_kind:
        known |= {(USERS, key): name for key, name in (await users.get_names(tx, by_kind[USERS])).items()}
    for kind in (GUESTS, EMAILS):
        if kind in by_kind:
            bare = [actor_id.partition("/")[2] for actor_id in by_kind[kind]]
            for attendee in await attendees.find_attendees(tx, me.room.id, kind, bare):
                known[kind, f"{kind[:-1]}/{attendee.actor_id}"] = attendee.display_name
    for group_id in by_kind.get(GROUPS, ()):
        group = await groups.get_group(tx, group_id)
        if group is not None:
            known[GROUPS, group_id] = group.display_name or group_id
    if (ALL, ALL) in wanted and (me.is_moderator or not me.room.mention_permissions):
        known[ALL, ALL] = ""
    return _number(wanted, known)


_PLACEHOLDERS = {
    USERS: "mention-user",
    GUESTS: "mention-guest",
    EMAILS: "mention-email",
    GROUPS: "mention-group",
    ALL: "mention-call",
}


def _number(
    wanted: list[tuple[str, str]], known: dict[tuple[str, str], str]
) -> tuple[dict[tuple[str, str], str], dict[str, Reference]]:
    placeholders: dict[tuple[str, str], str] = {}
    references: dict[str, Reference] = {}
    counts: dict[str, int] = {}
    for kind, actor_id in wanted:
        if (kind, actor_id) not in known:
            continue
        counts[kind] = counts.get(kind, 0) + 1
        placeholder = f"{_PLACEHOLDERS[kind]}{counts[kind]}"
        placeholders[kind, actor_id] = placeholder
        bare = actor_id.partition("/")[2] if kind in (GUESTS, EMAILS) else actor_id
        references[placeholder] = Reference("call" if kind == ALL else kind, bare, known[kind, actor_id])
    return placeholders, references


async def _note_mentions(tx: Tx, me: Participant, message_id: int, mentions: dict[tuple[str, str], str]) -> None:
    named_users = [actor_id for kind, actor_id in mentions if kind == USERS and actor_id != me.actor.id]
    if (ALL, ALL) in mentions:
        await store.mention_all(tx, me.room.id, message_id, me.attendee.id)
    named_groups = [actor_id for kind, actor_id in mentions if kind == GROUPS]
    if named_groups:
        await store.mention_groups(tx, me.room.id, message_id, named_groups)
    if named_users:
        await store.mention_actors(tx, me.room.id, message_id, USERS, named_users)


# --- reading --------------------------------------------------------------------------------
async def complete(tx: Tx, room_id: int, messages: list[Message], *, known: Actor | None = None) -> Page:
    """A page: the messages with what they answer and everybody's name; two statements at most.

    Whoever is `known` need not be asked for.
    """
    wanted = [message.parent_id for message in messages if message.parent_id]
    parents = await store.list_messages(tx, room_id, wanted, clock.now()) if wanted else {}
    return Page(messages, parents, await get_names(tx, [*messages, *parents.values()], known=known))


async def get_names(tx: Tx, messages: Iterable[Message], *, known: Actor | None = None) -> Names:
    """What everybody in these messages is called now."""
    actors: set[tuple[str, str]] = set()
    for message in messages:
        actors |= named(message)
    if known is None:
        return await store.get_names(tx, actors)
    actors.discard((known.type, known.id))
    return {(known.type, known.id): known.name, **await store.get_names(tx, actors)}


async def get_history(tx: Tx, room_id: int, *, known: int, including: bool, limit: int) -> Page:
    """Messages before `known` (0: from the newest), newest first."""
    before = known + 1 if including and known > 0 else known
    messages = await store.list_before(tx, room_id, before if known > 0 else 2**62, limit, clock.now())
    return await complete(tx, room_id, messages)


async def get_news(tx: Tx, room_id: int, *, known: int, including: bool, limit: int) -> Page:
    """Messages after `known`, oldest first."""
    after = known - 1 if including else known
    return await complete(tx, room_id, await store.list_after(tx, room_id, after, limit, clock.now()))


async def get_common_read(tx: Tx, room_id: int) -> int:
    """How far everybody has read, of those who let it be known."""
    return await store.get_common_read(tx, room_id)


async def mark_read(tx: Tx, me: Participant, message_id: int | None) -> None:
    """Remember that everything up to a message is read; None for all there is."""
    newest = me.room.last_message_id
    message_id = newest if message_id is None else min(message_id, newest)
    if message_id == me.attendee.last_read:
        return
    await store.mark_read(tx, me.room.id, me.attendee.id, message_id)
    await tx.emit(ReadMarkerMoved(me.room.id, me.attendee.id))


async def note_read(tx: Tx, me: Participant, message_id: int) -> None:
    """Whoever asks for what follows a message has read it. Never moves the marker back, whatever happens meanwhile."""
    message_id = min(message_id, me.room.last_message_id)
    if await store.mark_read_forward(tx, me.room.id, me.attendee.id, message_id):
        await tx.emit(ReadMarkerMoved(me.room.id, me.attendee.id))


async def mark_unread(tx: Tx, me: Participant) -> None:
    """Move the read marker so that the newest message counts as unread (api-surface.md, E)."""
    newest = await store.list_newest_countable(tx, me.room.id, clock.now())
    if len(newest) < 2:
        everything = await store.list_newest(tx, me.room.id, clock.now())
        below = newest[0] if newest else me.room.last_message_id
        older = [message_id for message_id in everything if message_id < below]
        target = older[0] if older else NEVER_READ
    else:
        target = newest[1]
    await mark_read(tx, me, target)
