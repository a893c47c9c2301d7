"""What follows for shared files from other changes."""

from functools import partial

from talkd.area import Effects
from talkd.areas.attachments import service
from talkd.areas.pictures.describing import Describer, ensure_described
from talkd.core import events
from talkd.core.actor import USERS
from talkd.storage.database import Reactions, Tx
from talkd.web.call import World


async def _end_of_message(tx: Tx, event: events.MessageDeleted) -> None:
    await service.end_of_message(tx, event.room_id, event.message_id)


async def _end_of_sharer(tx: Tx, event: events.AttendeeRemoved) -> None:
    if event.target.type == USERS:
        await service.end_of_sharer(tx, event.room_id, event.target.id)


async def _forget_files(tx: Tx, event: events.FilesRemoved) -> None:
    await service.forget_files(tx, event.file_ids)


async def _update_messages(tx: Tx, event: events.FileChanged | events.FileDescribed) -> None:
    await service.update_messages(tx, event.file_id)


async def _describe(world: World, file_id: int) -> None:
    """Find out what messages say about the new contents of a file, if there are messages of it."""
    found = await world.db.read(partial(service.find_shared, file_id=file_id))
    if found is not None:
        await ensure_described(world, *found)


def _begin_description(world: World, event: events.FileChanged) -> None:
    world[Describer].begin(_describe(world, event.file_id))


REACTIONS: Reactions = {
    events.MessageDeleted: _end_of_message,
    events.AttendeeRemoved: _end_of_sharer,
    events.FilesRemoved: _forget_files,
    events.FileChanged: _update_messages,
    events.FileDescribed: _update_messages,
}
AT_ORIGIN: Effects = {events.FileChanged: _begin_description}
