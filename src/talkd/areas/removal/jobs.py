"""Finish removals in portions: other writers take turns with them."""

from functools import partial

from talkd.area import Job
from talkd.areas.removal import account_service, room_service
from talkd.web.call import World


async def delete_rooms(world: World) -> None:
    """Delete the rest of deleted rooms and cleared histories."""
    for room_id in await world.db.read(room_service.list_unfinished):
        while await world.db.write(partial(room_service.delete_portion, room_id=room_id)):
            pass


async def forget_accounts(world: World) -> None:
    """Delete the rest of what deleted accounts have left."""
    for user_id in await world.db.read(account_service.list_unfinished):
        while await world.db.write(partial(account_service.forget_portion, user_id=user_id)):
            pass


JOBS = (
    Job("delete_rooms", every=1, run=delete_rooms),
    Job("forget_accounts", every=1, run=forget_accounts),
)
