"""`cloud/groups` and `cloud/users/{user_id}/groups`: the provisioning API's groups."""

from typing import Any

import msgspec

from talkd.areas.provisioning import view
from talkd.areas.provisioning.routes import Search, UserPath, described, require_confirmed
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.areas.users.model import INVALID, NO_GROUP
from talkd.core.errors import Rejected
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import Scalar
from talkd.web.routing import Access, Guard, Routes

routes = Routes("groups", base="/cloud")


class NewGroup(msgspec.Struct):
    """The group to create."""

    groupid: Scalar
    displayname: str = ""


class GroupPath(msgspec.Struct):
    """One group."""

    group_id: str


class GroupChange(msgspec.Struct):
    """One field of one group."""

    group_id: str
    key: str
    value: Scalar


class GroupPage(msgspec.Struct):
    """A group, and which part of its members to return."""

    group_id: str
    limit: int | None = None
    offset: int = 0


class Membership(msgspec.Struct):
    """An account in a group."""

    user_id: str
    groupid: str = ""


@routes.add("GET", "groups", Guard.SUBADMIN, params=Search)
async def list_groups(tx: Tx, call: Call[Search]) -> Any:
    """Return the ids of the groups with a text in their id or name."""
    wanted = call.params
    found = await groups.list_groups(tx, wanted.search, wanted.limit or None, wanted.offset)
    return {"groups": [group.id for group in found]}


@routes.add("GET", "groups/details", Guard.SUBADMIN, params=Search)
async def list_group_details(tx: Tx, call: Call[Search]) -> Any:
    """Return the groups with a text in their id or name."""
    wanted = call.params
    found = await groups.list_groups(tx, wanted.search, wanted.limit or None, wanted.offset)
    return {"groups": [view.group(group) for group in found]}


@routes.add("POST", "groups", Guard.ADMIN, params=NewGroup)
async def create_group(tx: Tx, call: Call[NewGroup]) -> Any:
    """Create a group."""
    await groups.create_group(tx, str(call.params.groupid), call.params.displayname)
    return []


@routes.add("GET", "groups/{group_id}", Guard.SUBADMIN, params=GroupPath)
@routes.add("GET", "groups/{group_id}/users", Guard.SUBADMIN, params=GroupPath)
async def list_group_members(tx: Tx, call: Call[GroupPath]) -> Any:
    """Return the ids of a group's members."""
    return {"users": await groups.find_members(tx, call.params.group_id)}


@routes.add("GET", "groups/{group_id}/users/details", Guard.SUBADMIN, params=GroupPage)
async def list_group_member_details(tx: Tx, call: Call[GroupPage]) -> Any:
    """Return the members of a group as accounts, by id."""
    wanted = call.params
    accounts = await groups.find_member_accounts(tx, wanted.group_id, wanted.limit or None, max(wanted.offset, 0))
    return {"users": await described(tx, call, accounts)}


@routes.add("PUT", "groups/{group_id}", Guard.ADMIN, params=GroupChange)
async def set_group_field(tx: Tx, call: Call[GroupChange]) -> Any:
    """Rename a group. The only field is `displayname`."""
    if call.params.key != "displayname":
        raise Rejected(INVALID, "Only the displayname of a group can be changed.")
    await groups.rename_group(tx, call.params.group_id, str(call.params.value))
    return []


@routes.add("DELETE", "groups/{group_id}", Guard.ADMIN, params=GroupPath, access=Access.OWN)
async def delete_group(call: Call[GroupPath]) -> Any:
    """Delete a group. The accounts of its members stay."""

    async def portion(tx: Tx) -> bool:
        for user_id in await groups.list_administrators_in(tx, call.params.group_id):
            await require_confirmed(tx, call, user_id)
        return await groups.delete_group(tx, call.params.group_id, by=call.caller.actor)

    while not await call.write(portion):
        pass  # other writers can work in between
    return []


@routes.add("GET", "users/{user_id}/groups", Guard.USER, params=UserPath)
async def list_groups_of_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Return the ids of an account's groups: the caller's own account, or any for administrators."""
    account = await users.find_changeable(tx, call.params.user_id, by=call.user_id, is_admin=call.caller.is_admin)
    return {"groups": (await groups.get_groups_of(tx, [account.id]))[account.id]}


@routes.add("POST", "users/{user_id}/groups", Guard.USER, params=Membership)
async def add_to_group(tx: Tx, call: Call[Membership]) -> Any:
    """Add an account to a group."""
    await _require_may_administer(tx, call)
    await groups.add_member(tx, call.params.groupid, call.params.user_id, by=call.caller.actor)
    return []


@routes.add("DELETE", "users/{user_id}/groups", Guard.USER, params=Membership)
async def remove_from_group(tx: Tx, call: Call[Membership]) -> Any:
    """Remove an account from a group."""
    await _require_may_administer(tx, call)
    await groups.remove_member(tx, call.params.groupid, call.params.user_id, by=call.caller.actor)
    return []


async def _require_may_administer(tx: Tx, call: Call[Membership]) -> None:
    """Raises Rejected (104) for users, as if there were no such group, and Forbidden as `require_confirmed` does."""
    if not call.caller.is_admin:
        raise Rejected(NO_GROUP)
    await require_confirmed(tx, call, call.params.user_id, groups=[call.params.groupid])
