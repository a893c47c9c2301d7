"""The job that describes files again whose process was ended, or for which there was no turn."""

from talkd.area import Job, Runs
from talkd.areas.pictures.describing import Describer
from talkd.web.call import World


async def describe_again(world: World) -> None:
    """Describe what could not be described, if it is time for that."""
    await world[Describer].try_again(world)


JOBS = (Job("describe_again", every=20, run=describe_again, where=Runs.EVERYWHERE),)
