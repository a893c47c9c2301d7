"""Delete expired messages."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.chat import change_service
from talkd.web.call import World


async def delete_expired(world: World) -> None:
    """Delete the expired messages of all rooms, in portions, so that other writers can write in between."""
    for room_id in await world.db.read(change_service.list_rooms_with_expired):
        while await world.db.write(partial(change_service.delete_expired, room_id=room_id)):
            pass


JOBS = (Job("delete_expired_messages", every=10, run=delete_expired, where=Runs.ONCE),)
