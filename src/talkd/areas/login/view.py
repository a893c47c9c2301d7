"""Answers about logins and connected apps."""

from urllib.parse import quote

import msgspec

from talkd.areas.login.model import AppPassword, GrantedLogin, StartedFlow
from talkd.core import clock


class Poll(msgspec.Struct, frozen=True):
    """Where an app asks whether the user has agreed."""

    token: str
    endpoint: str


class NewFlow(msgspec.Struct, frozen=True):
    """A started login flow v2."""

    poll: Poll
    login: str


class Granted(msgspec.Struct, frozen=True, rename="camel"):
    """A finished login flow v2."""

    server: str
    login_name: str
    app_password: str


class Token(msgspec.Struct, frozen=True):
    """A request token."""

    token: str


class NewAppPassword(msgspec.Struct, frozen=True):
    """A new app password."""

    apppassword: str


class Wipe(msgspec.Struct, frozen=True):
    """Tells an app to erase its data. Never send it with False: iOS ignores the value (docs/api/compatibility.md)."""

    wipe: bool = True


class Device(msgspec.Struct, frozen=True):
    """A connected app as the start page shows it. `since` and `last` are whole days before now."""

    id: int
    name: str
    since: int
    last: int
    wipe: bool


def new_flow(started: StartedFlow, base_url: str) -> NewFlow:
    """Return the addresses of a new flow."""
    return NewFlow(
        Poll(started.poll_token, f"{base_url}/login/v2/poll"), f"{base_url}/login/v2/flow/{started.login_token}"
    )


def granted(login: GrantedLogin, base_url: str) -> Granted:
    """Return the server, account and app password with which the app logs in."""
    return Granted(base_url, login.user_id, login.app_password)


def app_address(base_url: str, user_id: str, password: str) -> str:
    """Return the address that contains a login for an app: the redirect of the classic flow, or a QR code."""
    return f"nc://login/server:{base_url}&user:{quote(user_id, safe='')}&password:{quote(password, safe='')}"


def device(app: AppPassword) -> Device:
    """Return one line of the list of connected apps."""
    return Device(app.id, app.name, _days(app.created_at), _days(app.last_used_at), bool(app.wipe))


def _days(timestamp: int) -> int:
    return max(0, clock.now() - timestamp) // 86_400
