"""Delete the reminders of a deleted message, in the transaction of the event."""

from talkd.areas.reminders import store
from talkd.core import events
from talkd.storage.database import Reactions, Tx


async def _delete_reminders(tx: Tx, event: events.MessageDeleted) -> None:
    await store.delete_of_message(tx, event.room_id, event.message_id)


REACTIONS: Reactions = {events.MessageDeleted: _delete_reminders}
