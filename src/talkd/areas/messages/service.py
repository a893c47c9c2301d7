"""Send messages and load them."""

from collections.abc import Iterable

import msgspec

from talkd.areas.mentions import service as mentions
from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import service as participants
from talkd.conversation import actor_store, message_store, posting_store, reaction_store
from talkd.conversation.message import (
    ABOUT_OLDER,
    COMMENT,
    COUNTABLE,
    FILE,
    FILE_ALONE,
    OBJECT_SHARED,
    OF_FILES,
    SYSTEM,
    Message,
    Names,
    Page,
    Reference,
    SentMessage,
    named,
    plain,
    require_text,
)
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import USERS, Actor
from talkd.core.constants import ABOVE_ALL_IDS, MAX_REFERENCE_ID_LENGTH
from talkd.core.errors import Invalid
from talkd.core.events import MessagePosted
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
    network: str = "",
) -> SentMessage:
    """Post a text message. Raises Invalid, TooLarge or Throttled.

    If the author posted the same text under the same `reference_id` before, that message is returned: a client that
    repeats a request after a lost answer does not post twice (tests/crash/test_kill.py).

    `network` is the network of a guest, whose messages with mentions are limited. The caller holds the lock of the
    room, so that messages become visible in the order of their ids.
    """
    text = require_text(text)
    room = me.room
    reference_id = reference_id[:MAX_REFERENCE_ID_LENGTH]
    me = await _rename_guest(tx, me, guest_name)
    parent = await message_store.get_message(tx, room.id, reply_to, clock.now()) if reply_to else None
    parents = {} if parent is None else {reply_to: parent}
    text, references, names = await mentions.resolve(tx, me, text, set() if parent is None else named(parent))
    draft = _draft(
        room,
        me.actor,
        COMMENT,
        text,
        references=references,
        parent_id=reply_to,
        reference_id=reference_id,
        silent=silent,
    )
    if reply_to and (parent is None or not parent.is_replyable):
        repeated = await _find_repeated(tx, me, draft)  # the parent may have been deleted between the two requests
        if repeated is None:
            raise Invalid("reply-to")
        return repeated
    await participants.ensure_both(tx, room)
    stored = await posting_store.post_message(tx, attendee_id=me.attendee.id, **_row(draft))
    if stored is None:
        repeated = await _find_repeated(tx, me, draft)
        assert repeated is not None, "the statement found it"
        return repeated
    if network and references:
        await mentions.count_guest_message(tx, network)
    message = msgspec.structs.replace(draft, id=stored.id)
    await tx.emit(MessagePosted(room.id, me.actor, message.id, COMMENT))
    await mentions.mark_mentioned(tx, message, parent, reader=0 if tx.changes_at_once else me.attendee.id)
    has_reactions = parent is not None and bool(parent.reactions)
    reactors = await reaction_store.get_reactors(tx, room.id, [reply_to], me.actor) if has_reactions else {}
    page = Page([message], parents, names, reactors)
    return SentMessage(message, page, common_read_after(me, message.id, stored.others_read))


async def _find_repeated(tx: Tx, me: Participant, draft: Message) -> SentMessage | None:
    """Return the author's message with the same reference id, text and parent, or None."""
    if not draft.reference_id:
        return None
    for message in await message_store.list_by_reference(
        tx, me.room.id, me.actor.type, me.actor.id, draft.reference_id
    ):
        if message.message == draft.message and message.parent_id == draft.parent_id:
            page = await complete(tx, me.room.id, [message], known=me.actor, viewer=me.actor)
            return SentMessage(message, page, await get_common_read(tx, me), is_new=False)
    return None


async def post_system(
    tx: Tx,
    room: Room,
    actor: Actor,
    system: str,
    *,
    details: str = "",
    references: dict[str, Reference] | None = None,
    parent_id: int = 0,
    silent: bool = False,
    announced: bool = True,
) -> Message:
    """Post the system message `system`. `details` are the parts of its text that are not actors, such as a new name.

    If not `announced`, no MessagePosted is emitted: the caller emits an event of its own.
    """
    draft = _draft(
        room, actor, SYSTEM, details, system=system, references=references or {}, parent_id=parent_id, silent=silent
    )
    return await _add(tx, actor, draft, announced=announced)


async def post(tx: Tx, room: Room, actor: Actor, text: str) -> Message:
    """Post a text message by an actor who is not an attendee, such as the server."""
    return await _add(tx, actor, _draft(room, actor, COMMENT, text, references={}))


async def share(
    tx: Tx,
    me: Participant,
    reference: Reference,
    shared_as: str,
    *,
    reference_id: str = "",
    silent: bool = False,
    guest_name: str = "",
) -> tuple[Message, bool]:
    """Post a message that shares an object, such as a poll. Lists of shared objects find it under `shared_as`.

    Return the message, and False if it was posted before under the same `reference_id`.
    """
    room = me.room
    me = await _rename_guest(tx, me, guest_name)
    reference_id = reference_id[:MAX_REFERENCE_ID_LENGTH]
    draft = _draft(
        room,
        me.actor,
        OBJECT_SHARED,
        "{object}",
        references={"object": reference},
        reference_id=reference_id,
        silent=silent,
    )
    if reference_id:
        for known in await message_store.list_by_reference(tx, room.id, me.actor.type, me.actor.id, reference_id):
            if known.kind == OBJECT_SHARED and known.parameters == draft.parameters:
                return known, False
    await participants.ensure_both(tx, room)
    message = await _add(tx, me.actor, draft, object_type=reference.type, object_id=reference.id, shared_as=shared_as)
    await message_store.mark_read(tx, room.id, me.attendee.id, message.id)
    return message, True


async def share_file(
    tx: Tx,
    me: Participant,
    file: Reference,
    shared_as: str,
    *,
    kind: str = OBJECT_SHARED,
    caption: str = "",
    reply_to: int = 0,
    reference_id: str = "",
    silent: bool = False,
) -> tuple[Message, bool]:
    """Post a message that shows a file, with a caption or alone. `shared_as` is the list that it is found in.

    Return the message, and False if it was posted before under the same `reference_id`. Raises Invalid("reply-to"),
    and TooLarge for the caption.
    """
    room, caption = me.room, caption.strip()
    text, references, _ = await mentions.resolve(tx, me, require_text(caption)) if caption else (FILE_ALONE, {}, {})
    known = await find_shared_file(tx, me, file.id, reference_id)
    if known is not None:
        return known, False
    parent = await message_store.get_message(tx, room.id, reply_to, clock.now()) if reply_to else None
    if reply_to and (parent is None or not parent.is_replyable):
        raise Invalid("reply-to")
    draft = _draft(
        room,
        me.actor,
        kind,
        text,
        references={**references, FILE: file},
        parent_id=reply_to,
        reference_id=reference_id[:MAX_REFERENCE_ID_LENGTH],
        silent=silent,
    )
    await participants.ensure_both(tx, room)
    message = await _add(tx, me.actor, draft, object_type=FILE, object_id=file.id, shared_as=shared_as)
    await message_store.mark_read(tx, room.id, me.attendee.id, message.id)
    await mentions.mark_mentioned(tx, message, parent, reader=me.attendee.id)
    return message, True


async def find_shared_file(tx: Tx, me: Participant, file_id: str, reference_id: str) -> Message | None:
    """Return the caller's message with this reference id that shows the file; any file if the id is empty."""
    if not reference_id:
        return None
    reference_id = reference_id[:MAX_REFERENCE_ID_LENGTH]
    for known in await message_store.list_by_reference(tx, me.room.id, me.actor.type, me.actor.id, reference_id):
        file = known.references().get(FILE) if known.kind in OF_FILES else None
        if file is not None and file_id in ("", file.id):
            return known
    return None


async def _rename_guest(tx: Tx, me: Participant, guest_name: str) -> Participant:
    """Return the caller, renamed to `guest_name` if they are a guest: clients send a guest's name with the message."""
    if guest_name and me.is_guest and guest_name != me.attendee.display_name:
        return await attendees.rename_guest(tx, me, guest_name)
    return me


async def _add(tx: Tx, actor: Actor, draft: Message, *, announced: bool = True, **shared: str) -> Message:
    message = msgspec.structs.replace(draft, id=await message_store.add_message(tx, **_row(draft), **shared))
    if announced:
        is_news = message.system not in ABOUT_OLDER
        if is_news:
            notifies = message.kind in COUNTABLE
            await message_store.set_newest(tx, message.room_id, message.id, clock.now(), notifies=notifies)
        await tx.emit(MessagePosted(message.room_id, actor, message.id, message.kind, is_news))
    return message


def _draft(
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
    """Return a message without an id."""
    now = clock.now()
    return Message(
        room.id,
        0,
        parent_id,
        actor.type,
        actor.id,
        actor.name,
        kind,
        system,
        text,
        _encode(references).decode() if references else "",
        reference_id,
        int(silent),
        now,
        now + room.message_expiration if room.message_expiration else 0,
        "",
        "",
        "",
        0,
        "",
    )


def _row(message: Message) -> dict[str, int | str]:
    """Return the columns of a new message."""
    return {
        "room_id": message.room_id,
        "parent_id": message.parent_id,
        "actor_type": message.actor_type,
        "actor_id": message.actor_id,
        "actor_name": message.actor_name,
        "kind": message.kind,
        "system": message.system,
        "message": message.message,
        "plain": plain(message.message, message.references()) if message.is_replyable else "",
        "parameters": message.parameters,
        "reference_id": message.reference_id,
        "countable": int(message.is_replyable),
        "silent": message.silent,
        "created_at": message.created_at,
        "expires_at": message.expires_at,
    }


# --- reading --------------------------------------------------------------------------------
async def complete(
    tx: Tx, room_id: int, messages: list[Message], *, known: Actor | None = None, viewer: Actor | None = None
) -> Page:
    """Return a page of these messages, with parents, names and reactions; at most three queries.

    The name of the `known` actor is not looked up. With `viewer`, the page holds only the reactions of that actor.
    """
    wanted = [message.parent_id for message in messages if message.parent_id]
    parents = await message_store.list_messages(tx, room_id, wanted, clock.now()) if wanted else {}
    shown = [*messages, *parents.values()]
    reacted = sorted({message.id for message in shown if message.reactions})
    reactors = await reaction_store.get_reactors(tx, room_id, reacted, viewer) if reacted else {}
    return Page(messages, parents, await get_names(tx, shown, known=known), reactors)


async def complete_sent(tx: Tx, me: Participant, message: Message, *, is_new: bool = True) -> SentMessage:
    """Return a message with everything that is needed to show it to the participant."""
    page = await complete(tx, me.room.id, [message], viewer=me.actor)
    return SentMessage(message, page, await get_common_read(tx, me), is_new)


async def get_names(tx: Tx, messages: Iterable[Message], *, known: Actor | None = None) -> Names:
    """Return the current names of all actors in these messages."""
    actors: set[tuple[str, str]] = set()
    for message in messages:
        actors |= named(message)
    if known is None:
        return await actor_store.get_names(tx, actors)
    actors.discard((known.type, known.id))
    return {(known.type, known.id): known.name, **await actor_store.get_names(tx, actors)}


async def get_history(tx: Tx, room_id: int, viewer: Actor, *, known: int, including: bool, limit: int) -> Page:
    """Return messages before `known` (0: from the newest), newest first. `including` adds the message `known`."""
    before = known + 1 if including and known > 0 else known
    messages = await message_store.list_before(tx, room_id, before if known > 0 else ABOVE_ALL_IDS, limit, clock.now())
    return await complete(tx, room_id, messages, viewer=viewer)


async def get_news(tx: Tx, room_id: int, *, known: int, limit: int) -> Page:
    """Return messages after `known`, oldest first."""
    return await complete(tx, room_id, await message_store.list_after(tx, room_id, known, limit, clock.now()))


async def get_context(tx: Tx, room_id: int, viewer: Actor, message_id: int, limit: int) -> Page:
    """Return a message with the `limit` before it, itself counted, and the `limit` after it, oldest first."""
    now = clock.now()
    before = await message_store.list_before(tx, room_id, message_id + 1, limit, now)
    after = await message_store.list_after(tx, room_id, message_id, limit, now)
    return await complete(tx, room_id, [*reversed(before), *after], viewer=viewer)


async def get_common_read(tx: Tx, me: Participant) -> int | None:
    """Return the id up to which everybody has read; None for a participant with read privacy.

    Attendees with read privacy do not count.
    """
    return await message_store.get_common_read(tx, me.room.id) if me.attendee.sees_common_read else None


def common_read_after(me: Participant, mine: int, others: int | None) -> int | None:
    """Return what `get_common_read` would return if the participant had read up to `mine`, and others to `others`."""
    if not me.attendee.sees_common_read:
        return None
    if me.actor.type != USERS:
        return others
    return mine if others is None else min(mine, others)
