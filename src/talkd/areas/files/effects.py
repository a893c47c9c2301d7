"""What follows for files when an account is deleted."""

from talkd.areas.files import service
from talkd.core import events
from talkd.storage.database import Reactions, Tx


async def _remove_files(tx: Tx, event: events.UserDeleted) -> None:
    await service.remove_account(tx, event.user_id)


REACTIONS: Reactions = {events.UserDeleted: _remove_files}
