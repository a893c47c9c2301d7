"""Jobs that delete old login flows and log out unused browsers."""

from functools import partial

from talkd.area import Job, Runs
from talkd.areas.login import service
from talkd.web.call import World


async def delete_old_flows(world: World) -> None:
    """Delete the login flows that were not finished in time."""
    await world.db.write(service.delete_old_flows)


async def close_lapsed_browsers(world: World) -> None:
    """Log out the browsers that were not used for the time in the setting `session_lifetime`."""
    lifetime = world.config.security.session_lifetime
    if await world.db.read(partial(service.is_any_browser_lapsed, lifetime=lifetime)):
        await world.db.write(partial(service.close_lapsed_browsers, lifetime=lifetime))


JOBS = (
    Job("delete_unfinished_logins", every=600, run=delete_old_flows, where=Runs.ONCE),
    Job("close_lapsed_browsers", every=0.5, run=close_lapsed_browsers, where=Runs.ONCE),
)
