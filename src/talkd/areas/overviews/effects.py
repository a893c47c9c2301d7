"""Mark rooms as changed when their entry in a room list changes, in the transaction of the event."""

from talkd.conversation import modified_store
from talkd.core import clock, events
from talkd.core.actor import GROUPS, USERS
from talkd.storage.database import Reactions, Tx


async def _room(tx: Tx, event: events.RoomEvent) -> None:
    await modified_store.touch_room(tx, event.room_id, clock.now())


async def _message(tx: Tx, event: events.MessagePosted) -> None:
    if not event.is_news:  # other messages update the row of the room, and so its modification time
        await _room(tx, event)


async def _session(tx: Tx, event: events.SessionLeft) -> None:
    await modified_store.touch_attendee(tx, event.room_id, event.attendee_id, clock.now())


async def _marker(tx: Tx, event: events.ReadMarkerMoved) -> None:
    await modified_store.touch_read(tx, event.room_id, event.low, clock.now())


async def _read_privacy(tx: Tx, event: events.ReadPrivacySet) -> None:
    await modified_store.touch_rooms_of(tx, event.user_id, clock.now())


async def _user(tx: Tx, event: events.UserRenamed | events.UserDeleted) -> None:
    await modified_store.touch_rooms_naming(tx, USERS, event.user_id, clock.now())


async def _group(tx: Tx, event: events.GroupRenamed | events.GroupDeleted) -> None:
    await modified_store.touch_rooms_naming(tx, GROUPS, event.group_id, clock.now())


_NOT_MARKED = (events.RoomCreated, events.RoomDeleted, events.SessionJoined)
"""These events need no mark: a new room has a modification time, a deleted room is not listed, and a room list looks at
the caller's sessions.
"""

REACTIONS: Reactions = {
    **{kind: _room for kind in events.list_kinds(events.RoomEvent) if kind not in _NOT_MARKED},
    events.MessagePosted: _message,
    events.SessionLeft: _session,
    events.ReadMarkerMoved: _marker,
    events.ReadPrivacySet: _read_privacy,
    events.UserRenamed: _user,
    events.UserDeleted: _user,
    events.GroupRenamed: _group,
    events.GroupDeleted: _group,
}
