"""Forget verified credentials that may be outdated, and know all failed attempts, after the commit."""

from talkd.area import Effects
from talkd.areas.login.credentials import Credentials
from talkd.core import events
from talkd.web.call import World


def _forget_credentials(world: World, event: events.CachesOutdated) -> None:
    world[Credentials].forget(event.user_id)


def _note_attempt(world: World, event: events.AttemptCounted) -> None:
    world.throttle.note(event.action, event.subnet, event.attempts, event.first_at)


def _note_forgotten(world: World, event: events.AttemptsForgotten) -> None:
    world.throttle.note_forgotten(event.action, event.source)


AFTER_COMMIT: Effects = {
    events.CachesOutdated: _forget_credentials,
    events.AttemptCounted: _note_attempt,
    events.AttemptsForgotten: _note_forgotten,
}
