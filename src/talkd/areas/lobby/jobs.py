"""Open lobbies whose timer has run out."""

from talkd.area import Job
from talkd.areas.lobby import service
from talkd.web.call import World


async def open_due(world: World) -> None:
    """Open the lobbies whose timer has run out."""
    if await world.db.read(service.is_any_due):
        await world.db.write(service.open_due)


JOBS = (Job("open_lobbies", every=1, run=open_due),)
