"""Note which rooms look different in the room lists of clients. In the transaction."""

from talkd.conversation import modified_store
from talkd.core import clock, events
from talkd.core.actor import GROUPS, USERS
from talkd.storage.database import Reactions, Tx


async def _room(tx: Tx, event: events.RoomEvent) -> None:
    await modified_store.touch_room(tx, event.room_id, clock.now())


async def _message(tx: Tx, event: events.MessagePosted) -> None:
    if not event.is_news:  # a message that is news changes the row of its room anyway
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


_SEEN_ANYWAY = (events.RoomCreated, events.RoomDeleted, events.SessionJoined)
"""Room lists show a new room as new, leave out a deleted one, and always read their reader's own sessions."""

REACTIONS: Reactions = {
    **{kind: _room for kind in events.list_kinds(events.RoomEvent) if kind not in _SEEN_ANYWAY},
    events.MessagePosted: _message,
    events.SessionLeft: _session,
    events.ReadMarkerMoved: _marker,
    events.ReadPrivacySet: _read_privacy,
    events.UserRenamed: _user,
    events.UserDeleted: _user,
    events.GroupRenamed: _group,
    events.GroupDeleted: _group,
}
