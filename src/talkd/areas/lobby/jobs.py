"""Turn lobbies off when their timers expire."""

from talkd.area import Job, Runs
from talkd.areas.lobby import service
from talkd.web.call import World


async def turn_off_due(world: World) -> None:
    """Turn off the lobbies whose timer has expired."""
    if await world.db.read(service.is_any_due):
        await world.db.write(service.turn_off_due)


JOBS = (Job("turn_off_lobbies", every=1, run=turn_off_due, where=Runs.ONCE),)
