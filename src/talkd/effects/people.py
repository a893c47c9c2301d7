"""What changes in rooms when accounts change. Inside the transaction."""

from talkd.areas.participants import service as participants
from talkd.areas.removal import account_service as forgetting
from talkd.areas.rooms import member_service as members
from talkd.areas.rooms import service as rooms
from talkd.areas.users import group_service as groups
from talkd.areas.users import service as users
from talkd.conversation import access, attendee_store, ban_store
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
    for seat in await attendee_store.list_of_group(tx, event.group_id):
        await participants.remove(tx, await access.lock_room(tx, seat.room_id), event.actor, seat)


async def _follow_into_rooms(tx: Tx, event: events.GroupMemberAdded) -> None:
    """Whoever joins a group comes into the rooms that hold it, unless he is banned there."""
    for seat in await attendee_store.list_of_group(tx, event.group_id):
        room = await access.lock_room(tx, seat.room_id)
        name = (await users.get_names(tx, [event.user_id])).get(event.user_id)
        if name is not None and not await ban_store.is_banned(tx, room.id, USERS, event.user_id):
            await participants.add_user(tx, room, event.actor, event.user_id, name)


async def _follow_out_of_rooms(tx: Tx, event: events.GroupMemberRemoved) -> None:
    """Remove a user who has left a group from the group's rooms, unless they moderate or another group holds them.

    Rooms that the group itself has just left count too: the portions that remove its members would miss the user.
    """
    room_ids = {seat.room_id for seat in await attendee_store.list_of_group(tx, event.group_id)}
    room_ids.update(await members.list_rooms_left_by(tx, event.group_id))
    for room_id in sorted(room_ids):  # the order in which all hold several rooms
        try:
            room = await access.lock_room(tx, room_id)
        except NotFound:
            continue  # deleted meanwhile
        attendee = await attendee_store.find_attendee(tx, room.id, USERS, event.user_id)
        if attendee is None or attendee.type != ParticipantType.USER:
            continue
        own = (await groups.get_groups_of(tx, [event.user_id]))[event.user_id]
        if set(own).isdisjoint(await attendee_store.list_groups(tx, room.id)):
            await participants.remove(tx, room, event.actor, attendee)


async def _forget_account(tx: Tx, event: events.UserDeleted) -> None:
    """Leave nothing of a deleted account to whoever gets the same id later (tests/security/test_boundaries.py).

    The rooms come first: what is reported there about the account is then forgotten like all the rest.
    """
    await rooms.remove_from_rooms(tx, event.actor, event.user_id, event.name, is_affected=lambda _: True)
    await ban_store.forget_user(tx, event.user_id)
    await forgetting.forget(tx, event.user_id)


REACTIONS: Reactions = {
    events.UserRenamed: _rename_user,
    events.GroupRenamed: _rename_group,
    events.UserDeleted: _forget_account,
    events.GroupMemberAdded: _follow_into_rooms,
    events.GroupMemberRemoved: _follow_out_of_rooms,
    events.GroupDeleted: _empty_group,
}
