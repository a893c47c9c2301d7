"""Jobs that delete what nobody needs any more."""

from talkd.area import Job
from talkd.areas.files import service
from talkd.areas.files.contents import Contents
from talkd.web.call import World


async def delete_removed(world: World) -> None:
    """Delete the rest of deleted folders, then the contents without uses."""
    while await world.db.write(service.delete_portion):
        pass
    while keys := await world.db.write(service.forget_unused):
        await world[Contents].remove(keys)


JOBS = (Job("delete_removed_files", every=5, run=delete_removed),)
