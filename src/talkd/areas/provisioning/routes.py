"""`cloud/users` and `cloud/user`: the provisioning API's accounts."""

from functools import partial
from typing import Any

import msgspec

from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Limits
from talkd.areas.provisioning import service, view
from talkd.areas.provisioning.service import ApiCaller, Profile
from talkd.areas.removal import service as removal
from talkd.areas.users import password_model as policy
from talkd.areas.users import passwords
from talkd.areas.users import service as users
from talkd.areas.users.model import EDITABLE_FIELDS, INVALID, NO_PASSWORD
from talkd.core import clock
from talkd.core.errors import Rejected
from talkd.storage.database import Tx
from talkd.web import texts
from talkd.web.call import Call
from talkd.web.guards import require_login_still
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
    """Return the ids of the accounts whose id, name or address contains the text."""
    wanted = call.params
    accounts = await users.list_accounts(tx, wanted.search, wanted.limit or None, wanted.offset)
    return {"users": [account.id for account in accounts]}


@routes.add("GET", "users/details", Guard.SUBADMIN, params=Search)
async def list_user_details(tx: Tx, call: Call[Search]) -> Any:
    """Return the accounts whose id, name or address contains the text, by id."""
    wanted = call.params
    profiles = await service.list_profiles(tx, limits_of(call), wanted.search, wanted.limit or None, wanted.offset)
    return {"users": details(call, profiles)}


@routes.add("GET", "users/recent", Guard.SUBADMIN, params=Search)
async def list_recent_users(tx: Tx, call: Call[Search]) -> Any:
    """Return the accounts whose id, name or address contains the text, by id, in the order of their last logins."""
    wanted = call.params
    profiles = await service.list_profiles(
        tx, limits_of(call), wanted.search, wanted.limit or None, wanted.offset, recent_first=True
    )
    return {"users": details(call, profiles)}


@routes.add("POST", "users", Guard.SUBADMIN, params=NewUser, access=Access.OWN)
async def create_user(call: Call[NewUser]) -> Any:
    """Create an account that can log in at once."""
    new, by = call.params, api_caller(call)
    user_id = str(new.userid)
    # Refused requests must not hash passwords: hashes are slow, and all logins wait for the same threads.
    await call.world.db.read(
        lambda tx: service.require_may_create(tx, by, user_id, email=new.email, group_ids=new.groups)
    )
    if not new.password and not new.email:
        raise Rejected(NO_PASSWORD, "An email address is required, to send a password link to the user.")
    if not new.password:
        raise Rejected(INVALID, "This server sends no e-mail to set a password: give the account one.")
    policy.require_account_password(new.password, call.world.config.security)
    password_hash = await passwords.hash_password(new.password)

    async def create(tx: Tx) -> None:
        await require_login_still(tx, call)  # it may have ended during the hashing
        await service.create_account(
            tx,
            by,
            user_id,
            password_hash,
            display_name=new.displayName,
            email=new.email,
            language=new.language,
            group_ids=new.groups,
        )

    await call.write(create)
    return {"id": user_id}


@routes.add("GET", "users/{user_id}", Guard.USER, params=UserPath)
async def get_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Return an account: the caller's own, or any for administrators."""
    return _details_of(call, await service.find_profile(tx, limits_of(call), api_caller(call), call.params.user_id))


@routes.add("PUT", "users/{user_id}", Guard.USER, params=UserChange, access=Access.OWN)
async def set_user_field(call: Call[UserChange]) -> Any:
    """Set a field of an account: the caller's own, or any for administrators."""
    user_id, key, value = call.params.user_id, call.params.key, call.params.value
    by = api_caller(call)
    if key == "password":
        await call.world.db.read(lambda tx: service.require_may_set_password(tx, by, user_id))
        policy.require_account_password(value, call.world.config.security)
        password_hash = await passwords.hash_password(value)

        async def change(tx: Tx) -> None:
            await require_login_still(tx, call)  # it may have ended during the hashing
            await service.set_password(tx, by, user_id, password_hash)

        await call.write(change)
    else:
        await call.write(lambda tx: service.set_field(tx, by, user_id, key, str(value)))
    return []


@routes.add("DELETE", "users/{user_id}", Guard.USER, params=UserPath, access=Access.OWN)
async def delete_user(call: Call[UserPath]) -> Any:
    """Delete an account. Answer when a new account can have its id, or after FORGET_SECONDS."""
    user_id = await call.write(lambda tx: service.delete_account(tx, api_caller(call), call.params.user_id))
    until = clock.ticks() + FORGET_SECONDS
    while clock.ticks() < until and await call.write(partial(removal.forget_account_portion, user_id=user_id)):
        pass  # other writers can work in between; a job does what is left
    return []


@routes.add("PUT", "users/{user_id}/enable", Guard.USER, params=UserPath)
async def enable_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Enable an account."""
    await service.set_enabled(tx, api_caller(call), call.params.user_id, True)
    return []


@routes.add("PUT", "users/{user_id}/disable", Guard.USER, params=UserPath)
async def disable_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Disable an account, so that it cannot log in. Its data stays."""
    await service.set_enabled(tx, api_caller(call), call.params.user_id, False)
    return []


@routes.add("GET", "user", Guard.USER)
async def get_current_user(tx: Tx, call: Call[NoParams]) -> Any:
    """Return the caller's account."""
    return _details_of(call, await service.find_profile(tx, limits_of(call), api_caller(call), call.user_id))


@routes.add("GET", "user/fields", Guard.USER)
async def list_editable_fields(_tx: Tx, _call: Call[NoParams]) -> Any:
    """Return the fields that users may change in their own account."""
    return list(EDITABLE_FIELDS)


@routes.add("GET", "user/fields/{user_id}", Guard.USER, params=UserPath)
async def list_editable_fields_of(tx: Tx, call: Call[UserPath]) -> Any:
    """Return the fields of an account that the caller may change."""
    await service.require_visible(tx, api_caller(call), call.params.user_id)
    return list(EDITABLE_FIELDS)


def api_caller(call: Call[Any]) -> ApiCaller:
    """Return the caller as the services of this area know them."""
    caller = call.caller
    has_sent_password = caller.app_password_id is None and not caller.by_cookie
    return ApiCaller(caller.actor, caller.is_admin, caller.is_confirmed, has_sent_password)


def limits_of(call: Call[Any]) -> Limits:
    """Return how much files may use, unless an account has a quota of its own."""
    return call.world[Contents].limits


def details(call: Call[Any], profiles: list[Profile]) -> dict[str, Any]:
    """Return accounts as the caller may see them, by id."""
    return {profile.account.id: _details_of(call, profile) for profile in profiles}


def _details_of(call: Call[Any], profile: Profile) -> dict[str, Any]:
    account, is_own = profile.account, profile.account.id == call.user_id
    language = texts.preferred(*texts.accepted(call.header("accept-language"))) if is_own else texts.DEFAULT
    return view.details(
        account, profile.group_ids, profile.space, own=is_own, for_admin=call.caller.is_admin, language=language
    )
