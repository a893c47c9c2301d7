"""Jobs that delete what nobody needs any more."""

from talkd.area import Job, Runs
from talkd.areas.files import service
from talkd.areas.files.contents import Contents
from talkd.areas.files.examination import DAY, Examination
from talkd.core import clock
from talkd.core.log import Log
from talkd.web.call import World

log = Log(__name__)

PART_SECONDS = 337
"""After so many seconds, a job looks at the next part of the storage."""


async def delete_removed(world: World) -> None:
    """Delete the rest of deleted folders, then the contents without uses."""
    while await world.db.write(service.delete_portion):
        pass
    while keys := await world.db.write(service.forget_unused):
        await world[Contents].remove(keys)


def get_part(now: float) -> str:
    """Return which part of the storage is looked at now: each of the 256 parts once a day."""
    return f"{int(now // PART_SECONDS) % 256:02x}"


async def delete_left_behind(world: World) -> None:
    """Delete what processes that died have left in a part of the storage more than a day ago."""
    examination = Examination(world.db, world[Contents].blobs, age=DAY)
    try:
        count = await examination.delete_left_behind(get_part(clock.now()))
    except OSError as error:
        log.warning("storage_failed", error=str(error))
    else:
        if count:
            log.warning("left_behind_deleted", count=count)


JOBS = (
    Job("delete_removed_files", every=5, run=delete_removed, where=Runs.ONCE),
    Job("delete_contents_left_behind", every=PART_SECONDS, run=delete_left_behind, where=Runs.ONCE),
)
