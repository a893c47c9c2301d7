"""Take from people at once what they may no longer do. Inside the transaction."""

from contextlib import suppress

from talkd.areas.calls import service as calls
from talkd.areas.sessions import service as sessions
from talkd.conversation.settings import ALLOWED_GROUPS, APP
from talkd.core import events
from talkd.core.errors import NotFound
from talkd.storage.database import Reactions, Tx


async def _enforce(tx: Tx, event: events.RoomEvent) -> None:
    """Drop or mute call participants who lost a permission. Locking a room ends no call."""
    with suppress(NotFound):  # the room went in the same transaction
        await calls.enforce(tx, event.room_id)


async def _log_out(tx: Tx, event: events.CachesOutdated | events.GroupMemberRemoved) -> None:
    """End the sessions of whoever is logged out or may not use Talk any more."""
    if event.user_id:
        await sessions.end_logged_out(tx, event.user_id)


async def _allow_groups(tx: Tx, event: events.SettingSet) -> None:
    if (event.app, event.key) == (APP, ALLOWED_GROUPS):
        await sessions.end_not_allowed(tx)


REACTIONS: Reactions = {
    events.LobbySet: _enforce,
    events.PermissionsSet: _enforce,
    events.DefaultPermissionsSet: _enforce,
    events.ModeratorDemoted: _enforce,
    events.BreakoutRoomsStopped: _enforce,
    events.CachesOutdated: _log_out,
    events.GroupMemberRemoved: _log_out,
    events.SettingSet: _allow_groups,
}
