"""Operations on rooms in API v1, v2 and v3. They change the same data as those of v4."""

import dataclasses
from typing import Any

import msgspec

from talkd.areas.lobby import routes as lobby
from talkd.areas.membership import preference_routes as choices
from talkd.areas.older import member_store
from talkd.areas.older import room_legacy as legacy
from talkd.areas.older.member_store import NO_MEMBERS
from talkd.areas.older.room_legacy import CreatedV1, JoinedV1, OldCreateParams, OldListParams, RoomV1, RoomV2, RoomV3
from talkd.areas.overviews import rendering
from talkd.areas.rooms import creation_routes as creation
from talkd.areas.rooms import routes as rooms
from talkd.areas.rooms import setting_routes as room_settings
from talkd.areas.sessions import routes as sessions
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import IN_ROOM, MODERATOR_WITH_ACCOUNT, Access, Guard, Routes

routes = Routes("conversation")
session_routes = Routes("session")
OLD = ("v1", "v2", "v3")
V1 = ("v1",)


# --- v1, whose rooms contain their members ------------------------------------------------------
@routes.add("GET", "room", Guard.USER, versions=V1, params=OldListParams, access=Access.OWN, returns=list[RoomV1])
async def list_rooms(call: Call[Any]) -> Reply:
    """List all conversations of the user with their members."""
    call = dataclasses.replace(call, params=legacy.read_list(call.params))

    async def work(tx: Tx, is_welcomed: bool) -> Reply | None:
        reply = await rooms.read_rooms(tx, call, is_welcomed=is_welcomed)
        if reply is None:
            return None
        members = await member_store.list_members(tx, call.user_id)
        return msgspec.structs.replace(
            reply, data=[legacy.room_v1(room, members.get(room.id, NO_MEMBERS)) for room in reply.data]
        )

    return await rooms.read_welcomed(call, work)


@routes.add("GET", "room/{token}", Guard.NO_LOGIN, versions=V1, returns=RoomV1)
async def get_room(tx: Tx, call: Call[Any]) -> Reply:
    """Get a conversation with its members."""
    reply: Reply = await rooms.get_room(tx, call)
    members = await member_store.get_members(tx, reply.data.id, reply.data.attendeeId)
    return msgspec.structs.replace(reply, data=legacy.room_v1(reply.data, members))


@routes.add(
    "POST",
    "room",
    Guard.USER,
    versions=V1,
    params=OldCreateParams,
    access=Access.OWN,
    limit=Limit.ROOMS,
    returns=CreatedV1,
    refuses=legacy.not_created,
)
async def create_room(call: Call[Any]) -> Reply:
    """Create a conversation."""
    return await creation.create(dataclasses.replace(call, params=legacy.read_create(call.params)), _render_created)


async def _render_created(
    tx: Tx, call: Call[Any], room_id: int, attendee_id: int, *, missed: dict[str, list[str]] | None = None
) -> CreatedV1:
    room = await rendering.render(tx, call, room_id, attendee_id, missed=missed)
    return legacy.created_v1(room, await member_store.get_members(tx, room_id, attendee_id))


# --- v2 and v3, whose rooms have fewer fields than those of v4 ----------------------------------
for version, one, one_kind, many, many_kind in (
    ("v2", legacy.room_v2, RoomV2, legacy.rooms_v2, list[RoomV2]),
    ("v3", legacy.room_v3, RoomV3, legacy.rooms_v3, list[RoomV3]),
):
    listed: dict[str, Any] = {"params": OldListParams, "reads": legacy.read_list, "answers": many, "returns": many_kind}
    made: dict[str, Any] = {
        "params": OldCreateParams,
        "reads": legacy.read_create,
        "answers": one,
        "returns": one_kind,
        "refuses": legacy.not_created,
    }
    routes.older(rooms.routes, rooms.list_rooms, version, **listed)
    routes.older(rooms.routes, rooms.get_room, version, answers=one, returns=one_kind)
    routes.older(creation.routes, creation.create_room, version, **made)

# --- settings -----------------------------------------------------------------------------------
routes.older(
    room_settings.routes,
    room_settings.rename_room,
    *OLD,
    reads=legacy.read_name,
    answers=legacy.nothing,
    refuses=legacy.cannot_be_renamed,
)
routes.older(rooms.routes, rooms.delete_room, *OLD, answers=legacy.nothing, refuses=legacy.refused_by_type)
routes.older(
    room_settings.routes,
    room_settings.allow_guests,
    *OLD,
    guards=MODERATOR_WITH_ACCOUNT,
    params=NoParams,
    reads=legacy.read_allow_guests,
    answers=legacy.nothing,
    refuses=legacy.refused_by_rule,
)
routes.older(
    room_settings.routes,
    room_settings.disallow_guests,
    *OLD,
    guards=MODERATOR_WITH_ACCOUNT,
    answers=legacy.nothing,
    refuses=legacy.refused_by_rule,
)
routes.older(
    room_settings.routes, room_settings.set_password, *OLD, answers=legacy.nothing, refuses=legacy.refused_by_type
)
routes.older(
    room_settings.routes, room_settings.set_read_only, *OLD, guards=MODERATOR_WITH_ACCOUNT, answers=legacy.nothing
)
routes.older(lobby.routes, lobby.set_lobby, *OLD, path="room/{token}/webinary/lobby", answers=legacy.nothing)

# --- preferences; guests get 404 ----------------------------------------------------------------
for handler in (choices.add_favorite, choices.remove_favorite, choices.set_notification_level):
    routes.older(choices.routes, handler, *OLD, guards=(Guard.NO_LOGIN, Guard.IDENTIFIED), answers=legacy.nothing)

# --- new in v3 ----------------------------------------------------------------------------------
routes.older(room_settings.routes, room_settings.set_description, "v3", answers=legacy.nothing)
routes.older(room_settings.routes, room_settings.set_listable, "v3", answers=legacy.nothing)
routes.older(rooms.routes, rooms.list_listed, "v3", answers=legacy.rooms_v3, returns=list[RoomV3])

# --- sessions -----------------------------------------------------------------------------------
session_routes.older(sessions.routes, sessions.join, "v1", "v2", answers=legacy.joined_v1, returns=JoinedV1)
session_routes.older(sessions.routes, sessions.join, "v3", answers=legacy.room_v3, returns=RoomV3)
session_routes.older(sessions.routes, sessions.leave, *OLD, guards=IN_ROOM, answers=legacy.nothing)
