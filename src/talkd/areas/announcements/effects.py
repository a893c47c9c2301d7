"""Note the epoch that a change of this process has begun. After the commit."""

from talkd.area import Effects
from talkd.areas.announcements.model import Heard
from talkd.core import events
from talkd.web.call import World


def _note_epoch(world: World, event: events.CachesOutdated) -> None:
    world[Heard].epoch = event.epoch


AFTER_COMMIT: Effects = {events.CachesOutdated: _note_epoch}
