"""Read, create, change and delete groups, and their members."""

from collections.abc import Sequence

from talkd.areas.settings import service as settings
from talkd.areas.users import group_store, model, service, store
from talkd.areas.users.model import ADMIN_GROUP, EXISTS, INVALID, Account, Group, GroupSize, Member
from talkd.core.actor import SYSTEM, USERS, Actor
from talkd.core.errors import Rejected
from talkd.core.events import GroupDeleted, GroupMemberAdded, GroupMemberRemoved, GroupRenamed
from talkd.storage.database import Tx

UNKNOWN_GROUP = 102
UNKNOWN_USER = 103
OWN_ADMIN_GROUP = 105
PORTION = 50
"""Maximum number of members removed in one transaction. Each also leaves the rooms of the group."""


async def create_group(tx: Tx, group_id: str, display_name: str = "") -> None:
    """Create an empty group. Raises Rejected: 101 invalid, 102 exists."""
    model.require_group_id(group_id)
    name = model.require_display_name(display_name) or group_id
    if await group_store.is_taken(tx, group_id) or not await group_store.add_group(tx, group_id, name):
        raise Rejected(EXISTS, "group exists")


async def ensure_admin_group(tx: Tx) -> None:
    """Create the group of administrators if it does not exist."""
    if await group_store.get_group(tx, ADMIN_GROUP) is None:
        await create_group(tx, ADMIN_GROUP)


async def get_group(tx: Tx, group_id: str) -> Group | None:
    """Return the group, or None if there is none with this id."""
    return await group_store.get_group(tx, group_id)


async def lock_group_to_read(tx: Tx, group_id: str) -> Group | None:
    """Return the group, or None. Its name and members cannot change until the transaction ends."""
    return await group_store.lock_group_to_read(tx, group_id)


async def find_group(tx: Tx, group_id: str) -> Group:
    """Return the group. Raises Rejected (404) if there is none."""
    group = await group_store.get_group(tx, group_id)
    if group is None:
        raise Rejected(404, "The requested group could not be found")
    return group


async def rename_group(tx: Tx, group_id: str, display_name: str) -> None:
    """Rename a group, also where it is an attendee of rooms. Raises Rejected: 404 unknown, 101 invalid."""
    await find_group(tx, group_id)
    name = model.require_display_name(display_name)
    if not name:
        raise Rejected(INVALID, "Invalid group name")
    await group_store.rename_group(tx, group_id, name)
    await tx.emit(GroupRenamed(group_id, name))


async def delete_group(tx: Tx, group_id: str, *, by: Actor = SYSTEM) -> bool:
    """Remove a portion of a group's members and, after the last one, delete the group. Return True if it is deleted.

    The accounts of its members stay. Raises Rejected: 101 unknown, 102 the group of administrators.
    """
    if await group_store.get_group(tx, group_id) is None:
        raise Rejected(INVALID)
    if group_id == ADMIN_GROUP:
        raise Rejected(UNKNOWN_GROUP, "The group of administrators cannot be deleted.")
    await group_store.lock_group(tx, group_id)
    members = await group_store.list_next_members(tx, group_id, "", PORTION)
    for member in members:
        await group_store.remove_member(tx, group_id, member.id)
        await tx.emit(GroupMemberRemoved(group_id, member.id, by))
    if len(members) == PORTION:
        return False
    await group_store.delete_group(tx, group_id)
    await tx.emit(GroupDeleted(group_id, by))
    return True


async def add_member(tx: Tx, group_id: str, user_id: str, *, by: Actor = SYSTEM) -> None:
    """Add an account to a group. Raises Rejected: 101 no group given, 102 unknown group, 103 unknown account."""
    user_id = await _require_both(tx, group_id, user_id)
    await group_store.lock_group(tx, group_id)
    if await group_store.add_member(tx, group_id, user_id):
        await tx.emit(GroupMemberAdded(group_id, user_id, by))
        if group_id == ADMIN_GROUP:
            await settings.outdate_caches(tx, user_id)


async def remove_member(tx: Tx, group_id: str, user_id: str, *, by: Actor = SYSTEM) -> None:
    """Remove an account from a group.

    Raises Rejected as `add_member` does, and for administrators also 105 (the account of `by`) and 101 (the last one).
    """
    user_id = await _require_both(tx, group_id, user_id)
    if group_id == ADMIN_GROUP:
        if by.is_same(USERS, user_id):
            raise Rejected(OWN_ADMIN_GROUP, "Cannot remove yourself from the admin group")
        await service.require_other_admin(tx, user_id)
    await group_store.lock_group(tx, group_id)
    if await group_store.remove_member(tx, group_id, user_id):
        await tx.emit(GroupMemberRemoved(group_id, user_id, by))
        if group_id == ADMIN_GROUP:
            await settings.outdate_caches(tx, user_id)


async def _require_both(tx: Tx, group_id: str, user_id: str) -> str:
    """Return the account's id as it was stored. Raises Rejected if there is no such group or account."""
    if not group_id:
        raise Rejected(INVALID, "No group was given.")
    if await group_store.get_group(tx, group_id) is None:
        raise Rejected(UNKNOWN_GROUP, f"Group {group_id} does not exist")
    account = await service.get_account(tx, user_id)
    if account is None:
        raise Rejected(UNKNOWN_USER, "User does not exist")
    return account.id


async def list_members(tx: Tx, group_id: str) -> list[str]:
    """List the ids of a group's members, sorted by name."""
    return await group_store.list_members(tx, group_id)


async def list_next_members(tx: Tx, group_id: str, after: str, limit: int) -> list[Member]:
    """List up to `limit` members with ids after `after`, sorted by id."""
    return await group_store.list_next_members(tx, group_id, after, limit)


async def count_members(tx: Tx, group_id: str, *, after: str = "") -> int:
    """Return the number of members with ids after `after`."""
    return await group_store.count_members(tx, group_id, after=after)


async def get_groups_of(tx: Tx, user_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the groups of each account, by account id. An account without groups has an empty list."""
    if not user_ids:
        return {}
    found: dict[str, list[str]] = {user_id: [] for user_id in user_ids}
    for membership in await group_store.list_memberships(tx, user_ids):
        found[membership.user_id].append(membership.group_id)
    return found


async def shares_group(tx: Tx, user_id: str, other_id: str) -> bool:
    """Return True if two accounts are in the same group."""
    return await group_store.shares_group(tx, user_id, other_id)


async def list_administrators_in(tx: Tx, group_id: str) -> list[str]:
    """List the ids of a group's members who are administrators."""
    administrators = await group_store.list_members(tx, ADMIN_GROUP)
    groups_of = await get_groups_of(tx, administrators)
    return [user_id for user_id, groups in groups_of.items() if group_id in groups]


async def find_members(tx: Tx, group_id: str) -> list[str]:
    """List the ids of a group's members, sorted by name. Raises Rejected (404) if there is no such group."""
    await find_group(tx, group_id)
    return await list_members(tx, group_id)


async def find_member_accounts(tx: Tx, group_id: str, limit: int | None = None, offset: int = 0) -> list[Account]:
    """List the accounts in a group, sorted by name. Raises Rejected (404) if there is no such group."""
    await find_group(tx, group_id)
    end = None if limit is None else offset + limit
    wanted = (await group_store.list_members(tx, group_id))[offset:end]
    return await store.list_accounts(tx, wanted)


async def list_groups(tx: Tx, search: str = "", limit: int | None = None, offset: int = 0) -> list[GroupSize]:
    """List the groups whose id or name contains the text, sorted by name; all of them without a limit."""
    end = service.EVERYTHING if limit is None else max(limit, 0)
    return await group_store.search_groups(tx, search, end, max(offset, 0))
