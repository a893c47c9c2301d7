"""List and dismiss the notifications of a user."""

from collections.abc import Sequence

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import outbox_store, store
from talkd.areas.notifications.model import MAX_ASKED, MAX_KEPT, MAX_SHOWN, Entry, Listing, Subject
from talkd.conversation import actor_store, room_store
from talkd.conversation.message import named
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import GROUPS, USERS
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.storage.database import Tx


async def list_newest(tx: Tx, user_id: str) -> Listing:
    """Return the newest notifications, newest first, without those of messages that were read, deleted or expired."""
    return await _complete(tx, await store.list_newest(tx, user_id, MAX_SHOWN, clock.now()))


async def get(tx: Tx, user_id: str, notification_id: int) -> Listing:
    """Return one notification. Raises NotFound without a reason."""
    entry = await store.find(tx, user_id, notification_id, clock.now())
    if entry is None:
        raise NotFound(data=NULL)
    return await _complete(tx, [entry])


async def list_existing(tx: Tx, user_id: str, notification_ids: list[int]) -> list[int]:
    """Return which of these notifications still exist. Raises Invalid for more than MAX_ASKED ids."""
    if len(notification_ids) > MAX_ASKED:
        raise Invalid
    return await store.list_existing(tx, user_id, notification_ids, clock.now())


async def dismiss(tx: Tx, user_id: str, notification_id: int) -> None:
    """Delete a notification of the user. Does nothing if it does not exist."""
    await store.delete(tx, user_id, notification_id)


async def dismiss_all(tx: Tx, user_id: str) -> None:
    """Delete all notifications of the user, including the outstanding ones."""
    await delivery.notify_of_all_messages(tx, await outbox_store.list_rooms_of(tx, user_id))
    await store.delete_all(tx, user_id)


async def dismiss_messages(tx: Tx, those: Sequence[Participant]) -> None:
    """Delete the notifications of messages of users who opened a room."""
    try:
        room = await room_store.lock_room(tx, those[0].room.id)  # so that none is created between the next statements
    except NotFound:
        return
    await delivery.catch_up(tx, room)
    await store.clear_flags(tx, room.id, [me.attendee.id for me in those])
    await store.delete_of_messages(tx, room.id, [me.actor.id for me in those])


async def delete_reminder(tx: Tx, room_id: int, user_id: str, message_id: int) -> None:
    """Delete the notification that reminds the user of the message."""
    await store.delete_reminder(tx, room_id, user_id, message_id)


async def trim(tx: Tx, user_ids: list[str]) -> None:
    """Delete the notifications of these users that are not shown any more, and all but the newest MAX_KEPT."""
    await store.delete_outdated(tx, user_ids, kept=MAX_KEPT, now=clock.now())


async def _complete(tx: Tx, entries: list[Entry]) -> Listing:
    """Add the current names: of actors, mentioned users and groups, and the other user of one-to-one rooms."""
    actors: set[tuple[str, str]] = set()
    for entry in entries:
        notification, room = entry.notification, entry.me.room
        actors.add((notification.actor_type, notification.actor_id))
        if notification.subject == Subject.MENTION_GROUP:
            actors.add((GROUPS, notification.details))
        if room.is_one_to_one:
            actors.add((USERS, room.partner_of(notification.user_id)))
        if entry.message is not None:
            actors |= named(entry.message)
    return Listing(entries, await actor_store.get_names(tx, actors))
