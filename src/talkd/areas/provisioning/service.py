"""Use cases of the provisioning API: read and change accounts and groups, if the caller may."""

from collections.abc import Sequence

import msgspec

from talkd.areas.files import quota_service as quotas
from talkd.areas.files.model import Limits
from talkd.areas.files.quota_model import Space
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import ADMIN_GROUP, INVALID, LOGIN_FIELDS, NO_GROUP, NOT_YOURS, Account
from talkd.core.actor import Actor
from talkd.core.errors import Forbidden, Invalid, Rejected
from talkd.core.names import folded
from talkd.storage.database import Tx

CONFIRM = "Password confirmation is required"
"""Beginning of the message for callers who must send their password first."""


class ApiCaller(msgspec.Struct, frozen=True):
    """A user who calls the API. They may administer their own account or, with `is_admin`, all accounts and groups."""

    actor: Actor
    is_admin: bool
    is_confirmed: bool
    """True if they sent their password with the request, or logged in with it in this browser recently."""
    has_sent_password: bool


class Profile(msgspec.Struct, frozen=True):
    """An account, the ids of its groups, and what its files use."""

    account: Account
    group_ids: list[str]
    space: Space


# --- accounts -------------------------------------------------------------------------------
async def list_profiles(
    tx: Tx, limits: Limits, search: str, limit: int | None, offset: int, *, recent_first: bool = False
) -> list[Profile]:
    """List the accounts whose id, name or address contains the text, sorted by name or by their last login."""
    accounts = await users.list_accounts(tx, search, limit, offset, recent_first=recent_first)
    return await _profiles(tx, limits, accounts)


async def list_profiles_of_members(
    tx: Tx, limits: Limits, group_id: str, limit: int | None, offset: int
) -> list[Profile]:
    """List the members of a group, sorted by name. Raises Rejected (404) if there is no such group."""
    return await _profiles(tx, limits, await groups.find_member_accounts(tx, group_id, limit, offset))


async def find_profile(tx: Tx, limits: Limits, by: ApiCaller, user_id: str) -> Profile:
    """Return the caller's own account, or any for administrators. Raises Rejected as `require_visible` does."""
    [profile] = await _profiles(tx, limits, [await require_visible(tx, by, user_id)])
    return profile


async def require_visible(tx: Tx, by: ApiCaller, user_id: str) -> Account:
    """Return the caller's own account, or any for administrators.

    Raises the same Rejected if there is no such account and if the caller may not see it.
    """
    account = await _find_administered(tx, by, user_id)
    if account is None:
        raise Rejected(404, "User does not exist") if by.is_admin else Rejected(NOT_YOURS)
    return account


async def require_may_create(
    tx: Tx, by: ApiCaller, user_id: str, *, email: str = "", group_ids: Sequence[str] = ()
) -> None:
    """Raises Forbidden as `_require_confirmed` does, and Rejected if the account cannot be created."""
    await _require_confirmed(tx, by, user_id, group_ids)
    await users.require_creatable(tx, user_id, email=email, groups=group_ids)


async def create_account(
    tx: Tx,
    by: ApiCaller,
    user_id: str,
    password_hash: str,
    *,
    display_name: str,
    email: str,
    language: str,
    group_ids: Sequence[str],
) -> None:
    """Create an account that can log in at once. Raises Rejected as `users.create_account` does, and Forbidden."""
    await _require_confirmed(tx, by, user_id, group_ids)
    await users.create_account(
        tx,
        user_id,
        password_hash,
        display_name=display_name,
        email=email,
        language=language,
        groups=group_ids,
        by=by.actor,
    )


async def set_field(tx: Tx, by: ApiCaller, user_id: str, key: str, value: str) -> None:
    """Set a field of the caller's own account, or of any for administrators.

    Raises Rejected: 998 unknown account, 101 invalid, 113 unknown key. Raises Forbidden as `_require_confirmed` does.
    """
    account = await _require_may_set(tx, by, user_id, key)
    if key == "quota" and by.is_admin:
        await _set_quota(tx, account, value)
    else:
        await users.set_field(tx, account, key, value)


async def _set_quota(tx: Tx, account: Account, value: str) -> None:
    try:
        await quotas.set_quota(tx, account.id, value)
    except Invalid as error:
        raise Rejected(INVALID, error.message) from error


async def require_may_set_password(tx: Tx, by: ApiCaller, user_id: str) -> Account:
    """Return the account if the caller may set its password. Raises Rejected (998) and Forbidden.

    Callers must send their current password to change it: a person who finds a lost phone or an open browser must not
    be able to lock the owner out of the account.
    """
    account = await _require_may_set(tx, by, user_id, "password")
    if by.actor.id == account.id and not by.has_sent_password:
        raise Forbidden(message=f"{CONFIRM}: send your current password with the request to change it.")
    return account


async def set_password(tx: Tx, by: ApiCaller, user_id: str, password_hash: str) -> None:
    """Set the password of an account. Raises Rejected and Forbidden as `require_may_set_password` does."""
    account = await require_may_set_password(tx, by, user_id)
    await users.set_password(tx, account.id, password_hash)


async def set_enabled(tx: Tx, by: ApiCaller, user_id: str, enabled: bool) -> None:
    """Enable or disable an account.

    Raises Rejected (998 if the caller is not an administrator, 101 as `users.set_enabled` does), and Forbidden.
    """
    await require_may_administer(tx, by, user_id)
    await users.set_enabled(tx, user_id, enabled, by=by.actor.id)


async def delete_account(tx: Tx, by: ApiCaller, user_id: str) -> str:
    """Delete an account. Return its id as it was stored. Raises Rejected as `users.delete_account`, and Forbidden."""
    await require_may_administer(tx, by, user_id)
    return await users.delete_account(tx, user_id, by=by.actor)


# --- groups ---------------------------------------------------------------------------------
async def list_groups_of(tx: Tx, by: ApiCaller, user_id: str) -> list[str]:
    """List the ids of the groups of the caller's own account, or of any for administrators. Raises Rejected (998)."""
    account = await _require_administered(tx, by, user_id)
    return (await groups.get_groups_of(tx, [account.id]))[account.id]


async def add_to_group(tx: Tx, by: ApiCaller, group_id: str, user_id: str) -> None:
    """Add an account to a group.

    Raises Rejected (104 if the caller is not an administrator, else as `groups.add_member` does), and Forbidden.
    """
    await _require_may_change_membership(tx, by, group_id, user_id)
    await groups.add_member(tx, group_id, user_id, by=by.actor)


async def remove_from_group(tx: Tx, by: ApiCaller, group_id: str, user_id: str) -> None:
    """Remove an account from a group.

    Raises Rejected (104 if the caller is not an administrator, else as `groups.remove_member` does), and Forbidden.
    """
    await _require_may_change_membership(tx, by, group_id, user_id)
    await groups.remove_member(tx, group_id, user_id, by=by.actor)


async def delete_group(tx: Tx, by: ApiCaller, group_id: str) -> bool:
    """Delete a group as `groups.delete_group` does.

    Also raises Forbidden if administrators are in the group and the caller is not confirmed.
    """
    for user_id in await groups.list_administrators_in(tx, group_id):
        await _require_confirmed(tx, by, user_id)
    return await groups.delete_group(tx, group_id, by=by.actor)


# ----------------------------------------------------------------------------------------
async def _profiles(tx: Tx, limits: Limits, accounts: Sequence[Account]) -> list[Profile]:
    user_ids = [account.id for account in accounts]
    groups_of = await groups.get_groups_of(tx, user_ids)
    spaces = await quotas.get_spaces(tx, user_ids, limits)
    return [Profile(account, groups_of[account.id], spaces[account.id]) for account in accounts]


async def _find_administered(tx: Tx, by: ApiCaller, user_id: str) -> Account | None:
    """Return the account with this id, in any case, if it is the caller's own or the caller is an administrator."""
    is_own = folded(user_id) == folded(by.actor.id)
    return await users.get_account(tx, user_id) if by.is_admin or is_own else None


async def _require_administered(tx: Tx, by: ApiCaller, user_id: str) -> Account:
    account = await _find_administered(tx, by, user_id)
    if account is None:
        raise Rejected(NOT_YOURS)
    return account


async def _require_may_set(tx: Tx, by: ApiCaller, user_id: str, key: str) -> Account:
    account = await _require_administered(tx, by, user_id)
    if key in LOGIN_FIELDS:
        await _require_confirmed(tx, by, account.id)
    return account


async def require_may_administer(tx: Tx, by: ApiCaller, user_id: str) -> None:
    """Raises Rejected (998) unless the caller is an administrator, and Forbidden as `_require_confirmed` does."""
    if not by.is_admin:
        raise Rejected(NOT_YOURS)
    await _require_confirmed(tx, by, user_id)


async def _require_may_change_membership(tx: Tx, by: ApiCaller, group_id: str, user_id: str) -> None:
    """Raises Rejected (104) unless the caller is an administrator, and Forbidden as `_require_confirmed` does."""
    if not by.is_admin:
        raise Rejected(NO_GROUP)
    await _require_confirmed(tx, by, user_id, [group_id])


async def _require_confirmed(tx: Tx, by: ApiCaller, user_id: str, group_ids: Sequence[str] = ()) -> None:
    """Raises Forbidden if an unconfirmed caller would change an administrator, or create one by adding these groups.

    App passwords are on devices that get lost, and in scripts. So they may only administer ordinary accounts
    (docs/admin/users.md).
    """
    if by.is_confirmed:
        return
    account = await users.get_account(tx, user_id)
    if ADMIN_GROUP in group_ids or (account is not None and await users.is_admin(tx, account.id)):
        raise Forbidden(message=f"{CONFIRM}: to change administrators, send your own password or log in again.")
