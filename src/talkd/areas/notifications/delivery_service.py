"""Create notifications.

Users' notification levels, the lobby and the room's type decide who gets one. The functions for messages work through
the outstanding messages of rooms; those for reactions, reminders, calls and invitations create theirs at once.
"""

from collections.abc import Collection, Iterable

import msgspec

from talkd.areas.mentions.model import Mentioned, mentioned_in
from talkd.areas.notifications import delivery_store, outbox_store, store
from talkd.areas.notifications.delivery_store import Recipient
from talkd.areas.notifications.model import About, Levels, Subject, levels_in
from talkd.areas.settings import service as settings
from talkd.areas.users import group_service as groups
from talkd.conversation import message_store, room_store
from talkd.conversation.message import Message
from talkd.conversation.room import Room
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.constants import ABOVE_ALL_IDS
from talkd.core.events import Notified
from talkd.storage.database import Tx

BATCH = 20
"""Messages in one transaction. Each may notify a whole room."""


# --- messages -------------------------------------------------------------------------------
async def notify_of_messages(tx: Tx, room_ids: list[int], at_most: int = BATCH) -> bool:
    """Create the notifications of the next `at_most` outstanding messages of these rooms. Return True if none is left.

    The rooms' `notified_id` moves in the same transaction, so a crash neither repeats nor loses a notification.
    """
    now = clock.now()
    await room_store.lock_rooms(tx, room_ids)
    outstanding = await outbox_store.list_messages(tx, room_ids, at_most, now)
    if outstanding:
        await _notify(tx, outstanding, now)
    is_all = len(outstanding) < at_most
    await outbox_store.set_notified(tx, room_ids, ABOVE_ALL_IDS if is_all else outstanding[-1][1].id)
    return is_all


async def notify_of_all_messages(tx: Tx, room_ids: list[int]) -> None:
    """Create all outstanding notifications of these rooms."""
    while room_ids and not await notify_of_messages(tx, room_ids):
        pass


async def catch_up(tx: Tx, room: Room) -> None:
    """Create the outstanding notifications of a room, which the caller has locked.

    Called before a change of who is notified (a join, a level, the lobby, a promotion), because a message notifies
    the users who were due at the time when it was posted.
    """
    if room.owes_notifications:
        await notify_of_all_messages(tx, [room.id])


async def get_oldest_outstanding(tx: Tx, room_id: int) -> int:
    """Return the id of the room's oldest outstanding message, or 0."""
    outstanding = await outbox_store.list_messages(tx, [room_id], 1, clock.now())
    return outstanding[0][1].id if outstanding else 0


async def skip_messages(tx: Tx, room_id: int, message_id: int) -> None:
    """Notify nobody of the room's messages up to this one."""
    await room_store.lock_rooms(tx, [room_id])
    await outbox_store.set_notified(tx, [room_id], message_id)


async def _notify(tx: Tx, outstanding: list[tuple[int, Message]], now: int) -> None:
    """Notify of replies first, then of mentions, then of any message: a user gets only the first for one message."""
    default = await _get_default(tx)
    by_levels: dict[Levels, list[Message]] = {}
    for room_type, message in outstanding:
        by_levels.setdefault(levels_in(room_type, default), []).append(message)
    notified: list[Recipient] = []
    for levels, messages in by_levels.items():
        replies = [message for message in messages if message.parent_id]
        if replies:
            notified += await delivery_store.notify_authors(tx, replies, levels.of_mentions, now)
        mentioning = [(message, mentioned_in(message, None)) for message in messages if message.parameters]
        notified += await _notify_mentioned(tx, mentioning, levels.of_mentions, now)
        notified += await delivery_store.notify_everybody(tx, messages, Subject.CHAT, levels.of_messages, now)
    await _flag(tx, notified)


async def _notify_mentioned(
    tx: Tx,
    mentioning: list[tuple[Message, Mentioned]],
    levels: tuple[int, ...],
    now: int,
    *,
    among: Collection[str] | None = None,
) -> list[Recipient]:
    """Notify users of mentions of themselves, then of their groups, then of everybody.

    With `among`, only these users are notified.
    """
    notified: list[Recipient] = []
    direct = [(message, user_id) for message, found in mentioning for user_id in _only(among, found.users)]
    if direct:
        notified += await delivery_store.notify_some(
            tx, direct, Subject.MENTION_DIRECT, levels, now, even_archived=True
        )
    for group_id in sorted({group_id for _, found in mentioning for group_id in found.groups}):
        members = _only(among, await groups.list_members(tx, group_id))
        pairs = [(message, member) for message, found in mentioning if group_id in found.groups for member in members]
        notified += await delivery_store.notify_some(tx, pairs, Subject.MENTION_GROUP, levels, now, details=group_id)
    to_all = [message for message, found in mentioning if found.everybody]
    if to_all and among is None:
        notified += await delivery_store.notify_everybody(tx, to_all, Subject.MENTION_ALL, levels, now)
    elif to_all and among:
        pairs = [(message, user_id) for message in to_all for user_id in among]
        notified += await delivery_store.notify_some(tx, pairs, Subject.MENTION_ALL, levels, now)
    return notified


def _only(among: Collection[str] | None, user_ids: Iterable[str]) -> list[str]:
    return [user_id for user_id in user_ids if among is None or user_id in among]


async def update_after_edit(tx: Tx, room_id: int, message_id: int, old_references: str) -> None:
    """Notify users whom an edit newly mentions, and replace the notifications of mentions that it dropped.

    A user who is no longer mentioned gets the next weaker notification that applies, if any, unless they have already
    dismissed or read the notification of the mention.
    """
    now = clock.now()
    message = await message_store.get_message(tx, room_id, message_id, now)
    if message is None:
        return
    before = mentioned_in(msgspec.structs.replace(message, parameters=old_references), None)
    after = mentioned_in(message, None)
    dropped, added = before.without(after), after.without(before)
    affected: list[str] = []
    if dropped.users:
        affected += await store.delete_direct_mentions(tx, room_id, message_id, sorted(dropped.users))
    if dropped.groups:
        affected += await store.delete_subject(tx, room_id, message_id, Subject.MENTION_GROUP, sorted(dropped.groups))
    if dropped.everybody:
        affected += await store.delete_subject(tx, room_id, message_id, Subject.MENTION_ALL, [""])
    if (added or affected) and not message.silent:
        levels = await _get_levels(tx, room_id)
        notified = await _notify_mentioned(tx, [(message, added)], levels.of_mentions, now)
        if affected:
            notified += await _notify_mentioned(tx, [(message, after)], levels.of_mentions, now, among=affected)
            pairs = [(message, user_id) for user_id in affected]
            notified += await delivery_store.notify_some(tx, pairs, Subject.CHAT, levels.of_messages, now)
        await _flag(tx, notified)


async def notify_of_reaction(tx: Tx, room_id: int, message_id: int, actor: Actor, reaction: str) -> None:
    """Notify the author of a message of a reaction, if their level notifies them of every message."""
    levels = (await _get_levels(tx, room_id)).of_messages
    now = clock.now()
    await _flag(tx, await delivery_store.notify_of_reaction(tx, room_id, message_id, actor, reaction, levels, now))


async def remind(tx: Tx, room_id: int, message_id: int, user_id: str) -> None:
    """Remind a user of a message. Replaces an earlier reminder of it."""
    await store.delete_reminder(tx, room_id, user_id, message_id)
    await _announce(tx, await delivery_store.remind(tx, room_id, message_id, user_id, clock.now()))


async def _get_levels(tx: Tx, room_id: int) -> Levels:
    room = await room_store.lock_room(tx, room_id)
    return levels_in(room.type, await _get_default(tx))


async def _get_default(tx: Tx) -> int:
    """Return the level that DEFAULT means in group and public rooms."""
    return (await settings.get_settings(tx)).room_defaults.notification_level


async def _flag(tx: Tx, notified: list[Recipient]) -> None:
    """Set `notified` of the attendees, so that opening the room dismisses their notifications. Emit `Notified`."""
    by_room: dict[int, list[str]] = {}
    for room_id, user_id in notified:
        by_room.setdefault(room_id, []).append(user_id)
    for room_id, user_ids in by_room.items():
        await delivery_store.set_flag(tx, room_id, user_ids)
    await _announce(tx, notified)


async def _announce(tx: Tx, notified: list[Recipient]) -> None:
    if notified:
        await tx.emit(Notified(tuple(sorted({user_id for _, user_id in notified}))))


# --- calls and invitations ------------------------------------------------------------------
async def notify_of_call(tx: Tx, room_id: int, actor: Actor, silent_for: tuple[str, ...]) -> None:
    """Notify the attendees of a call. Replaces their notifications of an earlier call and their invitations."""
    await store.delete_calls_and_invitations(tx, room_id)
    await _announce(tx, await delivery_store.notify_of_call(tx, room_id, actor, silent_for, clock.now()))


async def ring(tx: Tx, room_id: int, actor: Actor, attendee_id: int, user_id: str) -> None:
    """Notify one user of a running call. Replaces an earlier notification of it, so that clients ring again."""
    await store.delete_about(tx, room_id, user_id, About.CALL)
    await _announce(tx, await delivery_store.ring(tx, room_id, actor, attendee_id, clock.now()))


async def notify_of_recording(tx: Tx, room_id: int, owner: Actor, file: str) -> None:
    """Notify a user of their stored recording. `file` is its id, a slash and its name."""
    await _announce(tx, await delivery_store.notify_of_recording(tx, room_id, owner, file, clock.now()))


async def invite(tx: Tx, room_id: int, actor: Actor, attendee_id: int) -> None:
    """Notify a user who was added to a room, unless it is a breakout room or a one-to-one room."""
    room = await room_store.lock_room(tx, room_id)
    if room.has_own_members:
        await _announce(tx, await delivery_store.invite(tx, room_id, actor, attendee_id, clock.now()))
