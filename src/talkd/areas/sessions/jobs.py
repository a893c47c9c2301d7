"""Store the pings of sessions, and end sessions without pings."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.sessions import service as sessions
from talkd.conversation.pings import Pings
from talkd.core.constants import SESSION_KILL
from talkd.core.log import Log
from talkd.web.call import World

log = Log(__name__)

UNSTORED = 15
"""Seconds for which pings may be only in the memory of another process: it stores them every five."""


async def store_pings(world: World) -> None:
    """Store the pings that requests have recorded in memory."""
    await world[Pings].flush()


async def end_timed_out(world: World) -> None:
    """End the sessions that have not pinged for too long."""
    await store_pings(world)  # pings in memory count
    seconds = SESSION_KILL + (UNSTORED if world.is_shared else 0)
    while ended := await world.db.write(partial(sessions.end_timed_out, seconds=seconds)):
        log.debug("sessions_expired", count=ended)


JOBS = (
    Job("store_pings", every=5, run=store_pings, where=Runs.EVERYWHERE),
    Job("end_timed_out_sessions", every=10, run=end_timed_out, where=Runs.ONCE),
)
