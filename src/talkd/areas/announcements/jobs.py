"""Follow the changes of other processes, such as commands, and know which of them live."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.announcements import service
from talkd.areas.announcements.model import Followed, decode
from talkd.areas.announcements.telling import EVENTS
from talkd.areas.capabilities.effects import load_settings
from talkd.areas.login.credentials import Credentials
from talkd.areas.notifications.messenger import Messenger
from talkd.areas.settings import clock_service
from talkd.areas.settings import service as settings
from talkd.bus.others import Others, Process
from talkd.storage.database import DatabaseInUse
from talkd.web.call import World


async def prepare(world: World) -> None:
    """Continue the steady scale, and skip the ids that may have been used, before the first use of both.

    If other processes serve the database, they have done so, and this one follows their scale.
    """
    others = [] if world[Others].is_alone else list(await _find_living(world))
    if others:
        await world.db.read(partial(service.follow_scale, process_ids=others))
        return
    await world.db.skip_ids()
    await world.db.write(clock_service.keep_scale)


async def begin(world: World) -> None:
    """Connect to the other processes, and read the current state of the database.

    Older announcements are part of it and are not followed. Raises DatabaseInUse if there are processes on another bus.
    """
    others = world[Others]
    if not others.is_alone:
        others.on(EVENTS, lambda _sender, content: world.db.follow(decode(content)))
        await others.open(await world.db.write(service.get_installation))
        await _require_one_bus(world)
    world[Followed].announcement = await world.db.read(service.get_newest)
    await _load(world)


async def _require_one_bus(world: World) -> None:
    others = world[Others]
    living = await _find_living(world)
    others.look(living)
    for each in living.values():
        if each.bus != others.bus_name:
            raise DatabaseInUse(
                f"the talkd on {each.place} serves this database with another bus, so the two would not hear each "
                "other: give all of them the same --bus"
            )
    await world.db.write(partial(service.enter, me=others.myself))


async def end(world: World) -> None:
    """Tell the others that this process ends, and has told everything."""
    others = world[Others]
    if not others.is_alone:
        await world.db.write(partial(service.forget_processes, process_ids=[others.me]))
        others.depart()
        await store_parcels(world)


async def _find_living(world: World) -> dict[int, Process]:
    """Return the other processes that are connected to the database. Raises Unavailable.

    When PostgreSQL restarts or hands over, all lose their connections, and get new ones one after another. So only
    those count as dead that have had none at the last look either.
    """
    others = world[Others]
    serving = await world.db.list_serving()
    found = await world.db.read(service.list_processes)
    absent = frozenset(each.id for each in found if each.id not in serving)
    dead, others.doubted = absent & others.doubted, absent
    if dead and world.db.leads:
        await world.db.write(partial(service.forget_processes, process_ids=list(dead)))
    alive = serving | (others.living.keys() - dead)
    return {each.id: each for each in found if each.id in alive and each.id != others.me}


async def look_at_others(world: World) -> None:
    """Store how much this process has told, and compare what the others have told with what has arrived."""
    others = world[Others]
    if others.is_alone:
        return
    await world.db.write(partial(service.enter, me=others.myself))
    if others.look(await _find_living(world)):
        await world.throttle.load()
        if world.db.leads:
            await world[Messenger].resume()


async def store_parcels(world: World) -> None:
    """Store the messages for other processes that the bus does not carry. If that fails, they are kept."""
    kept = world[Others].kept
    if not kept:
        return
    parcels = kept.take_all()
    try:
        await world.db.write(partial(service.store_parcels, parcels=parcels))
    except BaseException:  # a stop cancels this
        kept.put_back(parcels)
        raise


async def follow_others(world: World) -> None:
    """Run the after-commit effects of what other processes stored.

    If the epoch in the database is still another one, a change was not announced: forget what is in memory, read the
    settings again, and wake all waiting requests.
    """
    followed = world[Followed]
    # The epoch first: a new one is announced in the same transaction.
    epoch = await world.db.read(settings.get_epoch)
    for announcement in await world.db.read(partial(service.list_after, known=followed.announcement)):
        followed.announcement = announcement.id
        world.db.follow(announcement.events, acts=world.db.leads)
        for parcel in announcement.parcels:
            world[Others].receive(parcel)
    if epoch != world.epoch:
        world[Credentials].forget()
        await _load(world)
        for forget in world[Others].when_missed:
            forget()


async def _load(world: World) -> None:
    # The epoch first: if a setting changes between the two reads, the next run sees another epoch.
    world.epoch = await world.db.read(settings.get_epoch)
    await load_settings(world)


async def forget_old(world: World) -> None:
    """Delete old announcements that this process has followed."""
    await world.db.write(partial(service.forget_old, known=world[Followed].announcement))


JOBS = (
    Job("follow_other_processes", every=0.5, run=follow_others, where=Runs.EVERYWHERE),
    Job("store_parcels", every=0.25, run=store_parcels, where=Runs.EVERYWHERE),
    Job("look_at_other_processes", every=1, run=look_at_others, where=Runs.EVERYWHERE),
    Job("forget_announcements", every=60, run=forget_old, where=Runs.ONCE),
)
