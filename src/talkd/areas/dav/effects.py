"""What follows for unfinished uploads when an account is deleted."""

from talkd.areas.dav import upload_service as service
from talkd.core import events
from talkd.storage.database import Reactions, Tx


async def _remove_uploads(tx: Tx, event: events.UserDeleted) -> None:
    await service.remove_account(tx, event.user_id)


REACTIONS: Reactions = {events.UserDeleted: _remove_uploads}
"""Reactions, which run in the transaction."""
