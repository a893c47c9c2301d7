"""Create the notifications of messages, and delete outdated and surplus ones."""

from talkd.area import Job, Runs
from talkd.areas.notifications.messenger import Messenger
from talkd.web.call import World


async def deliver(world: World) -> None:
    """Create the notifications of the messages that were posted since the last run."""
    await world[Messenger].deliver()


async def resume(world: World) -> None:
    """Note the rooms where an earlier process, another process or a failure left messages without notifications."""
    await world[Messenger].resume()


async def trim(world: World) -> None:
    """Delete outdated notifications of users who got new ones, and all but the newest."""
    await world[Messenger].trim()


JOBS = (
    Job("deliver_notifications", every=0.5, run=deliver, where=Runs.EVERYWHERE),
    Job("resume_notifications", every=300, run=resume, where=Runs.ONCE),
    Job("trim_notifications", every=60, run=trim, where=Runs.EVERYWHERE),
)
