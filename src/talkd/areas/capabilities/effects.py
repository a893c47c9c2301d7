"""Keep the settings in memory, and the hash that reports changes to clients, in step with the stored settings.

These effects run after the commit.
"""

from talkd.area import Effects
from talkd.areas.capabilities import service
from talkd.areas.capabilities.model import Viewer
from talkd.areas.settings import service as settings
from talkd.conversation.settings import APP
from talkd.core import events
from talkd.web.call import World


async def load_settings(world: World) -> None:
    """Read all settings of Talk from the database."""
    known = world.talk_settings
    while True:
        changes = known.changes
        values = await world.db.read(settings.get_all)
        if known.changes == changes:  # otherwise a setting changed during the read, and `values` may be outdated
            break
    known.replace(values)
    _set_hash(world)


def _setting_set(world: World, event: events.SettingSet) -> None:
    if event.app == APP:
        world.talk_settings.put(event.key, event.value)
        _set_hash(world)


def _set_hash(world: World) -> None:
    world.talk_hash = service.talk_hash(world.config, world.talk_settings, Viewer())


AFTER_COMMIT: Effects = {events.SettingSet: _setting_set}
