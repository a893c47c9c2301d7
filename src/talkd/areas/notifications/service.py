"""What a user is told, until he has seen it."""

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import outbox_store, store
from talkd.areas.notifications.model import MAX_ASKED, MAX_KEPT, MAX_SHOWN, About, Entry, Listing, Subject
from talkd.conversation import people_store, room_store
from talkd.conversation.message import named
from talkd.conversation.participant import Participant
from talkd.core import clock
from talkd.core.actor import GROUPS, USERS
from talkd.core.errors import NULL, Invalid, NotFound
from talkd.storage.database import Tx


async def list_newest(tx: Tx, user_id: str) -> Listing:
    """What is to be told, newest first. What was read or is gone is not."""
    return await _complete(tx, await store.list_newest(tx, user_id, MAX_SHOWN, clock.now()))


async def get(tx: Tx, user_id: str, notification_id: int) -> Listing:
    """One notification. Raises NotFound without a reason."""
    entry = await store.find(tx, user_id, notification_id, clock.now())
    if entry is None:
        raise NotFound(data=NULL)
    return await _complete(tx, [entry])


async def list_existing(tx: Tx, user_id: str, notification_ids: list[int]) -> list[int]:
    """Which of these notifications are still to be told. Raises Invalid for more than can be asked for at once."""
    if len(notification_ids) > MAX_ASKED:
        raise Invalid
    return await store.list_existing(tx, user_id, notification_ids, clock.now())


async def dismiss(tx: Tx, user_id: str, notification_id: int) -> None:
    """The user has seen it. Nothing happens when it is gone already."""
    await store.delete(tx, user_id, notification_id)


async def dismiss_all(tx: Tx, user_id: str) -> None:
    """Dismiss every notification of the user, also those that messages have not created yet."""
    await delivery.settle_all(tx, await outbox_store.list_waiting_for(tx, user_id))
    await store.delete_all(tx, user_id)


async def dismiss_messages(tx: Tx, me: Participant) -> None:
    """The user has opened the conversation: what was said there need not be told any more."""
    await room_store.lock_rooms(tx, [me.room.id])  # so that no notification is created between the two
    await delivery.catch_up(tx, me.room)
    await store.clear_flag(tx, me.room.id, me.attendee.id)
    await store.delete_about(tx, me.room.id, me.actor.id, About.CHAT)


async def tidy(tx: Tx, user_ids: list[str]) -> None:
    """Clean up after these users what nobody is told any more, and what is too much."""
    await store.delete_outdated(tx, user_ids, kept=MAX_KEPT, now=clock.now())


async def _complete(tx: Tx, entries: list[Entry]) -> Listing:
    """With what everybody is called now: who did it, who is named, and with whom one talks alone."""
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
    return Listing(entries, await people_store.get_names(tx, actors))
