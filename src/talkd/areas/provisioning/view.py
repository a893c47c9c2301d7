"""Accounts and groups as the provisioning API shows them."""

from typing import Any

from talkd.areas.files.quota_model import UNLIMITED, Space
from talkd.areas.users.model import DEFAULT_SCOPES, PROFILE_FIELDS, Account, GroupSize, Suggestion
from talkd.core.actor import USERS

NEVER = -1


def details(
    account: Account, groups: list[str], space: Space, *, own: bool, for_admin: bool, language: str
) -> dict[str, Any]:
    """Return an account. Scopes are in the caller's own account only, the storage location for administrators only.

    `language` is that of an account that has chosen none.

    The keys have the order of the real server, because some clients print them in this order.
    """
    profile = account.profile_fields()
    scopes = {key: profile.get(key, scope) for key, scope in DEFAULT_SCOPES.items()}
    values: dict[str, Any] = {
        "email": account.email or None,
        "additional_mail": [],
        "displayname": account.display_name,
        "display-name": account.display_name,
        **{field: profile.get(field, "1" if field == "profile_enabled" else "") for field in PROFILE_FIELDS},
    }
    shown: dict[str, Any] = {"enabled": bool(account.enabled)}
    if for_admin:
        shown["storageLocation"] = ""
    shown |= {
        "id": account.id,
        "firstLoginTimestamp": account.first_login_at or NEVER,
        "lastLoginTimestamp": account.last_login_at,
        "lastLogin": account.last_login_at * 1000,
        "backend": "Database",
        "subadmin": [],
        "quota": _quota(space),
        "manager": "",
    }
    if own:
        shown["avatarScope"] = scopes["avatarScope"]
    for key, value in values.items():
        shown[key] = value
        if own and key == "additional_mail":
            shown["additional_mailScope"] = []
        elif own and key == "display-name":
            shown["displaynameScope"] = scopes["displaynameScope"]
        elif own and key != "displayname":
            shown[f"{key}Scope"] = scopes[f"{key}Scope"]
    return shown | {
        "groups": groups,
        "language": account.language or language,
        "locale": account.locale,
        "timezone": account.timezone,
        "notify_email": None,
        "backendCapabilities": {"setDisplayName": True, "setPassword": True},
    }


def _quota(space: Space) -> dict[str, float]:
    """Return what the files of an account use, in bytes and as a percentage of its quota."""
    if space.quota == UNLIMITED:
        return {"free": UNLIMITED, "used": space.used, "total": UNLIMITED, "relative": 0, "quota": UNLIMITED}
    relative = round(100 * space.used / space.quota, 2) if space.quota else 100
    return {
        "free": space.free,
        "used": space.used,
        "total": space.quota,
        "relative": relative,
        "quota": space.quota,
    }


def group(size: GroupSize) -> dict[str, Any]:
    """Return a group for administrators."""
    return {
        "id": size.id,
        "displayname": size.display_name,
        "usercount": size.members,
        "disabled": size.disabled,
        "canAdd": True,
        "canRemove": True,
    }


def suggestion(found: Suggestion) -> dict[str, str]:
    """Return an account, group or e-mail address to invite."""
    is_user = found.kind == USERS
    return {
        "id": found.id,
        "label": found.label,
        "icon": "icon-user" if is_user else "",
        "source": found.kind,
        "status": "",
        "subline": "",
        "shareWithDisplayNameUnique": found.id if is_user else "",
    }
