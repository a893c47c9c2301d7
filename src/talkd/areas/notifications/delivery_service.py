"""Telling people: who hears of what, by his own choice and the rules of the room."""

from collections.abc import Collection, Iterable

import msgspec

from talkd.areas.mentions.model import Mentioned, mentioned_in
from talkd.areas.notifications import delivery_store, outbox_store, store
from talkd.areas.notifications.delivery_store import Told
from talkd.areas.notifications.model import About, Levels, Subject, levels_in
from talkd.areas.settings import service as settings
from talkd.areas.users import group_service as groups
from talkd.conversation import access, message_store, room_store
from talkd.conversation.message import Message
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.core.events import Notified
from talkd.storage.database import Tx

BATCH = 20
"""Messages told of in one transaction at most: each may concern a whole room."""


# --- messages -------------------------------------------------------------------------------
async def settle(tx: Tx, room_ids: list[int], at_most: int = BATCH) -> bool:
    """Tell of what was said in these rooms since the last time, `at_most` so many messages; whether that was all.

    A room remembers up to which message people were told, so that nothing is told twice and nothing is left out
    after a crash.
    """
    now = clock.now()
    await room_store.lock_rooms(tx, room_ids)
    untold = await outbox_store.list_untold(tx, room_ids, at_most, now)
    if untold:
        await _tell(tx, untold, now)
    is_all = len(untold) < at_most
    await outbox_store.settle(tx, room_ids, ABOVE_ALL_IDS if is_all else untold[-1][1].id)
    return is_all


async def settle_all(tx: Tx, room_ids: list[int]) -> None:
    """Create every notification that messages of these rooms have not created yet."""
    while room_ids and not await settle(tx, room_ids):
        pass


async def catch_up(tx: Tx, room: Room) -> None:
    """Create the notifications of what was posted in the room so far.

    For whoever is about to change who is notified (a join, a level, the lobby, a promotion): a message notifies those
    who were to be notified when it was posted. The caller holds the room.
    """
    if room.owes_notifications:
        await settle_all(tx, [room.id])


async def get_next(tx: Tx, room_id: int) -> int:
    """Return the id of the room's oldest message that nobody was notified of, or 0."""
    untold = await outbox_store.list_untold(tx, [room_id], 1, clock.now())
    return untold[0][1].id if untold else 0


async def skip(tx: Tx, room_id: int, message_id: int) -> None:
    """Notify nobody of the room's messages up to this one."""
    await room_store.lock_rooms(tx, [room_id])
    await outbox_store.settle(tx, [room_id], message_id)


async def _tell(tx: Tx, untold: list[tuple[int, Message]], now: int) -> None:
    """Of each message first those it concerns most: of what somebody was told already he is not told again."""
    default = await _get_default(tx)
    by_levels: dict[Levels, list[Message]] = {}
    for room_type, message in untold:
        by_levels.setdefault(levels_in(room_type, default), []).append(message)
    told: Told = []
    for levels, said in by_levels.items():
        answers = [message for message in said if message.parent_id]
        if answers:
            told += await delivery_store.tell_authors(tx, answers, levels.of_mentions, now)
        naming = [(message, mentioned_in(message, None)) for message in said if message.parameters]
        told += await _tell_named(tx, naming, levels.of_mentions, now)
        told += await delivery_store.tell_everybody(tx, said, Subject.CHAT, levels.of_messages, now)
    await _note(tx, told)


async def _tell_named(
    tx: Tx,
    naming: list[tuple[Message, Mentioned]],
    levels: tuple[int, ...],
    now: int,
    *,
    among: Collection[str] | None = None,
) -> Told:
    """Whoever is named in these messages, in the nearest way first; only users `among` these when they are given."""
    told: Told = []
    direct = [(message, user_id) for message, named in naming for user_id in _only(among, named.users)]
    if direct:
        told += await delivery_store.tell_some(tx, direct, Subject.MENTION_DIRECT, levels, now, even_archived=True)
    for group_id in sorted({group_id for _, named in naming for group_id in named.groups}):
        members = _only(among, await groups.list_members(tx, group_id))
        meant = [(message, member) for message, named in naming if group_id in named.groups for member in members]
        told += await delivery_store.tell_some(tx, meant, Subject.MENTION_GROUP, levels, now, details=group_id)
    to_all = [message for message, named in naming if named.everybody]
    if to_all and among is None:
        told += await delivery_store.tell_everybody(tx, to_all, Subject.MENTION_ALL, levels, now)
    elif to_all and among:
        meant = [(message, user_id) for message in to_all for user_id in among]
        told += await delivery_store.tell_some(tx, meant, Subject.MENTION_ALL, levels, now)
    return told


def _only(among: Collection[str] | None, user_ids: Iterable[str]) -> list[str]:
    return [user_id for user_id in user_ids if among is None or user_id in among]


async def follow_edit(tx: Tx, room_id: int, message_id: int, old_references: str) -> None:
    """Tell those whom a message names only now; whom it named only before is told what else it is to him, if anything.

    Who has seen the notification already is not told again.
    """
    now = clock.now()
    message = await message_store.get_message(tx, room_id, message_id, now)
    if message is None:
        return
    before = mentioned_in(msgspec.structs.replace(message, parameters=old_references), None)
    after = mentioned_in(message, None)
    gone, new = before.without(after), after.without(before)
    lost: list[str] = []
    if gone.users:
        lost += await store.delete_named(tx, room_id, message_id, sorted(gone.users))
    if gone.groups:
        lost += await store.delete_subject(tx, room_id, message_id, Subject.MENTION_GROUP, sorted(gone.groups))
    if gone.everybody:
        lost += await store.delete_subject(tx, room_id, message_id, Subject.MENTION_ALL, [""])
    if (new or lost) and not message.silent:
        levels = await _get_levels(tx, room_id)
        told = await _tell_named(tx, [(message, new)], levels.of_mentions, now)
        if lost:
            told += await _tell_named(tx, [(message, after)], levels.of_mentions, now, among=lost)
            lost_it = [(message, user_id) for user_id in lost]
            told += await delivery_store.tell_some(tx, lost_it, Subject.CHAT, levels.of_messages, now)
        await _note(tx, told)


async def tell_of_reaction(tx: Tx, room_id: int, message_id: int, actor: Actor, reaction: str) -> None:
    """Tell the author of a message of a reaction, if he wants to hear of everything."""
    levels = await _get_levels(tx, room_id)
    await _note(
        tx,
        await delivery_store.tell_of_reaction(
            tx, room_id, message_id, actor, reaction, levels.of_messages, clock.now()
        ),
    )


async def remind(tx: Tx, room_id: int, message_id: int, user_id: str) -> None:
    """Remind somebody of a message, in the place of an older reminder."""
    await store.delete_reminder(tx, room_id, user_id, message_id)
    await _announce(tx, await delivery_store.remind(tx, room_id, message_id, user_id, clock.now()))


async def _get_levels(tx: Tx, room_id: int) -> Levels:
    room = await access.lock_room(tx, room_id)
    return levels_in(room.type, await _get_default(tx))


async def _get_default(tx: Tx) -> int:
    current = TalkSettings()
    current.replace(await settings.get_all(tx))
    return current.room_defaults.notification_level


async def _note(tx: Tx, told: Told) -> None:
    """Let attendees who come back find out that there was something."""
    by_room: dict[int, list[str]] = {}
    for room_id, user_id in told:
        by_room.setdefault(room_id, []).append(user_id)
    for room_id, user_ids in by_room.items():
        await delivery_store.flag(tx, room_id, user_ids)
    await _announce(tx, told)


async def _announce(tx: Tx, told: Told) -> None:
    if told:
        await tx.emit(Notified(tuple(sorted({user_id for _, user_id in told}))))


# --- calls and invitations ------------------------------------------------------------------
async def tell_of_call(tx: Tx, room_id: int, actor: Actor, silent_for: tuple[str, ...]) -> None:
    """Notify people of a call. It replaces everybody's notification of an earlier call, and their invitations."""
    await store.delete_calls_and_invitations(tx, room_id)
    await _announce(tx, await delivery_store.tell_of_call(tx, room_id, actor, silent_for, clock.now()))


async def ring(tx: Tx, room_id: int, actor: Actor, attendee_id: int, user_id: str) -> None:
    """Call somebody into a running call, once more if need be."""
    await store.delete_about(tx, room_id, user_id, About.CALL)
    await _announce(tx, await delivery_store.ring(tx, room_id, actor, attendee_id, clock.now()))


async def invite(tx: Tx, room_id: int, actor: Actor, attendee_id: int) -> None:
    """Tell somebody that he was put into a conversation; not for those that are part of another, or of two."""
    room = await access.lock_room(tx, room_id)
    if room.is_shared and not room.is_breakout_room:
        await _announce(tx, await delivery_store.invite(tx, room_id, actor, attendee_id, clock.now()))
