"""Create and delete notifications.

Calls, invitations and reactions are rare or concern few: their notifications are created in their own transaction.
Notifications of messages are created a moment later, so that a message costs the same however many users it notifies.
Each room remembers up to which message users were notified, and the messages themselves are the outbox. Clients cannot
see the delay: an operation that lists notifications, or changes who is notified, first creates the outstanding ones.
"""

from talkd.area import Effects
from talkd.areas.notifications import delivery_service as delivery
from talkd.areas.notifications import store
from talkd.areas.notifications.messenger import Messenger
from talkd.areas.notifications.model import About, occasion_of
from talkd.conversation.message import COUNTABLE
from talkd.core import events
from talkd.core.actor import USERS
from talkd.storage.database import Reactions, Tx
from talkd.web.call import World


async def _reaction_added(tx: Tx, event: events.ReactionAdded) -> None:
    await delivery.notify_of_reaction(tx, event.room_id, event.message_id, event.actor, event.reaction)


async def _reaction_revoked(tx: Tx, event: events.ReactionRevoked) -> None:
    await store.delete_reaction(tx, event.room_id, event.message_id, occasion_of(event.actor, event.reaction))


async def _message_edited(tx: Tx, event: events.MessageEdited) -> None:
    await delivery.update_after_edit(tx, event.room_id, event.message_id, event.old_references)


async def _message_deleted(tx: Tx, event: events.MessageDeleted) -> None:
    await store.delete_of_message(tx, event.room_id, event.message_id)


async def _marker_moved(tx: Tx, event: events.ReadMarkerMoved) -> None:
    if event.back_from:  # a message that was read must not notify again when the marker moves back
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


async def _recording_stored(tx: Tx, event: events.RecordingStored) -> None:
    await delivery.notify_of_recording(tx, event.room_id, event.actor, f"{event.file_id}/{event.name}")


async def _recording_dismissed(tx: Tx, event: events.RecordingDismissed) -> None:
    await store.delete_recording(tx, event.room_id, event.actor.id, event.stored_at)


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
    events.RecordingStored: _recording_stored,
    events.RecordingDismissed: _recording_dismissed,
    events.AttendeeAdded: _attendee_added,
    events.AttendeeRemoved: _attendee_removed,
    events.SessionJoined: _session_joined,
}


def _note_room(world: World, event: events.MessagePosted) -> None:
    if event.kind in COUNTABLE:
        world[Messenger].note_room(event.room_id)


def _note_notified(world: World, event: events.Notified) -> None:
    world[Messenger].note_notified(event.user_ids)


AT_ORIGIN: Effects = {
    events.MessagePosted: _note_room,
    events.Notified: _note_notified,
}
