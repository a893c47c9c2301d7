"""End the recordings of calls that are over."""

from talkd.area import Job, Runs
from talkd.areas.recording import service
from talkd.areas.recording.recorder import Recorder
from talkd.web.call import World


async def stop_after_calls(world: World) -> None:
    """Ask the recording server to end the recordings of rooms whose call is over."""
    server = world.config.server
    for room in await world.db.read(service.list_without_call):
        await world[Recorder].stop_after_call(room, server.public_url or server.url_at(server.host))


JOBS = (Job("stop_recordings", every=1, run=stop_after_calls, where=Runs.ONCE),)
