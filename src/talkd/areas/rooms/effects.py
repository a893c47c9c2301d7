"""Make rooms follow changes of accounts and groups, in the transaction of the event."""

from talkd.areas.participants import service as participants
from talkd.areas.removal import service as removal
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms import service as rooms
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import attendee_store, ban_store, room_store, standing
from talkd.core import clock, events
from talkd.core.actor import GROUPS, USERS
from talkd.core.constants import ParticipantType
from talkd.core.errors import NotFound
from talkd.storage.database import Reactions, Tx


async def _rename_user(tx: Tx, event: events.UserRenamed) -> None:
    await attendee_store.rename_actor(tx, USERS, event.user_id, event.name, clock.now())
    await ban_store.rename_user(tx, event.user_id, event.name)


async def _rename_group(tx: Tx, event: events.GroupRenamed) -> None:
    await attendee_store.rename_actor(tx, GROUPS, event.group_id, event.name, clock.now())


async def _empty_group(tx: Tx, event: events.GroupDeleted) -> None:
    for group in await attendee_store.list_of_group(tx, event.group_id):
        await participants.remove(tx, await room_store.lock_room(tx, group.room_id), event.actor, group)


async def _follow_into_rooms(tx: Tx, event: events.GroupMemberAdded) -> None:
    """Add a new member of a group to the rooms that the group belongs to, unless they are banned there."""
    for group in await attendee_store.list_of_group(tx, event.group_id):
        room = await room_store.lock_room(tx, group.room_id)
        name = (await users.get_names(tx, [event.user_id])).get(event.user_id)
        if name is not None and not await ban_store.is_banned(tx, room.id, USERS, event.user_id):
            await participants.add_user(tx, room, event.actor, event.user_id, name)


async def _follow_out_of_rooms(tx: Tx, event: events.GroupMemberRemoved) -> None:
    """Remove a user who has left a group from its rooms, unless they moderate there or are in another of its groups.

    This includes rooms from which the group itself is being removed: that removes members in portions, which would
    miss the user.
    """
    room_ids = {group.room_id for group in await attendee_store.list_of_group(tx, event.group_id)}
    room_ids.update(await members.list_rooms_left_by(tx, event.group_id))
    for room_id in sorted(room_ids):  # every transaction locks several rooms in this order
        try:
            room = await room_store.lock_room(tx, room_id)
        except NotFound:
            continue  # the room was deleted in the meantime
        attendee = await attendee_store.find_attendee(tx, room.id, USERS, event.user_id)
        if attendee is None or attendee.type != ParticipantType.USER:
            continue
        own = (await groups.get_groups_of(tx, [event.user_id]))[event.user_id]
        if set(own).isdisjoint(await attendee_store.list_groups(tx, room.id)):
            await participants.remove(tx, room, event.actor, attendee)


async def _forget_account(tx: Tx, event: events.UserDeleted) -> None:
    """Delete everything of a deleted account, so that a later account with the same id inherits nothing.

    The account leaves its rooms first, because the system messages about that name it and must be anonymized too.
    """
    await rooms.remove_from_rooms(tx, event.actor, event.user_id, event.name, is_affected=lambda _: True)
    await ban_store.forget_user(tx, event.user_id)
    await removal.forget_account(tx, event.user_id)


async def _count_change(tx: Tx, event: events.RoomEvent) -> None:
    await standing.count_change(tx, event.room_id)


_CHANGES_OF_STANDING = (
    events.AttendeeRemoved,
    events.ModeratorDemoted,
    events.PermissionsSet,
    events.DefaultPermissionsSet,
    events.LobbySet,
    events.BreakoutRoomsStarted,
    events.BreakoutRoomsStopped,
)
"""After these events, attendees may see or do less in the room than before."""

REACTIONS: Reactions = {
    **dict.fromkeys(_CHANGES_OF_STANDING, _count_change),
    events.UserRenamed: _rename_user,
    events.GroupRenamed: _rename_group,
    events.UserDeleted: _forget_account,
    events.GroupMemberAdded: _follow_into_rooms,
    events.GroupMemberRemoved: _follow_out_of_rooms,
    events.GroupDeleted: _empty_group,
}
