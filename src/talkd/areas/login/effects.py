"""Forget verified credentials that may be outdated, after the commit."""

from talkd.area import Effects
from talkd.areas.login.credentials import Credentials
from talkd.core import events
from talkd.web.call import World


def _forget_credentials(world: World, event: events.CachesOutdated) -> None:
    world[Credentials].forget(event.user_id)


AFTER_COMMIT: Effects = {events.CachesOutdated: _forget_credentials}
