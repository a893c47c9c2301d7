"""Logins and their credentials."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

FRESH_LOGIN = 1800
"""Seconds after a browser login during which the password need not be entered again."""


class CredentialKind(StrEnum):
    """The kinds of credentials."""

    PASSWORD = "password"
    APP_PASSWORD = "app password"
    BROWSER = "browser"


class Credential(msgspec.Struct, frozen=True):
    """The credential of a login.

    `secret` is the fingerprint of the app password, of the browser's cookie, or of the stored hash of the account's
    password. It changes or is deleted when the login ends. `name` is the login name that the caller sent, or None.
    """

    kind: CredentialKind
    secret: str
    name: str | None = None


class Login(msgspec.Struct, frozen=True):
    """A user with valid credentials. `app_password_id` is None unless they logged in with an app password."""

    user_id: str
    display_name: str
    is_admin: bool
    credential: Credential
    app_password_id: int | None = None
    language: str = ""
    """The language that the account has chosen, or an empty text."""


class BrowserSession(msgspec.Struct, frozen=True):
    """A browser that logged in on the login page at `opened_at`. `request_token` protects its requests from CSRF."""

    login: Login
    request_token: str
    opened_at: int

    def is_fresh(self, now: int) -> bool:
        """Return True if the user logged in within the last FRESH_LOGIN seconds."""
        return self.opened_at > now - FRESH_LOGIN


class Candidate(NamedTuple):
    """An account that a login name can mean, and its password hash."""

    login: Login
    password_hash: str
