"""What apps get to read at the end of a login."""

from urllib.parse import quote

import msgspec

from talkd.areas.login.model import AppPassword, GrantedLogin, StartedFlow
from talkd.core import clock


class Poll(msgspec.Struct, frozen=True):
    """Where an app asks whether it was granted."""

    token: str
    endpoint: str


class NewFlow(msgspec.Struct, frozen=True):
    """The start of a login flow v2."""

    poll: Poll
    login: str


class Granted(msgspec.Struct, frozen=True, rename="camel"):
    """The end of a login flow v2."""

    server: str
    login_name: str
    app_password: str


class Token(msgspec.Struct, frozen=True):
    """A request token."""

    token: str


class NewAppPassword(msgspec.Struct, frozen=True):
    """An app password, told once."""

    apppassword: str


class Wipe(msgspec.Struct, frozen=True):
    """The order to erase everything. There is no opposite: iOS obeys the key whatever its value."""

    wipe: bool = True


class Device(msgspec.Struct, frozen=True):
    """A connected app as a person reads of it."""

    id: int
    name: str
    since: str
    last: str
    wipe: bool


def new_flow(started: StartedFlow, base_url: str) -> NewFlow:
    """The addresses of a flow."""
    return NewFlow(
        Poll(started.poll_token, f"{base_url}/login/v2/poll"), f"{base_url}/login/v2/flow/{started.login_token}"
    )


def granted(login: GrantedLogin, base_url: str) -> Granted:
    """What logs the app in from now on."""
    return Granted(base_url, login.user_id, login.app_password)


def app_address(base_url: str, user_id: str, password: str) -> str:
    """The address that hands a login to an app: as redirect at the end of the classic flow, and as QR code."""
    return f"nc://login/server:{base_url}&user:{quote(user_id, safe='')}&password:{quote(password, safe='')}"


def device(app: AppPassword) -> Device:
    """One line of the list of connected apps."""
    return Device(app.id, app.name, _day(app.created_at), _day(app.last_used_at), bool(app.wipe))


def _day(timestamp: int) -> str:
    days = (clock.now() - timestamp) // 86_400
    if days < 1:
        return "today"
    return "1 day ago" if days == 1 else f"{days} days ago"
