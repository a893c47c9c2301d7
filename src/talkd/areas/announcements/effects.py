"""After the commit, remember the new epoch, so that `jobs.follow_others` does not take it for an unannounced one."""

from talkd.area import Effects
from talkd.core import events
from talkd.web.call import World


def _note_epoch(world: World, event: events.CachesOutdated) -> None:
    world.epoch = event.epoch


AFTER_COMMIT: Effects = {events.CachesOutdated: _note_epoch}
