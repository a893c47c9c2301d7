"""Operations on breakout rooms."""

from typing import Any

import msgspec
from msgspec import UNSET

from talkd.areas.breakout import service
from talkd.areas.membership.routes import ListParams, listed
from talkd.areas.messages import service as messages
from talkd.areas.overviews import service as overviews
from talkd.areas.overviews import view as room_view
from talkd.areas.overviews.rendering import render, render_mine
from talkd.areas.overviews.view import RoomView
from talkd.areas.participants.view import ParticipantView
from talkd.conversation import access
from talkd.conversation.participant import Participant
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import USER_IN_ROOM, USER_MODERATOR, Guard, Routes

routes = Routes("breakout_room")
V1 = ("v1",)
V4 = ("v4",)


class CreateParams(msgspec.Struct, frozen=True):
    """How to divide a conversation; the map is a JSON text of attendee ids and numbers of rooms from 0."""

    mode: int
    amount: int
    attendeeMap: str = "[]"


class SeatsParams(msgspec.Struct, frozen=True):
    """Who goes where."""

    attendeeMap: str


class BroadcastParams(msgspec.Struct, frozen=True):
    """What to say in all rooms."""

    message: str


class SwitchParams(msgspec.Struct, frozen=True):
    """Token of the room to go to."""

    target: str


async def _me(tx: Tx, call: Call[Any]) -> Participant:
    """The caller in the room as it is after the change."""
    return Participant(await access.lock_room(tx, call.me.room.id), call.me.attendee, call.me.session)


async def _render_parts(tx: Tx, call: Call[Any], me: Participant, *, with_last_message: bool) -> list[RoomView]:
    shown = []
    for part, attendee_id in await service.list_parts(tx, me):
        if attendee_id is None:
            shown.append(room_view.seen_from_outside(part, is_listed=True, is_part=True))
            continue
        view = await render(tx, call, part.id, attendee_id)
        shown.append(view if with_last_message else msgspec.structs.replace(view, lastMessage=UNSET))
    return shown


async def _render_all(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """The parts and the conversation itself."""
    parts = await _render_parts(tx, call, await _me(tx, call), with_last_message=True)
    return [*parts, await render_mine(tx, call)]


# --- looking --------------------------------------------------------------------------------
@routes.add("GET", "room/{token}/breakout-rooms", *USER_IN_ROOM, versions=V4, returns=list[RoomView])
async def list_parts(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """List the breakout rooms of a conversation that the caller may see."""
    return await _render_parts(tx, call, call.me, with_last_message=False)


@routes.add(
    "GET",
    "room/{token}/breakout-rooms/participants",
    Guard.NO_LOGIN,
    Guard.PARTICIPANT,
    Guard.LOBBY_OPEN,
    versions=V4,
    params=ListParams,
    returns=list[ParticipantView],
)
async def list_participants(tx: Tx, call: Call[ListParams]) -> Reply:
    """List everybody in a conversation and in its breakout rooms that the caller may see."""
    return listed(call.me, await service.list_people(tx, call.me, with_status=call.params.includeStatus))


# --- making and removing --------------------------------------------------------------------
@routes.add("POST", "breakout-rooms/{token}", *USER_MODERATOR, versions=V1, params=CreateParams, returns=list[RoomView])
async def create(tx: Tx, call: Call[CreateParams]) -> list[RoomView]:
    """Divide a conversation into breakout rooms."""
    params, enabled = call.params, call.world.settings.has_breakout_rooms
    most = call.world.config.sizes.divided
    await service.create(tx, call.me, params.mode, params.amount, params.attendeeMap, enabled=enabled, most=most)
    return await _render_all(tx, call)


@routes.add("DELETE", "breakout-rooms/{token}", *USER_MODERATOR, versions=V1, returns=RoomView)
async def delete(tx: Tx, call: Call[Any]) -> RoomView:
    """Remove all breakout rooms of a conversation."""
    await service.delete(tx, call.me)
    return await render_mine(tx, call)


# --- spreading people -----------------------------------------------------------------------
@routes.add(
    "POST", "breakout-rooms/{token}/attendees", *USER_MODERATOR, versions=V1, params=SeatsParams, returns=list[RoomView]
)
async def set_seats(tx: Tx, call: Call[SeatsParams]) -> list[RoomView]:
    """Say who belongs to which breakout room."""
    await service.set_seats(tx, call.me, call.params.attendeeMap, most=call.world.config.sizes.divided)
    return await _render_all(tx, call)


@routes.add("POST", "breakout-rooms/{token}/switch", *USER_IN_ROOM, versions=V1, params=SwitchParams, returns=RoomView)
async def switch(tx: Tx, call: Call[SwitchParams]) -> RoomView:
    """Go to another breakout room.

    The answer shows the new room with what the caller is in the conversation itself, as clients know it
    (recording `breakout/free-choice`).
    """
    part, attendee_id = await service.switch(tx, call.me, call.params.target)
    overview = await overviews.get_overview(tx, part.id, attendee_id, browser=call.caller.browser)
    me = Participant(overview.me.room, call.me.attendee)
    last = overview.last_message
    names = await messages.get_names(tx, [last]) if last is not None else {}
    return room_view.room(msgspec.structs.replace(overview, me=me), call.world.settings.room_defaults, names)


# --- what goes on ---------------------------------------------------------------------------
@routes.add("POST", "breakout-rooms/{token}/rooms", *USER_MODERATOR, versions=V1, returns=list[RoomView])
async def start(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """Open the breakout rooms."""
    await service.start(tx, call.me)
    return await _render_all(tx, call)


@routes.add("DELETE", "breakout-rooms/{token}/rooms", *USER_MODERATOR, versions=V1, returns=list[RoomView])
async def stop(tx: Tx, call: Call[Any]) -> list[RoomView]:
    """Close the breakout rooms."""
    await service.stop(tx, call.me)
    return await _render_all(tx, call)


@routes.add(
    "POST",
    "breakout-rooms/{token}/broadcast",
    *USER_MODERATOR,
    versions=V1,
    params=BroadcastParams,
    returns=list[RoomView],
)
async def broadcast(tx: Tx, call: Call[BroadcastParams]) -> Reply:
    """Say something in all breakout rooms."""
    await service.broadcast(tx, call.me, call.params.message)
    return Reply(await _render_all(tx, call), 201)


@routes.add("POST", "breakout-rooms/{token}/request-assistance", *USER_IN_ROOM, versions=V1, returns=RoomView)
async def request_assistance(tx: Tx, call: Call[Any]) -> RoomView:
    """Ask the moderators to come to this breakout room."""
    await service.set_assistance(tx, call.me, is_wanted=True, enabled=call.world.settings.has_breakout_rooms)
    return await render_mine(tx, call)


@routes.add("DELETE", "breakout-rooms/{token}/request-assistance", *USER_IN_ROOM, versions=V1, returns=RoomView)
async def reset_assistance(tx: Tx, call: Call[Any]) -> RoomView:
    """Ask for no assistance any more."""
    await service.set_assistance(tx, call.me, is_wanted=False, enabled=call.world.settings.has_breakout_rooms)
    return await render_mine(tx, call)
