"""Logins and failed attempts as administrators see them."""

from collections.abc import Sequence

import msgspec

from talkd.areas.login.model import AppPassword, Browser
from talkd.core import clock


class LoginView(msgspec.Struct, frozen=True, rename="camel"):
    """A browser or an app that is logged in to an account."""

    kind: str
    """`browser` or `app`."""
    name: str
    """The name of the app; empty for a browser."""
    since: int
    last_used: int


class ThrottleView(msgspec.Struct, frozen=True, rename="camel"):
    """Failed attempts of an action from a source."""

    action: str
    source: str
    """A network, or for the action `account` the fingerprint of an account."""
    account: str
    """The id of that account; empty if there is none."""
    attempts: int
    seconds: int
    """Until the attempts count no more."""
    is_refused: bool
    """Whether further attempts are refused until then."""


def logins(browsers: Sequence[Browser], apps: Sequence[AppPassword]) -> list[LoginView]:
    """Return browsers and apps, the most recently used first."""
    found = [
        *(LoginView("browser", "", clock.date_of(each.created_at), clock.date_of(each.seen_at)) for each in browsers),
        *(LoginView("app", each.name, each.created_at, each.last_used_at) for each in apps),
    ]
    return sorted(found, key=lambda each: -each.last_used)
