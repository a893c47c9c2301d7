"""Statements about groups and their members."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from talkd.areas.users.model import Group, GroupSize, Member
from talkd.core.actor import GROUPS
from talkd.core.search import like_pattern
from talkd.storage.database import Tx
from talkd.storage.queries import Query, shape, shape_of
from talkd.storage.schema import Int, attendees, group_members, groups, rooms, users
from talkd.storage.statements import ONE, ZERO, Statement, bind, insert, one_of, word


class Membership(NamedTuple):
    """An account that is in a group."""

    user_id: str
    group_id: str


def _member(user_id: str, name: str, enabled: int) -> Member:
    return Member(user_id, name, bool(enabled))


_GROUP = shape(Group, groups)
_BY_ID = Query(sa.select(*_GROUP).where(groups.c.id == bind("id")), _GROUP)
_LOCK = Statement(sa.select(groups.c.id).where(groups.c.id == bind("id")).with_for_update())
_LOCK_TO_READ = Query(sa.select(*_GROUP).where(groups.c.id == bind("id")).with_for_update(read=True), _GROUP)
_LOCK_ROOMS = Statement(
    sa.select(rooms.c.id)
    .join(attendees, attendees.c.room_id == rooms.c.id)
    .where(attendees.c.actor_type == word(GROUPS), attendees.c.actor_id == bind("id"))
    .order_by(rooms.c.id)
    .with_for_update(of=rooms)
)
_TAKEN = Statement(sa.select(groups.c.id).where(sa.func.lower(groups.c.id) == sa.func.lower(bind("id", sa.Text))))
_ADD = Statement(insert(groups).values(id=bind("id"), display_name=bind("display_name")).on_conflict_do_nothing())
_RENAME = Statement(sa.update(groups).where(groups.c.id == bind("group_id")).values(display_name=bind("value")))
_DELETE = Statement(sa.delete(groups).where(groups.c.id == bind("group_id")))
_MEMBERS = Statement(
    sa.select(group_members.c.user_id)
    .join(users, users.c.id == group_members.c.user_id)
    .where(group_members.c.group_id == bind("group_id"))
    .order_by(sa.func.search_fold(users.c.display_name), users.c.id)
)
_ENABLED_MEMBERS = Statement(
    sa.select(group_members.c.user_id)
    .join(users, users.c.id == group_members.c.user_id)
    .where(group_members.c.group_id == bind("group_id"), users.c.enabled == ONE)
    .order_by(group_members.c.user_id)
)
_MEMBER = shape_of(_member, group_members.c.user_id, users.c.display_name, users.c.enabled)
_NEXT_MEMBERS = Query(
    sa.select(*_MEMBER)
    .join(users, users.c.id == group_members.c.user_id)
    .where(group_members.c.group_id == bind("group_id"), group_members.c.user_id > bind("after"))
    .order_by(group_members.c.user_id)
    .limit(bind("limit", Int)),
    _MEMBER,
)
_COUNT_MEMBERS = Statement(
    sa.select(sa.func.count())
    .select_from(group_members)
    .where(group_members.c.group_id == bind("group_id"), group_members.c.user_id > bind("after"))
)
_MEMBERSHIP = shape_of(Membership, group_members.c.user_id, group_members.c.group_id)
_GROUPS_OF = Query(
    sa.select(*_MEMBERSHIP).where(one_of(group_members.c.user_id, "user_ids")).order_by(group_members.c.group_id),
    _MEMBERSHIP,
)
_theirs = group_members.alias("theirs")
_SHARES_GROUP = Statement(
    sa.select(ONE)
    .join_from(group_members, _theirs, _theirs.c.group_id == group_members.c.group_id)
    .where(group_members.c.user_id == bind("user_id"), _theirs.c.user_id == bind("other_id"))
    .limit(ONE)
)
_ADD_MEMBER = Statement(
    insert(group_members).values(group_id=bind("group_id"), user_id=bind("user_id")).on_conflict_do_nothing()
)
_REMOVE_MEMBER = Statement(
    sa.delete(group_members).where(
        group_members.c.group_id == bind("group_id"), group_members.c.user_id == bind("user_id")
    )
)
_is_disabled = sa.case((users.c.enabled == ZERO, ONE))
_GROUP_SIZE = shape_of(GroupSize, *_GROUP, sa.func.count(users.c.id), sa.func.count(_is_disabled))
_SEARCH = Query(
    sa.select(*_GROUP_SIZE)
    .select_from(
        groups.outerjoin(group_members, group_members.c.group_id == groups.c.id).outerjoin(
            users, users.c.id == group_members.c.user_id
        )
    )
    .where(
        sa.or_(
            *(
                sa.func.search_fold(column).like(bind("pattern", sa.Text), escape="\\")
                for column in (groups.c.id, groups.c.display_name)
            )
        )
    )
    .group_by(*_GROUP)
    .order_by(sa.func.search_fold(groups.c.display_name), groups.c.id)
    .limit(bind("limit", Int))
    .offset(bind("offset", Int)),
    _GROUP_SIZE,
)


async def get_group(tx: Tx, group_id: str) -> Group | None:
    """Return the group, or None if there is none with this id."""
    return await tx.find(_BY_ID, id=group_id)


async def lock_group(tx: Tx, group_id: str) -> None:
    """Lock a group and its rooms until the transaction ends, to change its members.

    Nobody can add the group to another room in the meantime. Otherwise a removed member could stay in that room.
    """
    await tx.lock(_LOCK_ROOMS, id=group_id)
    await tx.lock(_LOCK, id=group_id)


async def lock_group_to_read(tx: Tx, group_id: str) -> Group | None:
    """Return the group, or None. Its name and members cannot change until the transaction ends."""
    return await tx.find(_LOCK_TO_READ, id=group_id)


async def is_taken(tx: Tx, group_id: str) -> bool:
    """Return True if there is a group with this id, in any case."""
    return await tx.one(_TAKEN, id=group_id) is not None


async def add_group(tx: Tx, group_id: str, display_name: str) -> bool:
    """Store a new group. Return False if there is a group with this id."""
    return await tx.run(_ADD, id=group_id, display_name=display_name) > 0


async def rename_group(tx: Tx, group_id: str, display_name: str) -> None:
    """Rename a group."""
    await tx.run(_RENAME, group_id=group_id, value=display_name)


async def delete_group(tx: Tx, group_id: str) -> None:
    """Delete a group. A foreign key deletes its memberships."""
    await tx.run(_DELETE, group_id=group_id)


async def list_members(tx: Tx, group_id: str) -> list[str]:
    """List the ids of a group's members, sorted by name."""
    return await tx.values(_MEMBERS, group_id=group_id)


async def list_enabled_members(tx: Tx, group_id: str) -> list[str]:
    """List the ids of a group's enabled members, sorted."""
    return await tx.values(_ENABLED_MEMBERS, group_id=group_id)


async def list_next_members(tx: Tx, group_id: str, after: str, limit: int) -> list[Member]:
    """List up to `limit` members with ids after `after`, sorted by id."""
    return await tx.list(_NEXT_MEMBERS, group_id=group_id, after=after, limit=limit)


async def count_members(tx: Tx, group_id: str, *, after: str = "") -> int:
    """Return the number of members with ids after `after`."""
    return int(await tx.value(_COUNT_MEMBERS, group_id=group_id, after=after))


async def list_memberships(tx: Tx, user_ids: Sequence[str]) -> list[Membership]:
    """List the memberships of these accounts, sorted by group."""
    return await tx.list(_GROUPS_OF, user_ids=tx.many(user_ids))


async def shares_group(tx: Tx, user_id: str, other_id: str) -> bool:
    """Return True if two accounts are in the same group."""
    return await tx.one(_SHARES_GROUP, user_id=user_id, other_id=other_id) is not None


async def add_member(tx: Tx, group_id: str, user_id: str) -> bool:
    """Add an account to a group. Return True if it was not in it."""
    return await tx.run(_ADD_MEMBER, group_id=group_id, user_id=user_id) > 0


async def remove_member(tx: Tx, group_id: str, user_id: str) -> bool:
    """Remove an account from a group. Return True if it was in it."""
    return await tx.run(_REMOVE_MEMBER, group_id=group_id, user_id=user_id) > 0


async def search_groups(tx: Tx, search: str, limit: int, offset: int) -> list[GroupSize]:
    """List the groups whose id or name contains the text, sorted by name."""
    return await tx.list(_SEARCH, pattern=like_pattern(search), limit=limit, offset=offset)
