"""Delete signaling messages that were never fetched."""

from talkd.area import Job, Runs
from talkd.areas.signaling import service
from talkd.web.call import World


async def delete_old(world: World) -> None:
    """Delete the messages that no session has fetched in time."""
    await world.db.write(service.delete_old)


JOBS = (Job("delete_old_signaling", every=10, run=delete_old, where=Runs.ONCE),)
