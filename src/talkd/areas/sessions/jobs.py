"""Store the signs of life of sessions, and end sessions that give none."""

import structlog

from talkd.area import Job
from talkd.areas.sessions import service
from talkd.conversation.pings import Pings
from talkd.web.call import World

log = structlog.get_logger(__name__)


async def store_pings(world: World) -> None:
    """Store the signs of life that requests have noted."""
    await world[Pings].flush()


async def end_silent(world: World) -> None:
    """End the sessions that gave no sign of life for too long."""
    await store_pings(world)  # sessions with a noted sign of life are not silent
    ended = await world.db.write(service.end_silent)
    if ended:
        log.debug("sessions_expired", count=ended)


JOBS = (
    Job("store_pings", every=5, run=store_pings),
    Job("end_silent_sessions", every=10, run=end_silent),
)
