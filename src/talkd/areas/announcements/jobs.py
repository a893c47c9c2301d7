"""Follow what other processes change, such as commands."""

from functools import partial

from talkd.area import Job
from talkd.areas.announcements import service
from talkd.areas.announcements.model import Heard
from talkd.areas.capabilities.effects import load_settings
from talkd.areas.chat.feed import Feed
from talkd.areas.login.credentials import Credentials
from talkd.areas.settings import service as settings
from talkd.areas.signaling.polling import Polling
from talkd.web.call import World


async def begin(world: World) -> None:
    """Start from the present state of the database: older announcements are not followed."""
    world[Heard].announcement = await world.db.read(service.get_newest)
    await _load(world)


async def follow_others(world: World) -> None:
    """Run the after-commit effects of what others announced; forget everything if they changed more than that."""
    heard = world[Heard]
    epoch = await world.db.read(settings.get_epoch)  # first: the change is announced in the same transaction
    for announcement in await world.db.read(partial(service.list_after, known=heard.announcement)):
        heard.announcement = announcement.id
        world.db.announce(announcement.events)
    if epoch != heard.epoch:  # something else has changed, and no announcement says what
        world[Credentials].forget()
        world[Feed].clear()
        world[Polling].outdate_lists()
        await _load(world)
        world.changes.publish_everything()


async def _load(world: World) -> None:
    # The epoch first: if a setting changes between the two reads, the next run sees another epoch.
    world[Heard].epoch = await world.db.read(settings.get_epoch)
    await load_settings(world)


async def forget_old(world: World) -> None:
    """Delete old announcements that this process has followed."""
    await world.db.write(partial(service.forget_old, known=world[Heard].announcement))


JOBS = (
    Job("follow_other_processes", every=0.5, run=follow_others),
    Job("forget_announcements", every=600, run=forget_old),
)
