"""How much one person may do within a time. A route declares its limit; the settings say how much it is.

Counts are kept in memory: a restart forgets them. What fails, or makes nothing new, does not count.
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from talkd.config import Config
from talkd.core import clock
from talkd.core.errors import Throttled
from talkd.core.networks import subnet_of
from talkd.core.windows import Windows

if TYPE_CHECKING:
    from talkd.web.call import Call

MINUTE, HOUR = 60, 3600


def _visitor(call: "Call[Any]") -> str | None:
    """The network of a caller without an account."""
    return subnet_of(call.caller.address) if call.caller.user_id is None else None


def _anybody(call: "Call[Any]") -> str | None:
    """The account of the caller, or the network of one without."""
    return call.caller.user_id or subnet_of(call.caller.address)


def _user(call: "Call[Any]") -> str | None:
    return call.caller.user_id


def _guest(call: "Call[Any]") -> str | None:
    """The guest in the room; nobody who has an account."""
    me = call.participant
    return f"{me.room.id} {me.attendee.id}" if me is not None and me.is_guest and call.caller.user_id is None else None


class Limit(Enum):
    """What is limited: the setting's name in the group `limits`, its seconds, and who it is that is counted."""

    GUEST_JOINS = ("guest_joins", HOUR, _visitor)
    GUEST_MESSAGES = ("guest_messages", MINUTE, _guest)
    ROOMS = ("rooms", HOUR, _user)
    APP_PASSWORDS = ("app_passwords", HOUR, _user)
    PICTURES = ("pictures", HOUR, _user)
    DRAWN_PICTURES = ("drawn_pictures", MINUTE, _anybody)

    def __init__(self, setting: str, seconds: int, who: "Callable[[Call[Any]], str | None]") -> None:
        self.setting = setting
        self.seconds = seconds
        self.who = who


class Limits:
    """Counts what people do."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._windows: Windows[tuple[Limit, str]] = Windows()

    def spend(self, limit: Limit, call: "Call[Any]") -> Callable[[], None] | None:
        """Count what the caller is about to do. Return what takes it back, or None if nothing is counted.

        Raises Throttled when it is too much.
        """
        allowed = getattr(self._config.limits, limit.setting)
        who = limit.who(call) if allowed and self._config.security.throttle else None
        if who is None:
            return None
        key = limit, who
        wait = self._windows.spend(key, allowed=allowed, seconds=limit.seconds, now=clock.steady())
        if wait:
            raise Throttled(wait)
        return lambda: self._windows.give_back(key)

    async def forget_old(self) -> None:
        """Forget what is over."""
        self._windows.forget_old(clock.steady())
