"""Deliver reminders that are due."""

from talkd.area import Job, Runs
from talkd.areas.reminders import service
from talkd.web.call import World


async def deliver_due(world: World) -> None:
    """Create the notifications of all reminders that are due."""
    while await world.db.read(service.is_any_due):
        await world.db.write(service.deliver_due)


JOBS = (Job("deliver_reminders", every=1, run=deliver_due, where=Runs.ONCE),)
