"""Rate limits per caller. A route declares its limit, and the settings `limits` have the numbers.

Counts are kept in memory and lost by a restart. Operations that fail or create nothing new do not count. Processes tell
each other what they count, unless the limit is about the work of one process.
"""

import sys
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from talkd.config import Config
from talkd.core import clock
from talkd.core.errors import Throttled
from talkd.core.networks import subnet_of
from talkd.core.windows import Windows

if TYPE_CHECKING:
    from talkd.web.call import Call

MINUTE, HOUR = 60, 3600


def _visitor(call: "Call[Any]") -> str | None:
    """Return the network of a caller who is not logged in."""
    return subnet_of(call.caller.address) if call.caller.user_id is None else None


def _anybody(call: "Call[Any]") -> str | None:
    """Return the account of the caller, or the network of a caller who is not logged in."""
    return call.caller.user_id or subnet_of(call.caller.address)


def _user(call: "Call[Any]") -> str | None:
    return call.caller.user_id


def _guest(call: "Call[Any]") -> str | None:
    """Return the guest in the room; None for callers who are logged in."""
    me = call.participant
    return f"{me.room.id} {me.attendee.id}" if me is not None and me.is_guest and call.caller.user_id is None else None


class Limit(Enum):
    """A limit: the name of its setting, its seconds, and the function that names the caller who is counted."""

    GUEST_JOINS = ("guest_joins", HOUR, _visitor)
    GUEST_MESSAGES = ("guest_messages", MINUTE, _guest)
    ROOMS = ("rooms", HOUR, _user)
    APP_PASSWORDS = ("app_passwords", HOUR, _user)
    PICTURES = ("pictures", HOUR, _user)
    DRAWN_PICTURES = ("drawn_pictures", MINUTE, _anybody)
    PREVIEWS = ("previews", MINUTE, _anybody)

    def __init__(self, setting: str, seconds: int, counted: "Callable[[Call[Any]], str | None]") -> None:
        self.setting = setting
        self.seconds = seconds
        self.counted = counted


OF_EACH_PROCESS = frozenset({Limit.DRAWN_PICTURES, Limit.PREVIEWS})
"""Limits of work that each process does for itself. They are reached often, so the others are not told."""
COUNTED = "counted"
"""The kind of the message that an operation was counted, or that a count was undone."""


class _Counted(msgspec.Struct, frozen=True, array_like=True):
    """An operation that another process has counted; `by` is -1 if it has undone that."""

    limit: str
    caller: str
    by: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Counted).decode


class Limits:
    """Counts operations by limit and caller."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._windows: Windows[tuple[Limit, str]] = Windows()
        self.tell: Callable[[bytes], None] | None = None
        """Tells the other processes what is counted here. None if there are none."""

    def spend(self, limit: Limit, call: "Call[Any]") -> Callable[[], None] | None:
        """Count an operation. Return a function that undoes the count, or None if the limit does not apply.

        Raises Throttled above the limit.
        """
        allowed = getattr(self._config.limits, limit.setting)
        caller = limit.counted(call) if allowed and self._config.security.throttle else None
        if caller is None:
            return None
        key = limit, caller
        wait = self._windows.spend(key, allowed=allowed, seconds=limit.seconds, now=clock.steady())
        if wait:
            raise Throttled(wait)
        self._tell(limit, caller, 1)

        def give_back() -> None:
            self._windows.give_back(key)
            self._tell(limit, caller, -1)

        return give_back

    def _tell(self, limit: Limit, caller: str, by: int) -> None:
        if self.tell is not None and limit not in OF_EACH_PROCESS:
            self.tell(_encode(_Counted(limit.name, caller, by)))

    def note(self, content: bytes) -> None:
        """Count what another process has counted, even above the limit."""
        counted = _decode(content)
        limit = Limit[counted.limit]
        if counted.by > 0:
            self._windows.spend((limit, counted.caller), allowed=sys.maxsize, seconds=limit.seconds, now=clock.steady())
        else:
            self._windows.give_back((limit, counted.caller))

    async def forget_old(self) -> None:
        """Delete counts whose window has passed."""
        self._windows.forget_old(clock.steady())
