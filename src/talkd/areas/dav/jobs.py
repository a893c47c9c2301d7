"""A job that deletes uploads that nobody finishes."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.dav import upload_service as service
from talkd.areas.files.contents import Contents
from talkd.web.call import World


async def delete_abandoned(world: World) -> None:
    """Delete the uploads without a request for a day, one by one, and those of deleted accounts."""
    last = None
    while (upload := await world.db.read(service.find_abandoned)) not in (None, last):
        remove = partial(service.remove_abandoned, upload=upload)
        await world[Contents].remove(await world.db.write(remove))
        last = upload


JOBS = (Job("delete_abandoned_uploads", every=600, run=delete_abandoned, where=Runs.ONCE),)
