"""A job that moves pictures from the database, where older versions of talkd stored them, to the storage of files."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.avatars import picture_service as pictures
from talkd.areas.avatars.model import Owner, OwnerId
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Received
from talkd.areas.files.receiving import one_part
from talkd.core.errors import NoSpace
from talkd.core.log import Log
from talkd.web.call import World

log = Log(__name__)


async def move_pictures(world: World) -> None:
    """Move all pictures that are still in the database, each in a transaction of its own.

    A picture is in the storage before its row names it there. Until then it is shown from the database, so a process
    that dies loses nothing. Raises Unavailable if the database or the storage fails; the next run goes on.
    """
    count = 0
    for owner in Owner:
        while (old := await world.db.read(partial(pictures.find_next_old, owner=owner))) is not None:
            owner_id, image = old
            try:
                await _move(world, owner, owner_id, image)
            except NoSpace as error:
                log.warning("pictures_not_moved", reason=str(error))
                return
            count += 1
    if count:
        log.info("pictures_moved", count=count)


async def _move(world: World, owner: Owner, owner_id: OwnerId, image: bytes) -> None:
    async def store(received: Received) -> bool:
        return await world.db.write(partial(pictures.move, owner=owner, owner_id=owner_id, received=received))

    await world[Contents].begin_made().receive_for(one_part(image), store, bool)


JOBS = (Job("move_pictures", every=5, run=move_pictures, where=Runs.ONCE),)
