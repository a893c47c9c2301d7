"""`cloud/users` and `cloud/user`: the provisioning API's accounts."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from talkd.areas.provisioning import view
from talkd.areas.removal import service as removal
from talkd.areas.users import group_service as groups
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.areas.users import service as users
from talkd.areas.users.model import EDITABLE_FIELDS, INVALID, LOGIN_FIELDS, NO_PASSWORD, NOT_YOURS, Account
from talkd.core import clock
from talkd.core.errors import Rejected
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import NoParams, Scalar
from talkd.web.routing import Access, Guard, Routes

routes = Routes("users", base="/cloud")

FORGET_SECONDS = 20
"""How long the request that deletes an account may take. A job does what is left."""


class Search(msgspec.Struct):
    """A text to search for, and which part of the result to return."""

    search: str = ""
    limit: int | None = None
    offset: int = 0


class NewUser(msgspec.Struct):
    """The account to create."""

    userid: Scalar
    password: str = ""
    displayName: str = ""
    email: str = ""
    groups: list[str] = []
    language: str = ""


class UserPath(msgspec.Struct):
    """One account."""

    user_id: str


class UserChange(msgspec.Struct):
    """One field of one account."""

    user_id: str
    key: str
    value: Scalar


@routes.add("GET", "users", Guard.SUBADMIN, params=Search)
async def list_users(tx: Tx, call: Call[Search]) -> Any:
    """Return the ids of the accounts with a text in their id, name or address."""
    wanted = call.params
    accounts = await users.list_accounts(tx, wanted.search, wanted.limit or None, wanted.offset)
    return {"users": [account.id for account in accounts]}


@routes.add("GET", "users/details", Guard.SUBADMIN, params=Search)
async def list_user_details(tx: Tx, call: Call[Search]) -> Any:
    """Return the accounts with a text in their id, name or address, by id."""
    wanted = call.params
    accounts = await users.list_accounts(tx, wanted.search, wanted.limit or None, wanted.offset)
    return {"users": await described(tx, call, accounts)}


async def described(tx: Tx, call: Call[Any], accounts: list[Account]) -> dict[str, Any]:
    """Return accounts as the caller may see them, by id."""
    groups_of = await groups.get_groups_of(tx, [account.id for account in accounts])
    return {
        account.id: view.details(
            account, groups_of[account.id], own=account.id == call.user_id, for_admin=call.caller.is_admin
        )
        for account in accounts
    }


@routes.add("POST", "users", Guard.SUBADMIN, params=NewUser, access=Access.OWN)
async def create_user(call: Call[NewUser]) -> Any:
    """Create an account that can log in at once."""
    new, db = call.params, call.world.db
    user_id = str(new.userid)

    async def check(tx: Tx) -> None:
        await require_confirmed(tx, call, user_id, groups=new.groups)
        await users.require_creatable(tx, user_id, email=new.email, groups=new.groups)

    await db.read(check)
    if not new.password and not new.email:
        raise Rejected(NO_PASSWORD, "An email address is required, to send a password link to the user.")
    if not new.password:
        raise Rejected(INVALID, "This server sends no e-mail to set a password: give the account one.")
    policy.require_account_password(new.password, call.world.config.security)
    password_hash = await passwords.hash_password(new.password)

    async def create(tx: Tx) -> None:
        await users.create_account(
            tx,
            user_id,
            password_hash,
            display_name=new.displayName,
            email=new.email,
            language=new.language,
            groups=new.groups,
            by=call.caller.actor,
        )

    await db.write(create)
    return {"id": user_id}


@routes.add("GET", "users/{user_id}", Guard.USER, params=UserPath)
async def get_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Return an account: the caller's own, or any for administrators."""
    account = await users.find_account(tx, call.params.user_id, by=call.user_id, is_admin=call.caller.is_admin)
    return (await described(tx, call, [account]))[account.id]


@routes.add("PUT", "users/{user_id}", Guard.USER, params=UserChange, access=Access.OWN)
async def set_user_field(call: Call[UserChange]) -> Any:
    """Set a field of an account: the caller's own, or any for administrators."""
    wanted, caller = call.params, call.caller
    password_hash = ""

    async def find(tx: Tx) -> Account:
        account = await users.find_changeable(tx, wanted.user_id, by=call.user_id, is_admin=caller.is_admin)
        if wanted.key in LOGIN_FIELDS:
            await require_confirmed(tx, call, account.id)
        return account

    async def change(tx: Tx) -> None:
        account = await find(tx)
        if wanted.key == "password":
            await users.set_password(tx, account.id, password_hash)
        else:
            await users.set_field(tx, account, wanted.key, str(wanted.value))

    if wanted.key == "password":
        account = await call.world.db.read(find)
        has_sent_it = caller.app_password_id is None and not caller.by_cookie
        users.require_current_password(by=call.user_id, user_id=account.id, has_sent_it=has_sent_it)
        policy.require_account_password(wanted.value, call.world.config.security)
        password_hash = await passwords.hash_password(wanted.value)
    await call.write(change)
    return []


@routes.add("DELETE", "users/{user_id}", Guard.USER, params=UserPath, access=Access.OWN)
async def delete_user(call: Call[UserPath]) -> Any:
    """Delete an account. Answer when a new account can have its id, or after FORGET_SECONDS."""

    async def delete(tx: Tx) -> str:
        await _require_may_administer(tx, call)
        return await users.delete_account(tx, call.params.user_id, by=call.caller.actor)

    user_id = await call.write(delete)
    until = clock.ticks() + FORGET_SECONDS
    while clock.ticks() < until and await call.write(partial(removal.forget_account_portion, user_id=user_id)):
        pass  # other writers can work in between; a job does what is left
    return []


@routes.add("PUT", "users/{user_id}/enable", Guard.USER, params=UserPath)
async def enable_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Enable an account."""
    await _require_may_administer(tx, call)
    await users.set_enabled(tx, call.params.user_id, True, by=call.user_id)
    return []


@routes.add("PUT", "users/{user_id}/disable", Guard.USER, params=UserPath)
async def disable_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Disable an account, so that it cannot log in. Its data stays."""
    await _require_may_administer(tx, call)
    await users.set_enabled(tx, call.params.user_id, False, by=call.user_id)
    return []


async def _require_may_administer(tx: Tx, call: Call[UserPath]) -> None:
    """Raises Rejected (998) for users, as if there were no such account, and Forbidden as `require_confirmed` does."""
    if not call.caller.is_admin:
        raise Rejected(NOT_YOURS)
    await require_confirmed(tx, call, call.params.user_id)


async def require_confirmed(tx: Tx, call: Call[Any], user_id: str, groups: Sequence[str] = ()) -> None:
    """Raises Forbidden if the caller must send their password to change the account or to add it to these groups."""
    await users.require_confirmed(tx, user_id, is_confirmed=call.caller.is_confirmed, groups=groups)


@routes.add("GET", "user", Guard.USER)
async def get_current_user(tx: Tx, call: Call[NoParams]) -> Any:
    """Return the caller's account."""
    account = await users.find_account(tx, call.user_id, by=call.user_id, is_admin=call.caller.is_admin)
    return (await described(tx, call, [account]))[account.id]


@routes.add("GET", "user/fields", Guard.USER)
async def list_editable_fields(_tx: Tx, _call: Call[NoParams]) -> Any:
    """Return the fields that users may change in their own account."""
    return list(EDITABLE_FIELDS)


@routes.add("GET", "user/fields/{user_id}", Guard.USER, params=UserPath)
async def list_editable_fields_of(tx: Tx, call: Call[UserPath]) -> Any:
    """Return the fields of an account that the caller may change."""
    await users.find_account(tx, call.params.user_id, by=call.user_id, is_admin=call.caller.is_admin)
    return list(EDITABLE_FIELDS)
