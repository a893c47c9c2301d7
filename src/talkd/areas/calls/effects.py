"""Keep calls in step with the permissions and sessions of participants, in the transaction of the event."""

from contextlib import suppress

from talkd.areas.calls import service
from talkd.core import events
from talkd.core.errors import NotFound
from talkd.storage.database import Reactions, Tx


async def _enforce_permissions(tx: Tx, event: events.RoomEvent) -> None:
    """Drop or mute call participants who lost a permission. Locking a room ends no call."""
    with suppress(NotFound):  # the room was deleted in the same transaction
        await service.enforce_permissions(tx, event.room_id)


async def _end_if_empty(tx: Tx, event: events.AttendeeRemoved) -> None:
    """End the call if the last session in it was of the removed attendee."""
    if event.session_ids:
        await service.end_if_empty(tx, event.room_id)


REACTIONS: Reactions = {
    events.LobbySet: _enforce_permissions,
    events.PermissionsSet: _enforce_permissions,
    events.DefaultPermissionsSet: _enforce_permissions,
    events.ModeratorDemoted: _enforce_permissions,
    events.BreakoutRoomsStopped: _enforce_permissions,
    events.AttendeeRemoved: _end_if_empty,
}
