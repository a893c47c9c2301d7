"""Take from people at once what they may no longer do. Inside the transaction."""

from contextlib import suppress
from typing import Any

from talkd.areas.calls import service as calls
from talkd.areas.sessions import service as sessions
from talkd.conversation.settings import ALLOWED_GROUPS, APP
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
    """Drop or mute call participants who lost a permission. Locking a room ends no call.

    Whoever is logged out, or may not use Talk any more, has no session and is in no call.
    """
    if isinstance(event, _RESTRICTIONS):
        with suppress(NotFound):  # the room went in the same transaction
            await calls.enforce(tx, event.room_id)
    elif isinstance(event, events.CachesOutdated | events.GroupMemberRemoved):
        if event.user_id:
            await sessions.end_logged_out(tx, event.user_id)
    elif isinstance(event, events.SettingSet) and (event.app, event.key) == (APP, ALLOWED_GROUPS):
        await sessions.end_not_allowed(tx)
