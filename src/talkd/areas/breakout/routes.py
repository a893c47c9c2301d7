"""Operations on breakout rooms."""

from typing import Any

import msgspec
from msgspec import UNSET

from talkd.areas.breakout import service
from talkd.areas.membership.routes import ListParams, listed
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView, seen_from_outside
from talkd.areas.participants.view import ParticipantView
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import PAST_LOBBY, USER_IN_ROOM, USER_MODERATOR, Routes

routes = Routes("breakout_room")
V1 = ("v1",)
V4 = ("v4",)


class CreateParams(msgspec.Struct, frozen=True):
    """The breakout rooms to create.

    `attendeeMap` is a JSON object: the number of a breakout room, counted from 0, by attendee id.
    """

    mode: int
    amount: int
    attendeeMap: str = "[]"


class AssignParams(msgspec.Struct, frozen=True):
    """The number of the breakout room of each attendee: see CreateParams."""

    attendeeMap: str


class BroadcastParams(msgspec.Struct, frozen=True):
    """A message for all breakout rooms."""

    message: str


class SwitchParams(msgspec.Struct, frozen=True):
    """The token of a breakout room."""

    target: str


async def _render(tx: Tx, call: Call[Any], rooms: list[service.BreakoutRoom]) -> list[RoomView]:
    return [
        seen_from_outside(room, is_listed=True, shows_object=True)
        if attendee_id is None
        else await rendering.render(tx, call, room.id, attendee_id)
        for room, attendee_id in rooms
    ]


async def _render_with_parent(tx: Tx, call: Call[Any], rooms: list[service.BreakoutRoom]) -> list[RoomView]:
    return [*await _render(tx, call, rooms), await rendering.render_mine(tx, call)]


# --- listing --------------------------------------------------------------------------------
@routes.add("GET", "room/{token}/breakout-rooms", *USER_IN_ROOM, versions=V4, returns=list[RoomView])
async def list_rooms(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """List the breakout rooms that the caller may see, without their last messages."""
    shown = await _render(tx, call, await service.list_rooms(tx, call.me))
    return [msgspec.structs.replace(room, lastMessage=UNSET) for room in shown]


@routes.add(
    "GET",
    "room/{token}/breakout-rooms/participants",
    *PAST_LOBBY,
    versions=V4,
    params=ListParams,
    returns=list[ParticipantView],
)
async def list_participants(tx: Tx, call: Call[ListParams]) -> Reply:
    """List the attendees of a room and of the breakout rooms that the caller is in."""
    return listed(call.me, await service.list_with_sessions(tx, call.me, with_status=call.params.includeStatus))


# --- creating and deleting ------------------------------------------------------------------
@routes.add("POST", "breakout-rooms/{token}", *USER_MODERATOR, versions=V1, params=CreateParams, returns=list[RoomView])
async def create(tx: Tx, call: Call[CreateParams]) -> list[RoomView]:
    """Create breakout rooms."""
    params, enabled = call.params, call.world.talk_settings.has_breakout_rooms
    most = call.world.config.sizes.divided
    created = await service.create(
        tx, call.me, params.mode, params.amount, params.attendeeMap, enabled=enabled, most=most
    )
    return await _render_with_parent(tx, call, created)


@routes.add("DELETE", "breakout-rooms/{token}", *USER_MODERATOR, versions=V1, returns=RoomView)
async def delete(tx: Tx, call: Call[Any]) -> RoomView:
    """Delete all breakout rooms of a room."""
    await service.delete(tx, call.me)
    return await rendering.render_mine(tx, call)


# --- assigning ------------------------------------------------------------------------------
@routes.add(
    "POST",
    "breakout-rooms/{token}/attendees",
    *USER_MODERATOR,
    versions=V1,
    params=AssignParams,
    returns=list[RoomView],
)
async def assign(tx: Tx, call: Call[AssignParams]) -> list[RoomView]:
    """Assign attendees to breakout rooms."""
    assigned = await service.assign(tx, call.me, call.params.attendeeMap, most=call.world.config.sizes.divided)
    return await _render_with_parent(tx, call, assigned)


@routes.add("POST", "breakout-rooms/{token}/switch", *USER_IN_ROOM, versions=V1, params=SwitchParams, returns=RoomView)
async def switch(tx: Tx, call: Call[SwitchParams]) -> RoomView:
    """Move the caller to another breakout room.

    The answer shows the new room with the caller's attendee of the parent room, as the real server does
    (docs/api/compatibility.md).
    """
    room, attendee_id = await service.switch(tx, call.me, call.params.target)
    return await rendering.render(tx, call, room.id, attendee_id, shown_as=call.me.attendee)


# --- opening, closing and calling for help --------------------------------------------------
@routes.add("POST", "breakout-rooms/{token}/rooms", *USER_MODERATOR, versions=V1, returns=list[RoomView])
async def start(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """Open the breakout rooms."""
    return await _render_with_parent(tx, call, await service.start(tx, call.me))


@routes.add("DELETE", "breakout-rooms/{token}/rooms", *USER_MODERATOR, versions=V1, returns=list[RoomView])
async def stop(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """Close the breakout rooms."""
    return await _render_with_parent(tx, call, await service.stop(tx, call.me))


@routes.add(
    "POST",
    "breakout-rooms/{token}/broadcast",
    *USER_MODERATOR,
    versions=V1,
    params=BroadcastParams,
    returns=list[RoomView],
)
async def broadcast(tx: Tx, call: Call[BroadcastParams]) -> Reply:
    """Post a message in all breakout rooms."""
    reached = await service.broadcast(tx, call.me, call.params.message)
    return Reply(await _render_with_parent(tx, call, reached), 201)


@routes.add("POST", "breakout-rooms/{token}/request-assistance", *USER_IN_ROOM, versions=V1, returns=RoomView)
async def request_assistance(tx: Tx, call: Call[Any]) -> RoomView:
    """Ask the moderators to come to this breakout room."""
    await service.set_assistance(tx, call.me, is_wanted=True, enabled=call.world.talk_settings.has_breakout_rooms)
    return await rendering.render_mine(tx, call)


@routes.add("DELETE", "breakout-rooms/{token}/request-assistance", *USER_IN_ROOM, versions=V1, returns=RoomView)
async def reset_assistance(tx: Tx, call: Call[Any]) -> RoomView:
    """End the request for assistance."""
    await service.set_assistance(tx, call.me, is_wanted=False, enabled=call.world.talk_settings.has_breakout_rooms)
    return await rendering.render_mine(tx, call)
