"""Who is told of what has happened.

Calls, invitations and reactions concern few or are rare: they create their notifications in their own transaction.
Messages do so a moment later, so that a message costs the same however many are notified. Each room remembers up to
which message people were notified, and the messages themselves are the outbox. Nobody can see the delay: whoever lists
notifications, or changes who is notified, has the outstanding ones created first.
"""

import asyncio
from collections.abc import Sequence

from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import outbox, outbox_store, service, store
from talkd.areas.notifications.model import About, occasion_of
from talkd.areas.reminders import service as reminders
from talkd.areas.reminders import store as reminder_store
from talkd.conversation.message import COUNTABLE
from talkd.core import events
from talkd.core.actor import USERS
from talkd.storage.database import Database, Reactions, Tx

USERS_AT_ONCE = 20
"""Users cleaned up after in one transaction."""


async def _reaction_added(tx: Tx, event: events.ReactionAdded) -> None:
    await delivery.notify_of_reaction(tx, event.room_id, event.message_id, event.actor, event.reaction)


async def _reaction_revoked(tx: Tx, event: events.ReactionRevoked) -> None:
    await store.delete_reaction(tx, event.room_id, event.message_id, occasion_of(event.actor, event.reaction))


async def _message_edited(tx: Tx, event: events.MessageEdited) -> None:
    await delivery.update_after_edit(tx, event.room_id, event.message_id, event.old_references)


async def _message_deleted(tx: Tx, event: events.MessageDeleted) -> None:
    await store.delete_of_message(tx, event.room_id, event.message_id)
    await reminder_store.delete_of_message(tx, event.room_id, event.message_id)


async def _marker_moved(tx: Tx, event: events.ReadMarkerMoved) -> None:
    if event.back_from:  # what was read once is not told again
        await store.delete_read(tx, event.room_id, event.attendee_id, event.back_from)


async def _call_started(tx: Tx, event: events.CallStarted) -> None:
    if event.silent:
        await _call_joined(tx, event)
    else:
        await delivery.notify_of_call(tx, event.room_id, event.actor, event.silent_for)


async def _call_joined(tx: Tx, event: events.CallStarted | events.CallJoined) -> None:
    if event.actor.type == USERS:
        await store.delete_about(tx, event.room_id, event.actor.id, About.CALL)


async def _call_rung(tx: Tx, event: events.CallRung) -> None:
    await delivery.ring(tx, event.room_id, event.actor, event.attendee_id, event.target.id)


async def _attendee_added(tx: Tx, event: events.AttendeeAdded) -> None:
    if not event.quiet and not event.was_there and event.target.type == event.actor.type == USERS:
        await delivery.invite(tx, event.room_id, event.actor, event.attendee_id)


async def _attendee_removed(tx: Tx, event: events.AttendeeRemoved) -> None:
    if event.target.type == USERS:
        await store.delete_in_room(tx, event.room_id, event.target.id)


async def _session_joined(tx: Tx, event: events.SessionJoined) -> None:
    if event.actor.type == USERS:
        await store.delete_about(tx, event.room_id, event.actor.id, About.ROOM)
        await store.delete_reactions_of(tx, event.room_id, event.actor.id)


REACTIONS: Reactions = {
    events.ReactionAdded: _reaction_added,
    events.ReactionRevoked: _reaction_revoked,
    events.MessageEdited: _message_edited,
    events.MessageDeleted: _message_deleted,
    events.ReadMarkerMoved: _marker_moved,
    events.CallStarted: _call_started,
    events.CallJoined: _call_joined,
    events.CallRung: _call_rung,
    events.AttendeeAdded: _attendee_added,
    events.AttendeeRemoved: _attendee_removed,
    events.SessionJoined: _session_joined,
}


class Messenger:
    """Tells people of messages, soon after the commit."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._rooms: set[int] = set()
        self._told: set[str] = set()
        self._turn = asyncio.Lock()

    def __call__(self, happened: Sequence[events.Event]) -> None:
        """Note where something was said, and who was told something."""
        for event in happened:
            if isinstance(event, events.MessagePosted) and event.kind in COUNTABLE:
                self._rooms.add(event.room_id)
            elif isinstance(event, events.Notified):
                self._told.update(event.user_ids)

    async def resume(self) -> None:
        """Note what an earlier process has left, or another does, or what went wrong."""
        self._rooms.update(await self._db.read_aside(outbox_store.list_rooms))

    async def deliver(self) -> None:
        """Tell of everything that was said so far. What goes wrong is tried again by the next `resume`."""
        async with self._turn:
            room_ids, self._rooms = sorted(self._rooms), set()
            await outbox.deliver(self._db, room_ids)

    async def remind(self) -> None:
        """Remind whoever wanted to be reminded by now."""
        while await self._db.read(reminders.is_any_due):
            await self._db.write(reminders.deliver_due)

    async def tidy(self) -> None:
        """Keep no more of users than they can look through, of those who were told something since the last time."""
        told, self._told = sorted(self._told), set()
        for start in range(0, len(told), USERS_AT_ONCE):
            await self._tidy_after(told[start : start + USERS_AT_ONCE])

    async def _tidy_after(self, user_ids: list[str]) -> None:
        await self._db.write(lambda tx: service.tidy(tx, user_ids))
