"""Hand mail over to the mail server."""

from talkd.area import Job, Runs
from talkd.areas.mail.postman import Postman
from talkd.web.call import World


async def resume(world: World) -> None:
    """Give up the mails that an earlier process was handing over when it was killed."""
    if world.config.sends_mail:
        await world[Postman].resume()


async def deliver(world: World) -> None:
    """Send the mail that is due."""
    if world.config.sends_mail:
        await world[Postman].deliver()


JOBS = (Job("deliver_mail", every=5, run=deliver, where=Runs.ONCE),)
