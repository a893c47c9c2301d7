"""End the sessions of users who are logged out or may no longer use Talk, in the transaction of the event."""

from talkd.areas.sessions import service as sessions
from talkd.conversation.settings import ALLOWED_GROUPS, APP
from talkd.core import events
from talkd.storage.database import Reactions, Tx


async def _end_logged_out(tx: Tx, event: events.CachesOutdated | events.GroupMemberRemoved) -> None:
    if event.user_id:
        await sessions.end_logged_out(tx, event.user_id)


async def _end_not_allowed(tx: Tx, event: events.SettingSet) -> None:
    if (event.app, event.key) == (APP, ALLOWED_GROUPS):
        await sessions.end_not_allowed(tx)


REACTIONS: Reactions = {
    events.CachesOutdated: _end_logged_out,
    events.GroupMemberRemoved: _end_logged_out,
    events.SettingSet: _end_not_allowed,
}
