"""Jobs that finish removals. Each portion is a transaction, so other writers can work in between."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.removal import service
from talkd.web.call import World


async def delete_rooms(world: World) -> None:
    """Delete the rest of deleted rooms and cleared histories."""
    for room_id in await world.db.read(service.list_unfinished_rooms):
        while await world.db.write(partial(service.delete_room_portion, room_id=room_id)):
            pass


async def forget_accounts(world: World) -> None:
    """Remove the rest of the names of deleted accounts."""
    for user_id in await world.db.read(service.list_unfinished_accounts):
        while await world.db.write(partial(service.forget_account_portion, user_id=user_id)):
            pass


JOBS = (
    Job("delete_rooms", every=1, run=delete_rooms, where=Runs.ONCE),
    Job("forget_accounts", every=1, run=forget_accounts, where=Runs.ONCE),
)
