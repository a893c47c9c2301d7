"""End lobbies whose timer has run out."""

from talkd.area import Job
from talkd.areas.lobby import service
from talkd.web.call import World


async def end_due(world: World) -> None:
    """End the lobbies whose timer has run out."""
    if await world.db.read(service.is_any_due):
        await world.db.write(service.end_due)


JOBS = (Job("end_lobbies", every=1, run=end_due),)
