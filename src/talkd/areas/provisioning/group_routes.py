"""`cloud/groups` and `cloud/users/{user_id}/groups`: the provisioning API's groups."""

from typing import Any

import msgspec

from talkd.areas.provisioning import service, view
from talkd.areas.provisioning.routes import Search, UserPath, api_caller, details, limits_of
from talkd.areas.users import group_service as groups
from talkd.areas.users.model import INVALID
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
    """Return the ids of the groups whose id or name contains the text."""
    wanted = call.params
    found = await groups.list_groups(tx, wanted.search, wanted.limit or None, wanted.offset)
    return {"groups": [group.id for group in found]}


@routes.add("GET", "groups/details", Guard.SUBADMIN, params=Search)
async def list_group_details(tx: Tx, call: Call[Search]) -> Any:
    """Return the groups whose id or name contains the text."""
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
    offset = max(wanted.offset, 0)
    profiles = await service.list_profiles_of_members(
        tx, limits_of(call), wanted.group_id, wanted.limit or None, offset
    )
    return {"users": details(call, profiles)}


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
    while not await call.write(lambda tx: service.delete_group(tx, api_caller(call), call.params.group_id)):
        pass  # other writers can work in between
    return []


@routes.add("GET", "users/{user_id}/groups", Guard.USER, params=UserPath)
async def list_groups_of_user(tx: Tx, call: Call[UserPath]) -> Any:
    """Return the ids of an account's groups: the caller's own account, or any for administrators."""
    return {"groups": await service.list_groups_of(tx, api_caller(call), call.params.user_id)}


@routes.add("POST", "users/{user_id}/groups", Guard.USER, params=Membership)
async def add_to_group(tx: Tx, call: Call[Membership]) -> Any:
    """Add an account to a group."""
    await service.add_to_group(tx, api_caller(call), call.params.groupid, call.params.user_id)
    return []


@routes.add("DELETE", "users/{user_id}/groups", Guard.USER, params=Membership)
async def remove_from_group(tx: Tx, call: Call[Membership]) -> Any:
    """Remove an account from a group."""
    await service.remove_from_group(tx, api_caller(call), call.params.groupid, call.params.user_id)
    return []
