"""App passwords, browser sessions and login flows."""

import re

import msgspec

from talkd.core.names import cleaned


class Browser(msgspec.Struct, frozen=True):
    """A browser session as stored, with the name and language of its account and the time of its last request."""

    user_id: str
    display_name: str
    language: str
    request_token: str
    created_at: int
    seen_at: int


class AppPassword(msgspec.Struct, frozen=True):
    """A password that one app uses instead of the account's."""

    id: int
    user_id: str
    name: str
    created_at: int
    last_used_at: int
    wipe: int


class Flow(msgspec.Struct, frozen=True):
    """A login flow v2 that an app started. `user_id` is empty until a user agrees to it in a browser."""

    poll_fingerprint: str
    login_fingerprint: str
    client_name: str
    created_at: int
    user_id: str


class StartedFlow(msgspec.Struct, frozen=True):
    """The two secrets of a new flow: one with which the app polls, one for the browser's link."""

    poll_token: str
    login_token: str


class GrantedLogin(msgspec.Struct, frozen=True):
    """The account and app password that the app gets at the end of a flow."""

    user_id: str
    app_password: str


FLOW_LIFETIME = 1200
"""Seconds from the start of a flow to its last possible poll, as apps expect (docs/api/compatibility.md)."""
MAX_NAME_LENGTH = 128
UNNAMED = "Unnamed app"
_TALK_APP = re.compile(r"\((?P<system>[^()]{1,40})\) Nextcloud-Talk v(?P<version>[\w.-]{1,30})")


def client_name_of(user_agent: str) -> str:
    """Return the name of an app, made from its User-Agent.

    Apps send the device's name in UTF-8, and HTTP libraries decode headers as Latin-1.
    """
    try:
        text = user_agent.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        text = user_agent
    talk = _TALK_APP.search(text)
    if talk is not None:
        text = f"Nextcloud Talk {talk['version']} ({talk['system']})"
    return cleaned(cleaned(text)[:MAX_NAME_LENGTH]) or UNNAMED


def local_path(address: str) -> str:
    """Return the address if it is a path on this server, otherwise the start page, so no link redirects elsewhere."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\"))
    is_plain = address.isascii() and address.isprintable() and "\\" not in address
    return address if is_local and is_plain else "/"
