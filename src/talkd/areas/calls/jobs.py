"""End calls that last too long."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.calls import service
from talkd.web.call import World


async def end_long(world: World) -> None:
    """End the calls that have lasted as long as the setting `max_call_duration` allows."""
    most = world.talk_settings.max_call_duration
    if most:
        for room_id in await world.db.read(partial(service.list_rooms_to_end, max_duration=most)):
            await world.db.write(partial(service.end_long, room_id=room_id, max_duration=most))


JOBS = (Job("end_long_calls", every=1, run=end_long, where=Runs.ONCE),)
