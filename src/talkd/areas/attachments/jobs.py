"""The job that ends shares whose messages have expired or were cleared, or whose rooms were deleted."""

import asyncio
from functools import partial

from talkd.area import Job
from talkd.areas.attachments import service
from talkd.web.call import World


async def end_shares(world: World) -> None:
    """Look at all shares, and end those that give no access any more, portion by portion."""
    after = 0
    while True:
        after, invalid = await world.db.read(partial(service.list_invalid, after=after))
        if not after:
            return
        if invalid:
            await world.db.write(partial(service.end_all, shares=invalid))
        await asyncio.sleep(0)  # on SQLite, reading lets no other task run


JOBS = (Job("end_shares", every=60, run=end_shares),)
