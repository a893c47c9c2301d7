"""Keep denormalised room state in step with events. Inside the transaction."""

from talkd.areas.calls import service as calls
from talkd.areas.signaling import service as signaling
from talkd.conversation import message_store, reaction_store
from talkd.conversation.message import COUNTABLE
from talkd.core import clock, events
from talkd.storage.database import Reactions, Tx


async def _message_posted(tx: Tx, event: events.MessagePosted) -> None:
    if event.is_news:
        notifies = event.kind in COUNTABLE
        await message_store.set_newest(tx, event.room_id, event.message_id, clock.now(), notifies=notifies)


async def _message_deleted(tx: Tx, event: events.MessageDeleted) -> None:
    await reaction_store.delete_reactions(tx, event.room_id, event.message_id)


async def _attendee_removed(tx: Tx, event: events.AttendeeRemoved) -> None:
    """End the call if the last device in it was removed."""
    for session_id in event.session_ids:
        await signaling.forget_session(tx, session_id)
    if event.session_ids:
        await calls.after_removal(tx, event.room_id)


async def _session_left(tx: Tx, event: events.SessionLeft) -> None:
    await signaling.forget_session(tx, event.session_id)


REACTIONS: Reactions = {
    events.MessagePosted: _message_posted,
    events.MessageDeleted: _message_deleted,
    events.AttendeeRemoved: _attendee_removed,
    events.SessionLeft: _session_left,
}
