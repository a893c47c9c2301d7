"""Dividing a conversation, spreading people, opening and closing the parts."""

from collections.abc import Iterable

from talkd.areas.breakout import model, store
from talkd.areas.breakout.model import Mode, Seats, Status
from talkd.areas.messages import service as messages
from talkd.areas.participants import attendee_service as attendees
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms import service as rooms
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Attendee, Participant, People
from talkd.conversation.room import BREAKOUT, Attributes, Room
from talkd.core import clock
from talkd.core.actor import Actor
from talkd.core.constants import Lobby, ParticipantType, RoomType
from talkd.core.errors import Invalid
from talkd.core.events import (
    AttendeeAdded,
    BreakoutRoomsStarted,
    BreakoutRoomsStopped,
    DefaultPermissionsSet,
    PermissionsSet,
    RoomCreated,
)
from talkd.storage.database import Tx

Part = tuple[Room, int | None]
"""A breakout room, and the caller's attendee in it."""


# --- making and removing --------------------------------------------------------------------
async def create(
    tx: Tx, me: Participant, mode: int, amount: int, attendee_map: str, *, enabled: bool, most: int
) -> None:
    """Divide a conversation of `most` attendees into closed parts with all its moderators in each.

    Raises Invalid or TooLarge with the reason.
    """
    if not enabled:
        raise Invalid("config")
    chosen = model.require_mode(mode)
    model.require_amount(amount)
    parent = await access.lock_room(tx, me.room.id)
    model.require_divisible(parent)
    people = await attendee_store.list_attendees(tx, parent.id)
    model.require_few(people, most)
    seats: Seats = {}
    if chosen == Mode.MANUAL:
        seats = model.require_seats(attendee_map, amount, most)
    elif chosen == Mode.AUTOMATIC:
        seats = model.deal(people, amount)
    model.require_assignable(people, seats)
    await store.set_parent(tx, parent.id, chosen, Status.STOPPED, clock.now())
    parts = [await _add_part(tx, parent, me.actor, f"Room {number}", people) for number in range(1, amount + 1)]
    for attendee in people:
        if attendee.id in seats and model.is_seated(attendee):
            await _seat(tx, parts[seats[attendee.id]], me.actor, attendee)


async def _add_part(tx: Tx, parent: Room, actor: Actor, name: str, people: Iterable[Attendee]) -> Room:
    part = await room_store.add_room(
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
    await store.set_door(tx, part.id, Lobby.NON_MODERATORS)
    await tx.emit(RoomCreated(part.id, actor))
    for attendee in people:
        if attendee.is_moderator and not attendee.is_guest:
            await _seat(tx, part, actor, attendee, quiet=True)
    return part


async def _seat(tx: Tx, part: Room, actor: Actor, attendee: Attendee, *, quiet: bool = False) -> int:
    """Add an attendee of the parent to a part, with the same role. Return their attendee id in the part."""
    role = ParticipantType(attendee.type) if attendee.is_moderator else ParticipantType.USER
    return await participants.add_user(
        tx, part, actor, attendee.actor_id, attendee.display_name, type=role, quiet=quiet
    )


async def delete(tx: Tx, me: Participant) -> None:
    """One conversation again; what was said in the parts is gone."""
    parent = await access.lock_room(tx, me.room.id)
    await store.set_parent(tx, parent.id, Mode.NONE, Status.STOPPED, clock.now())
    await delete_parts(tx, parent.token, me.actor)


async def delete_parts(tx: Tx, token: str, actor: Actor) -> None:
    """All breakout rooms of the conversation with that token are gone."""
    for part in await store.list_parts(tx, token):
        await rooms.remove(tx, part, actor)


# --- spreading people -----------------------------------------------------------------------
async def set_seats(tx: Tx, me: Participant, attendee_map: str, *, most: int) -> None:
    """Everybody to the room that the map says; who is not in it belongs to none. From then on it is manual.

    Raises Invalid or TooLarge with the reason.
    """
    parent = await access.lock_room(tx, me.room.id)
    model.require_divided(parent)
    parts = await store.list_parts(tx, parent.token)
    seats = model.require_seats(attendee_map, len(parts), most)
    people = await attendee_store.list_attendees(tx, parent.id)
    model.require_assignable(people, seats)
    if parent.breakout_mode != Mode.MANUAL:
        await store.set_parent(tx, parent.id, Mode.MANUAL, parent.breakout_status, clock.now())
    for attendee in filter(model.is_seated, people):
        number = seats.get(attendee.id)
        await _move(tx, parent, me.actor, attendee, None if number is None else parts[number])


async def _move(tx: Tx, parent: Room, actor: Actor, attendee: Attendee, target: Room | None) -> int | None:
    """Out of the other parts, into that one; the attendee's id in it.

    Who is there already stays, and all are told that he belongs there (recording `breakout/manual`).
    """
    taken = await store.list_seats(tx, parent.token, attendee.actor_type, attendee.actor_id)
    for room_id, seat in taken.items():
        if target is None or room_id != target.id:
            await participants.remove(tx, await access.lock_room(tx, room_id), actor, seat)
    if target is None:
        return None
    if target.id not in taken:
        return await _seat(tx, target, actor, attendee)
    seat = taken[target.id]
    await tx.emit(AttendeeAdded(target.id, actor, seat.id, seat.actor, was_there=True))
    return seat.id


async def switch(tx: Tx, me: Participant, target: str) -> tuple[Room, int]:
    """Go to another part by oneself; it, and one's attendee in it. Raises Invalid with the reason."""
    parent = await access.lock_room(tx, me.room.id)
    if parent.breakout_mode != Mode.FREE:
        raise Invalid("mode")
    if parent.breakout_status != Status.STARTED:
        raise Invalid("status")
    if me.is_moderator:
        raise Invalid("moderator")
    part = next((part for part in await store.list_parts(tx, parent.token) if part.token == target), None)
    if part is None:
        raise Invalid("target")
    seats = await store.list_seats(tx, parent.token, me.actor.type, me.actor.id)
    if list(seats) == [part.id]:
        return part, seats[part.id].id
    attendee_id = await _move(tx, parent, me.actor, me.attendee, part)
    assert attendee_id is not None, "there is a target"
    return part, attendee_id


# --- what goes on ---------------------------------------------------------------------------
async def list_parts(tx: Tx, me: Participant) -> list[Part]:
    """The parts that the caller may see: all for moderators, and for members who may choose; else the caller's own.

    Raises Invalid("mode") without parts, and Invalid("status") for others while they are closed.
    """
    model.require_divided(me.room)
    if not me.is_moderator and me.room.breakout_status != Status.STARTED:
        raise Invalid("status")
    seats = await store.list_seats(tx, me.room.token, me.actor.type, me.actor.id)
    sees_all = me.is_moderator or (me.room.breakout_mode == Mode.FREE and me.can_pass_lobby)
    return [
        (part, seats[part.id].id if part.id in seats else None)
        for part in await store.list_parts(tx, me.room.token)
        if sees_all or part.id in seats
    ]


async def list_people(tx: Tx, me: Participant, *, with_status: bool) -> People:
    """Everybody in the conversation and in the caller's own parts.

    Raises Forbidden for guests, and Invalid as `list_parts`.
    """
    attendees.require_may_list(me)
    parts = [part for part, attendee_id in await list_parts(tx, me) if attendee_id is not None]
    return await attendees.list_people(tx, me, [me.room, *parts], with_status=with_status)


async def start(tx: Tx, me: Participant) -> None:
    """Let people into their rooms. Raises Invalid("mode")."""
    await _set_doors(tx, me, Status.STARTED, Lobby.NONE, BreakoutRoomsStarted)


async def stop(tx: Tx, me: Participant) -> None:
    """Close the parts: who does not moderate leaves the calls there. Raises Invalid("mode")."""
    await _set_doors(tx, me, Status.STOPPED, Lobby.NON_MODERATORS, BreakoutRoomsStopped)


async def _set_doors(
    tx: Tx, me: Participant, status: Status, lobby: Lobby, event: type[BreakoutRoomsStarted | BreakoutRoomsStopped]
) -> None:
    parent = await access.lock_room(tx, me.room.id)
    model.require_divided(parent)
    if parent.breakout_status == status:
        return
    await store.set_status(tx, parent.id, status, clock.now())
    for part in await store.list_parts(tx, parent.token):
        await store.set_door(tx, part.id, lobby)
        await tx.emit(event(part.id, me.actor))


async def broadcast(tx: Tx, me: Participant, text: str) -> None:
    """Say the same in all parts. Raises Invalid with the reason, TooLarge("message")."""
    parent = await access.lock_room(tx, me.room.id)
    model.require_divided(parent)
    for part in await store.list_parts(tx, parent.token):
        attendee_id = await _seat(tx, part, me.actor, me.attendee, quiet=True)
        attendee = await attendee_store.get_attendee(tx, part.id, attendee_id)
        assert attendee is not None, "just seated"
        await messages.send(tx, Participant(await access.lock_room(tx, part.id), attendee), text)


async def set_assistance(tx: Tx, me: Participant, *, is_wanted: bool, enabled: bool) -> None:
    """Ask the moderators to come, or not any more. Raises Invalid with the reason."""
    if not enabled:
        raise Invalid("config")
    part = await access.lock_room(tx, me.room.id)
    if not part.is_breakout_room or part.has_lobby:
        raise Invalid("room")
    status = Status.ASSISTANCE if is_wanted else Status.STOPPED
    if status != part.breakout_status:
        await store.set_status(tx, part.id, status, clock.now())


# --- what happens in the parent -------------------------------------------------------------
async def follow_promotion(tx: Tx, parent: Room, actor: Actor, attendee: Attendee) -> None:
    """Who moderates the parent moderates every part."""
    seats = await store.list_seats(tx, parent.token, attendee.actor_type, attendee.actor_id)
    for part in await store.list_parts(tx, parent.token):
        if part.id in seats:
            seat = seats[part.id]
            await access.lock_room(tx, part.id)
            await attendee_store.set_role(tx, part.id, seat.id, attendee.type, clock.now())
            await tx.emit(PermissionsSet(part.id, actor, seat.id, 0))
        else:
            await _seat(tx, part, actor, attendee, quiet=True)


async def follow_removal(tx: Tx, parent: Room, actor: Actor, gone: Actor) -> None:
    """Who left the parent, or does not moderate it any more, is in no part."""
    for room_id, seat in (await store.list_seats(tx, parent.token, gone.type, gone.id)).items():
        await participants.remove(tx, await access.lock_room(tx, room_id), actor, seat, quiet=True)


async def follow_permissions(tx: Tx, parent: Room, actor: Actor, attendee: Attendee) -> None:
    """What somebody may do in the parent holds in the parts."""
    for room_id, seat in (await store.list_seats(tx, parent.token, attendee.actor_type, attendee.actor_id)).items():
        await access.lock_room(tx, room_id)
        await attendee_store.set_attendee(tx, room_id, seat.id, "permissions", attendee.permissions, clock.now())
        await tx.emit(PermissionsSet(room_id, actor, seat.id, attendee.permissions))


async def follow_defaults(tx: Tx, parent: Room, actor: Actor, permissions: int) -> None:
    """What members may do in the parent, they may do in the parts."""
    for part in await store.list_parts(tx, parent.token):
        await store.set_permissions(tx, part.id, permissions)
        await attendee_store.reset_permissions(tx, part.id, clock.now())
        await tx.emit(DefaultPermissionsSet(part.id, actor, permissions))


async def follow_consent(tx: Tx, parent: Room, recording_consent: int) -> None:
    """Ask for consent to recording in the parts as in the parent."""
    for part in await store.list_parts(tx, parent.token):
        await room_store.set_field(tx, part.id, "recording_consent", recording_consent)


async def follow_arrival(tx: Tx, part: Room, actor: Actor, attendee_id: int) -> None:
    """Make a new member of a part a member of the parent, with equal permissions in both, and of no other part."""
    arrived = await attendee_store.get_attendee(tx, part.id, attendee_id) if part.is_breakout_room else None
    if arrived is None or not model.is_seated(arrived):
        return
    parent = await room_store.get_room(tx, part.object_id)
    if parent is None:
        return
    own = await attendee_store.find_attendee(tx, parent.id, arrived.actor_type, arrived.actor_id)
    if own is None:
        await participants.add_user(tx, parent, actor, arrived.actor_id, arrived.display_name)
    elif own.permissions != arrived.permissions:
        await attendee_store.set_attendee(tx, part.id, arrived.id, "permissions", own.permissions, clock.now())
    seats = await store.list_seats(tx, part.object_id, arrived.actor_type, arrived.actor_id)
    for room_id, seat in seats.items():
        if room_id != part.id:
            await participants.remove(tx, await access.lock_room(tx, room_id), actor, seat)
