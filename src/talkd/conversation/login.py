"""Who is logged in, and by what."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

FRESH_LOGIN = 1800
"""Seconds for which a log-in with a browser counts as having just given the password."""


class CredentialKind(StrEnum):
    """What a caller shows to be logged in."""

    PASSWORD = "password"
    APP_PASSWORD = "app password"
    BROWSER = "browser"


class Credential(msgspec.Struct, frozen=True):
    """What a caller is logged in with.

    `secret` is the fingerprint of the app password, of the browser's cookie, or of the stored hash of the account's
    password. It changes or goes when the login ends. `name` is what the caller typed, and None if nobody asked for it.
    """

    kind: CredentialKind
    secret: str
    name: str | None = None


class Login(msgspec.Struct, frozen=True):
    """Somebody whose credentials were right. `app_password_id` is None for the account's own password."""

    user_id: str
    display_name: str
    is_admin: bool
    credential: Credential
    app_password_id: int | None = None


class BrowserSession(msgspec.Struct, frozen=True):
    """A browser that logged in by the form at `opened_at`; `request_token` proves that its own page asks (CSRF)."""

    login: Login
    request_token: str
    opened_at: int

    def is_fresh(self, now: int) -> bool:
        """Return True if the user gave their password not long ago."""
        return self.opened_at > now - FRESH_LOGIN


class Candidate(NamedTuple):
    """An account that a name can mean, and the hash of its password."""

    login: Login
    password_hash: str
