"""What people may no longer do is taken from them at once. Inside the transaction."""

from typing import Any

from talkd.areas.calls import service as calls
from talkd.core import events
from talkd.core.errors import NotFound
from talkd.storage.database import Tx

_RESTRICTIONS = (
    events.LobbySet,
    events.ReadOnlySet,
    events.PermissionsSet,
    events.DefaultPermissionsSet,
    events.ModeratorDemoted,
    events.BreakoutRoomsStopped,
)


async def apply(tx: Tx, event: Any) -> None:
    """Who has to leave the call leaves it, who may not publish any more stops."""
    if not isinstance(event, _RESTRICTIONS):
        return
    try:
        await calls.enforce(tx, event.room_id)
    except NotFound:
        return  # the room went in the same transaction
