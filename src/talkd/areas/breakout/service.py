"""Create and delete breakout rooms, assign attendees to them, and open and close them.

A parent room is the room that has the breakout rooms.
"""

from collections.abc import Iterable

from talkd.areas.breakout import model, store
from talkd.areas.breakout.model import Assignment, Mode, Status
from talkd.areas.messages import service as messages
from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import service as rooms
from talkd.conversation import attendee_store, room_store
from talkd.conversation.participant import Attendee, AttendeeList, Participant
from talkd.conversation.room import BREAKOUT, Attributes, Room
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.constants import Lobby, ParticipantType, RoomType
from talkd.core.errors import Invalid
from talkd.core.events import (
    AssistanceSet,
    AttendeeAdded,
    BreakoutRoomsStarted,
    BreakoutRoomsStopped,
    DefaultPermissionsSet,
    PermissionsSet,
    RoomCreated,
)
from talkd.storage.database import Tx

BreakoutRoom = tuple[Room, int | None]
"""A breakout room, and the id of the caller's attendee in it; None if they are not in it."""


# --- creating and deleting ------------------------------------------------------------------
async def create(
    tx: Tx, me: Participant, mode: int, amount: int, attendee_map: str, *, enabled: bool, most: int
) -> list[BreakoutRoom]:
    """Create closed breakout rooms with all moderators in each of them, and return them.

    The parent room may have at most `most` attendees. Raises Invalid or TooLarge with the reason.
    """
    if not enabled:
        raise Invalid("config")
    chosen = model.require_mode(mode)
    model.require_amount(amount)
    parent = await room_store.lock_room(tx, me.room.id)
    model.require_no_breakout_rooms(parent)
    everybody = await attendee_store.list_attendees(tx, parent.id)
    model.require_size(everybody, most)
    assignment: Assignment = {}
    if chosen == Mode.MANUAL:
        assignment = model.require_assignment(attendee_map, amount, most)
    elif chosen == Mode.AUTOMATIC:
        assignment = model.assign_at_random(everybody, amount)
    model.require_no_moderator(everybody, assignment)
    await store.set_parent(tx, parent.id, chosen, Status.STOPPED, clock.now())
    created = [await _create_room(tx, parent, me.actor, f"Room {number}", everybody) for number in range(1, amount + 1)]
    for attendee in everybody:
        if attendee.id in assignment and model.is_assignable(attendee):
            await _add_attendee(tx, created[assignment[attendee.id]], me.actor, attendee)
    return await _list_after_change(tx, me)


async def _create_room(tx: Tx, parent: Room, actor: Actor, name: str, everybody: Iterable[Attendee]) -> Room:
    room = await room_store.add_room(
        tx,
        token=await creation.new_token(tx),
        type=RoomType.GROUP,
        name=name,
        object_type=BREAKOUT,
        object_id=parent.token,
        attributes=Attributes(
            default_permissions=parent.default_permissions, recording_consent=parent.recording_consent
        ),
        now=clock.now(),
    )
    await store.set_lobby(tx, room.id, Lobby.NON_MODERATORS)
    await tx.emit(RoomCreated(room.id, actor))
    for attendee in everybody:
        if attendee.is_moderator and not attendee.is_guest:
            await _add_attendee(tx, room, actor, attendee, quiet=True)
    return room


async def _add_attendee(tx: Tx, room: Room, actor: Actor, attendee: Attendee, *, quiet: bool = False) -> int:
    """Add an attendee of the parent room to a breakout room, with the same role. Return the id of the new attendee."""
    role = ParticipantType(attendee.type) if attendee.is_moderator else ParticipantType.USER
    return await participants.add_user(
        tx, room, actor, attendee.actor_id, attendee.display_name, type=role, quiet=quiet
    )


async def delete(tx: Tx, me: Participant) -> None:
    """Delete all breakout rooms of a room, with their messages."""
    parent = await room_store.lock_room(tx, me.room.id)
    await store.set_parent(tx, parent.id, Mode.NONE, Status.STOPPED, clock.now())
    await delete_rooms(tx, parent.token, me.actor)


async def delete_rooms(tx: Tx, token: str, actor: Actor) -> None:
    """Delete the breakout rooms of the parent room with this token."""
    for room in await store.list_rooms(tx, token):
        await rooms.remove(tx, room, actor)


# --- assigning ------------------------------------------------------------------------------
async def assign(tx: Tx, me: Participant, attendee_map: str, *, most: int) -> list[BreakoutRoom]:
    """Move all assignable attendees as the map says, and set the mode to MANUAL. Return the breakout rooms.

    Attendees who are not in the map are removed from the breakout rooms. Raises Invalid or TooLarge with the reason.
    """
    parent = await room_store.lock_room(tx, me.room.id)
    model.require_breakout_rooms(parent)
    found = await store.list_rooms(tx, parent.token)
    assignment = model.require_assignment(attendee_map, len(found), most)
    everybody = await attendee_store.list_attendees(tx, parent.id)
    model.require_no_moderator(everybody, assignment)
    if parent.breakout_mode != Mode.MANUAL:
        await store.set_parent(tx, parent.id, Mode.MANUAL, parent.breakout_status, clock.now())
    for attendee in filter(model.is_assignable, everybody):
        number = assignment.get(attendee.id)
        await _move(tx, parent, me.actor, attendee, None if number is None else found[number])
    return await _list_after_change(tx, me)


async def _move(tx: Tx, parent: Room, actor: Actor, attendee: Attendee, target: Room | None) -> int | None:
    """Remove an attendee of the parent room from all other breakout rooms, and add them to the target.

    Return the id of their attendee in the target, or None without a target. If they are there already, report them as
    added again, as the real server does (docs/api/compatibility.md).
    """
    current = await store.list_attendees_of(tx, parent.token, attendee.actor_type, attendee.actor_id)
    for room_id, own in current.items():
        if target is None or room_id != target.id:
            await participants.remove(tx, await room_store.lock_room(tx, room_id), actor, own)
    if target is None:
        return None
    if target.id not in current:
        return await _add_attendee(tx, target, actor, attendee)
    own = current[target.id]
    await tx.emit(AttendeeAdded(target.id, actor, own.id, own.actor, was_there=True))
    return own.id


async def switch(tx: Tx, me: Participant, target: str) -> tuple[Room, int]:
    """Move the caller to the breakout room with the token `target`.

    Return the room, and the id of the caller's attendee in it. Raises Invalid with the reason.
    """
    parent = await room_store.lock_room(tx, me.room.id)
    if parent.breakout_mode != Mode.FREE:
        raise Invalid("mode")
    if parent.breakout_status != Status.STARTED:
        raise Invalid("status")
    if me.is_moderator:
        raise Invalid("moderator")
    room = next((room for room in await store.list_rooms(tx, parent.token) if room.token == target), None)
    if room is None:
        raise Invalid("target")
    current = await store.list_attendees_of(tx, parent.token, me.actor.type, me.actor.id)
    if list(current) == [room.id]:
        return room, current[room.id].id
    attendee_id = await _move(tx, parent, me.actor, me.attendee, room)
    assert attendee_id is not None, "there is a target"
    return room, attendee_id


# --- listing, opening and closing -----------------------------------------------------------
async def list_rooms(tx: Tx, me: Participant) -> list[BreakoutRoom]:
    """Return the breakout rooms that the caller may see.

    Moderators see all of them. So do members who may choose one (mode FREE) and can pass the lobby. Other members see
    the one that they are in.

    Raises Invalid("mode") if there are none, and Invalid("status") if they are closed and the caller is no moderator.
    """
    model.require_breakout_rooms(me.room)
    if not me.is_moderator and me.room.breakout_status != Status.STARTED:
        raise Invalid("status")
    own = await store.list_attendees_of(tx, me.room.token, me.actor.type, me.actor.id)
    sees_all = me.is_moderator or (me.room.breakout_mode == Mode.FREE and me.can_pass_lobby)
    return [
        (room, own[room.id].id if room.id in own else None)
        for room in await store.list_rooms(tx, me.room.token)
        if sees_all or room.id in own
    ]


async def _list_after_change(tx: Tx, me: Participant) -> list[BreakoutRoom]:
    """Return the breakout rooms after a change. `me.room` was read before it, so it is read again."""
    return await list_rooms(tx, Participant(await room_store.lock_room(tx, me.room.id), me.attendee, me.session))


async def list_with_sessions(tx: Tx, me: Participant, *, with_status: bool) -> AttendeeList:
    """Return the attendees of the parent room and of the breakout rooms that the caller is in.

    Raises Forbidden for guests, and Invalid like `list_rooms`.
    """
    attendees.require_may_list(me)
    own = [room for room, attendee_id in await list_rooms(tx, me) if attendee_id is not None]
    return await attendees.list_with_sessions(tx, me, [me.room, *own], with_status=with_status)


async def start(tx: Tx, me: Participant) -> list[BreakoutRoom]:
    """Open the breakout rooms, and return them. Raises Invalid("mode")."""
    parent = await room_store.lock_room(tx, me.room.id)
    for room in await _set_status(tx, parent, Status.STARTED, Lobby.NONE):
        members = [each for each in await attendee_store.list_attendees(tx, room.id) if model.is_assignable(each)]
        user_ids = tuple(each.actor_id for each in members)
        await tx.emit(BreakoutRoomsStarted(room.id, me.actor, room.token, parent.id, user_ids))
    return await _list_after_change(tx, me)


async def stop(tx: Tx, me: Participant) -> list[BreakoutRoom]:
    """Close the breakout rooms, and return them. Everybody but moderators leaves the calls. Raises Invalid("mode")."""
    parent = await room_store.lock_room(tx, me.room.id)
    for room in await _set_status(tx, parent, Status.STOPPED, Lobby.NON_MODERATORS):
        await tx.emit(BreakoutRoomsStopped(room.id, me.actor, parent.token))
    return await _list_after_change(tx, me)


async def _set_status(tx: Tx, parent: Room, status: Status, lobby: Lobby) -> list[Room]:
    """Open or close the breakout rooms. Return those that have changed: all of them, or none."""
    model.require_breakout_rooms(parent)
    if parent.breakout_status == status:
        return []
    await store.set_status(tx, parent.id, status, clock.now())
    rooms_of_parent = await store.list_rooms(tx, parent.token)
    for room in rooms_of_parent:
        await store.set_lobby(tx, room.id, lobby)
    return rooms_of_parent


async def broadcast(tx: Tx, me: Participant, text: str) -> list[BreakoutRoom]:
    """Post a message of the caller in every breakout room, and return the rooms.

    Raises Invalid with the reason, or TooLarge("message").
    """
    parent = await room_store.lock_room(tx, me.room.id)
    model.require_breakout_rooms(parent)
    for room in await store.list_rooms(tx, parent.token):
        attendee_id = await _add_attendee(tx, room, me.actor, me.attendee, quiet=True)
        attendee = await attendee_store.get_attendee(tx, room.id, attendee_id)
        assert attendee is not None, "it was just added"
        await messages.send(tx, Participant(await room_store.lock_room(tx, room.id), attendee), text)
    return await _list_after_change(tx, me)


async def set_assistance(tx: Tx, me: Participant, *, is_wanted: bool, enabled: bool) -> None:
    """Ask the moderators to come to the caller's breakout room, or end the request. Raises Invalid with the reason."""
    if not enabled:
        raise Invalid("config")
    room = await room_store.lock_room(tx, me.room.id)
    if not room.is_breakout_room or room.is_lobby_on:
        raise Invalid("room")
    status = Status.ASSISTANCE if is_wanted else Status.STOPPED
    if status != room.breakout_status:
        await store.set_status(tx, room.id, status, clock.now())
        await tx.emit(AssistanceSet(room.id, me.actor, is_wanted))


# --- following changes of the parent room ---------------------------------------------------
async def follow_promotion(tx: Tx, parent: Room, actor: Actor, attendee: Attendee) -> None:
    """Make a new moderator of the parent room a moderator of every breakout room."""
    own = await store.list_attendees_of(tx, parent.token, attendee.actor_type, attendee.actor_id)
    for room in await store.list_rooms(tx, parent.token):
        if room.id in own:
            await room_store.lock_room(tx, room.id)
            await attendee_store.set_role(tx, room.id, own[room.id].id, attendee.type, clock.now())
            await tx.emit(PermissionsSet(room.id, actor, own[room.id].id, 0))
        else:
            await _add_attendee(tx, room, actor, attendee, quiet=True)


async def follow_removal(tx: Tx, parent: Room, actor: Actor, removed: Actor) -> None:
    """Remove an actor from all breakout rooms, after they left the parent room or were demoted."""
    for room_id, own in (await store.list_attendees_of(tx, parent.token, removed.type, removed.id)).items():
        await participants.remove(tx, await room_store.lock_room(tx, room_id), actor, own, quiet=True)


async def follow_permissions(tx: Tx, parent: Room, actor: Actor, attendee: Attendee) -> None:
    """Copy the permissions of an attendee of the parent room to the breakout rooms."""
    current = await store.list_attendees_of(tx, parent.token, attendee.actor_type, attendee.actor_id)
    for room_id, own in current.items():
        await room_store.lock_room(tx, room_id)
        await attendee_store.set_attendee(tx, room_id, own.id, "permissions", attendee.permissions, clock.now())
        await tx.emit(PermissionsSet(room_id, actor, own.id, attendee.permissions))


async def follow_defaults(tx: Tx, parent: Room, actor: Actor, permissions: int) -> None:
    """Copy the default permissions of the parent room to the breakout rooms."""
    for room in await store.list_rooms(tx, parent.token):
        await room_store.set_field(tx, room.id, "default_permissions", permissions)
        await attendee_store.reset_permissions(tx, room.id, clock.now())
        await tx.emit(DefaultPermissionsSet(room.id, actor, permissions))


async def follow_consent(tx: Tx, parent: Room, recording_consent: int) -> None:
    """Copy the recording consent of the parent room to the breakout rooms."""
    for room in await store.list_rooms(tx, parent.token):
        await room_store.set_field(tx, room.id, "recording_consent", recording_consent)


async def follow_arrival(tx: Tx, room: Room, actor: Actor, attendee_id: int) -> None:
    """After a user was added to a breakout room, add them to the parent room and take them out of others.

    If they were in the parent room before, copy their permissions from there.
    """
    added = await attendee_store.get_attendee(tx, room.id, attendee_id) if room.is_breakout_room else None
    if added is None or not model.is_assignable(added):
        return
    parent = await room_store.get_room(tx, room.object_id)
    if parent is None:
        return
    in_parent = await attendee_store.find_attendee(tx, parent.id, added.actor_type, added.actor_id)
    if in_parent is None:
        await participants.add_user(tx, parent, actor, added.actor_id, added.display_name)
    elif in_parent.permissions != added.permissions:
        await attendee_store.set_attendee(tx, room.id, added.id, "permissions", in_parent.permissions, clock.now())
    current = await store.list_attendees_of(tx, room.object_id, added.actor_type, added.actor_id)
    for room_id, own in current.items():
        if room_id != room.id:
            await participants.remove(tx, await room_store.lock_room(tx, room_id), actor, own)
