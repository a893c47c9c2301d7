"""Figures that must agree with what they count, and what is left over of the gone. Inside the transaction."""

from typing import Any

from talkd.areas.calls import service as calls
from talkd.areas.signaling import service as signaling
from talkd.conversation import message_store, reaction_store
from talkd.conversation.message import COUNTABLE
from talkd.core import clock, events
from talkd.storage.database import Tx


async def apply(tx: Tx, event: Any) -> None:
    """A room's newest message and activity; a deleted message's reactions; a call whose last device was removed; and
    what waited for a session that has ended.
    """
    if isinstance(event, events.MessagePosted) and event.is_news:
        notifies = event.kind in COUNTABLE
        await message_store.set_newest(tx, event.room_id, event.message_id, clock.now(), notifies=notifies)
    elif isinstance(event, events.MessageDeleted):
        await reaction_store.delete_reactions(tx, event.room_id, event.message_id)
    elif isinstance(event, events.AttendeeRemoved) and event.session_ids:
        for session_id in event.session_ids:
            await signaling.forget_session(tx, session_id)
        await calls.after_removal(tx, event.room_id)
    elif isinstance(event, events.SessionLeft):
        await signaling.forget_session(tx, event.session_id)
