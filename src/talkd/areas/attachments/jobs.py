"""Jobs that end shares without a message or room, and that delete uploads which nobody has shared."""

import asyncio
from functools import partial

from talkd.area import Job, Runs
from talkd.areas.attachments import draft_service, service
from talkd.web.call import World


async def end_shares(world: World) -> None:
    """Look at all shares, and end those that give no access any more, one by one."""
    after = 0
    while True:
        after, invalid = await world.db.read(partial(service.list_invalid, after=after))
        if not after:
            return
        for share in invalid:  # together, they would lock rooms and folders of many users in any order
            await world.db.write(partial(service.end, share=share, waits=False))
        await asyncio.sleep(0)  # on SQLite, reading lets no other task run


async def delete_old_drafts(world: World) -> None:
    """Delete what was uploaded a week ago or earlier and never shared, file by file."""
    after, old = 0, []
    while found := await world.db.read_aside(partial(draft_service.list_old, after=after)):
        old += found
        after = found[-1].id
    for entry in old:  # after all are known, because a folder that has just changed is not looked at
        await world.db.write(partial(draft_service.remove_abandoned, old=entry))


JOBS = (
    Job("end_shares", every=60, run=end_shares, where=Runs.ONCE),
    Job("delete_old_drafts", every=6 * 3600, run=delete_old_drafts, where=Runs.ONCE),
)
