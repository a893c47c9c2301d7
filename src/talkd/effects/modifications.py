"""Note what changes in the room lists of clients. Inside the transaction."""

from typing import Any

from talkd.conversation import modified_store
from talkd.core import clock, events
from talkd.core.actor import GROUPS, USERS
from talkd.storage.database import Tx

_SEEN_ANYWAY = (events.RoomCreated, events.RoomDeleted, events.SessionJoined)
"""A new room is new, a deleted one is not listed, and the list looks at the sessions of its reader itself."""


async def apply(tx: Tx, event: Any) -> None:
    """Set the modification times of the rooms in which somebody sees something different after the event."""
    if (isinstance(event, events.MessagePosted) and event.is_news) or isinstance(event, _SEEN_ANYWAY):
        return  # a new message changes the row of its room
    now = clock.now()
    if isinstance(event, events.SessionLeft):
        await modified_store.touch_attendee(tx, event.room_id, event.attendee_id, now)
    elif isinstance(event, events.RoomEvent):
        await modified_store.touch_room(tx, event.room_id, now)
    elif isinstance(event, events.ReadMarkerMoved):
        await modified_store.touch_read(tx, event.room_id, event.low, now)
    elif isinstance(event, events.ReadPrivacySet):
        await modified_store.touch_rooms_of(tx, event.user_id, now)
    elif isinstance(event, events.UserRenamed | events.UserDeleted):
        await modified_store.touch_rooms_naming(tx, USERS, event.user_id, now)
    elif isinstance(event, events.GroupRenamed | events.GroupDeleted):
        await modified_store.touch_rooms_naming(tx, GROUPS, event.group_id, now)
