"""Take from people at once what they may no longer do. Inside the transaction."""

from typing import Any

from talkd.areas.calls import service as calls
from talkd.core import events
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

_RESTRICTIONS = (
    events.LobbySet,
    events.PermissionsSet,
    events.DefaultPermissionsSet,
    events.ModeratorDemoted,
    events.BreakoutRoomsStopped,
)


async def apply(tx: Tx, event: Any) -> None:
    """Drop or mute call participants who lost a permission. Locking a room ends no call."""
    if not isinstance(event, _RESTRICTIONS):
        return
    try:
        await calls.enforce(tx, event.room_id)
    except NotFound:
        return  # the room went in the same transaction
