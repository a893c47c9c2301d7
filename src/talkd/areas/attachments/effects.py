"""What follows for shared files from other changes, in the same transaction."""

from talkd.areas.attachments import service
from talkd.core import events
from talkd.core.actor import USERS
from talkd.storage.database import Reactions, Tx


async def _end_of_message(tx: Tx, event: events.MessageDeleted) -> None:
    await service.end_of_message(tx, event.room_id, event.message_id)


async def _end_of_sharer(tx: Tx, event: events.AttendeeRemoved) -> None:
    if event.target.type == USERS:
        await service.end_of_sharer(tx, event.room_id, event.target.id)


async def _forget_files(tx: Tx, event: events.FilesRemoved) -> None:
    await service.forget_files(tx, event.file_ids)


async def _update_messages(tx: Tx, event: events.FileChanged) -> None:
    await service.update_messages(tx, event.file_id)


REACTIONS: Reactions = {
    events.MessageDeleted: _end_of_message,
    events.AttendeeRemoved: _end_of_sharer,
    events.FilesRemoved: _forget_files,
    events.FileChanged: _update_messages,
}
