"""Follow the changes of other processes, such as commands."""

from functools import partial

from talkd.area import Job
from talkd.areas.announcements import service
from talkd.areas.announcements.model import Followed
from talkd.areas.capabilities.effects import load_settings
from talkd.areas.chat.feed import Feed
from talkd.areas.login.credentials import Credentials
from talkd.areas.settings import service as settings
from talkd.areas.signaling.polling import Polling
from talkd.web.call import World


async def begin(world: World) -> None:
    """Read the current state of the database. Older announcements are part of it and are not followed."""
    world[Followed].announcement = await world.db.read(service.get_newest)
    await _load(world)


async def follow_others(world: World) -> None:
    """Run the after-commit effects of what other processes announced.

    If the epoch in the database is still another one, a change was not announced: forget what is in memory, read the
    settings again, and wake all waiting requests.
    """
    followed = world[Followed]
    # The epoch first: a new one is announced in the same transaction.
    epoch = await world.db.read(settings.get_epoch)
    for announcement in await world.db.read(partial(service.list_after, known=followed.announcement)):
        followed.announcement = announcement.id
        world.db.announce(announcement.events)
    if epoch != followed.epoch:
        world[Credentials].forget()
        world[Feed].clear()
        world[Polling].outdate_lists()
        await _load(world)
        world.changes.publish_everything()


async def _load(world: World) -> None:
    # The epoch first: if a setting changes between the two reads, the next run sees another epoch.
    world[Followed].epoch = await world.db.read(settings.get_epoch)
    await load_settings(world)


async def forget_old(world: World) -> None:
    """Delete old announcements that this process has followed."""
    await world.db.write(partial(service.forget_old, known=world[Followed].announcement))


JOBS = (
    Job("follow_other_processes", every=0.5, run=follow_others),
    Job("forget_announcements", every=600, run=forget_old),
)
