"""Forget old signatures."""

from talkd.area import Job, Runs
from talkd.areas.signatures import service
from talkd.web.call import World


async def delete_old(world: World) -> None:
    """Delete the signatures of requests that were obeyed long ago."""
    await world.db.write(service.delete_old)


JOBS = (Job("delete_old_signatures", every=3600, run=delete_old, where=Runs.ONCE),)
