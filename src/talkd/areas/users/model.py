"""Accounts, groups and the rules for their fields."""

import re
from typing import Any

import msgspec

from talkd.areas.mail.address_model import is_address
from talkd.core.errors import Rejected
from talkd.core.names import cleaned

ADMIN_GROUP = "admin"
"""Members of this group administer the server."""

_USER_ID_CHARACTERS = re.compile(r"[a-zA-Z0-9 _.@\-']+")
_LANGUAGE_FORM = re.compile(r"[a-zA-Z]{2,3}([_-][a-zA-Z0-9]{2,8}){0,2}")
_TIMEZONE_FORM = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+){0,2}")

MAX_USER_ID_LENGTH = 64
MAX_NAME_LENGTH = 64
MAX_PROFILE_LENGTH = 2_000
MAX_GROUP_ID_LENGTH = 64

# The codes of the provisioning API; what each means depends on the operation.
INVALID = 101
EXISTS = 102
NO_GROUP = 104
WEAK_PASSWORD = 107
NO_PASSWORD = 108
UNKNOWN_KEY = 113
NOT_YOURS = 998
"""The account does not exist, or the caller may not see it."""

PROFILE_FIELDS = (
    "phone",
    "address",
    "website",
    "twitter",
    "bluesky",
    "fediverse",
    "organisation",
    "role",
    "headline",
    "biography",
    "profile_enabled",
    "pronouns",
)
"""Optional fields of a profile, in the order of the API."""
LOGIN_FIELDS = ("password", "email")
"""Fields that users log in with."""
EDITABLE_FIELDS = ("displayname", "email", *PROFILE_FIELDS)

LOCAL_SCOPE = "v2-local"
FEDERATED_SCOPE = "v2-federated"
SCOPES = frozenset({"v2-private", LOCAL_SCOPE, FEDERATED_SCOPE, "v2-published"})
DEFAULT_SCOPES = {
    "avatarScope": FEDERATED_SCOPE,
    "emailScope": FEDERATED_SCOPE,
    "displaynameScope": FEDERATED_SCOPE,
    **{f"{field}Scope": LOCAL_SCOPE for field in PROFILE_FIELDS},
    "pronounsScope": FEDERATED_SCOPE,
}
"""Who may see a field by default. talkd only stores what users choose: it publishes no profiles."""


class Account(msgspec.Struct, frozen=True):
    """An account. `profile` is a JSON object with the optional profile fields, or empty."""

    id: str
    display_name: str
    email: str
    password_hash: str
    enabled: int
    created_at: int
    first_login_at: int
    last_login_at: int
    language: str
    locale: str
    timezone: str
    profile: str
    avatar_version: int
    read_privacy: int
    typing_privacy: int

    def profile_fields(self) -> dict[str, str]:
        """Return the profile fields and scopes that were set."""
        fields: dict[str, str] = msgspec.json.decode(self.profile) if self.profile else {}
        return fields


class Group(msgspec.Struct, frozen=True):
    """A group of accounts."""

    id: str
    display_name: str


class GroupSize(msgspec.Struct, frozen=True):
    """A group with its number of members and of disabled members."""

    id: str
    display_name: str
    members: int
    disabled: int


class Member(msgspec.Struct, frozen=True):
    """An account in a group."""

    id: str
    display_name: str
    enabled: bool


class Suggestion(msgspec.Struct, frozen=True):
    """An account, group or e-mail address to invite. `kind` is its actor type."""

    kind: str
    id: str
    label: str


def require_user_id(user_id: str) -> None:
    """Raises Rejected if an account cannot have this id."""
    if not user_id.strip():
        raise Rejected(INVALID, "A valid Login must be provided")
    if not _USER_ID_CHARACTERS.fullmatch(user_id):
        raise Rejected(
            INVALID,
            'Only the following characters are allowed in an Login: "a-z", "A-Z", "0-9", spaces and "_.@-\'"',
        )
    if user_id != user_id.strip():
        raise Rejected(INVALID, "Login contains whitespace at the beginning or at the end")
    if not user_id.strip("."):
        raise Rejected(INVALID, "Login must not consist of dots only")
    if len(user_id) > MAX_USER_ID_LENGTH:
        raise Rejected(INVALID, f"Login is too long: {MAX_USER_ID_LENGTH} characters are allowed")


def require_display_name(name: str) -> str:
    """Return the display name without invisible characters. Raises Rejected if it is too long."""
    name = cleaned(name)
    if len(name) > MAX_NAME_LENGTH:
        raise Rejected(INVALID, f"Invalid displayname: {MAX_NAME_LENGTH} characters are allowed")
    return name


def require_group_id(group_id: str) -> None:
    """Raises Rejected if a group cannot have this id. Ids are shown as names and appear in paths."""
    is_clean = cleaned(group_id) == group_id and group_id.strip(".") != ""
    if not is_clean or len(group_id) > MAX_GROUP_ID_LENGTH:
        raise Rejected(INVALID, "Invalid group name")


def changed(account: Account, key: str, value: str) -> dict[str, Any]:
    """Return the columns that change when a field of an account is set, with their new values.

    `key` is the name in the API: displayname (or display), email, language, locale, timezone, a profile field, or the
    scope of a field. Raises Rejected for invalid values (101) and unknown keys (113).
    """
    if key in ("displayname", "display"):
        return {"display_name": require_display_name(value) or account.id}
    if key == "email":
        if value and not is_address(value):
            raise Rejected(INVALID, "Invalid email")
        return {"email": value}
    if key in ("language", "locale"):
        if not _LANGUAGE_FORM.fullmatch(value) and not (key == "locale" and not value):
            raise Rejected(INVALID, f"Invalid {key}")
        return {key: value}
    if key == "timezone":
        if value and not (len(value) <= MAX_NAME_LENGTH and _TIMEZONE_FORM.fullmatch(value)):
            raise Rejected(INVALID, "Invalid timezone")
        return {key: value}
    return {"profile": _changed_profile(account, key, value)}


def _changed_profile(account: Account, key: str, value: str) -> str:
    if key in DEFAULT_SCOPES:
        if value not in SCOPES:
            raise Rejected(INVALID, f"Invalid scope: one of {', '.join(sorted(SCOPES))} is allowed")
    elif key == "profile_enabled":
        if value not in ("0", "1"):
            raise Rejected(INVALID, "profile_enabled is 0 or 1")
    elif key not in PROFILE_FIELDS:
        raise Rejected(UNKNOWN_KEY)
    elif len(value) > MAX_PROFILE_LENGTH:
        raise Rejected(INVALID, f"{key} may have at most {MAX_PROFILE_LENGTH} characters")
    return msgspec.json.encode({**account.profile_fields(), key: value}).decode()
