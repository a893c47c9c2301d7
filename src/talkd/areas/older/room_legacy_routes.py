"""The conversation API v1, v2 and v3. All three change the same conversations by the same operations as v4."""

from dataclasses import replace
from typing import Any

from talkd.areas.lobby import routes as lobby
from talkd.areas.membership import preference_routes as choices
from talkd.areas.older import crowd_service
from talkd.areas.older import room_legacy as legacy
from talkd.areas.older.crowd_model import NOBODY
from talkd.areas.older.room_legacy import CreatedV1, OldCreateParams, OldListParams, RoomV1, RoomV2, RoomV3
from talkd.areas.rooms import creation_routes as creation
from talkd.areas.rooms import routes as rooms
from talkd.areas.rooms import setting_routes as room_settings
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import MODERATOR_WITH_ACCOUNT, Access, Guard, Routes

routes = Routes("conversation")
OLD = ("v1", "v2", "v3")
V1 = ("v1",)


# --- v1 tells who is there, which today's answers do not --------------------------------------
@routes.add("GET", "room", Guard.USER, versions=V1, params=OldListParams, access=Access.OWN, returns=list[RoomV1])
async def list_rooms(call: Call[Any]) -> Reply:
    """List all conversations of the user with the people in them."""
    reply: Reply = await rooms.list_rooms(replace(call, params=legacy.listing(call.params)))
    crowds = await call.world.db.read(lambda tx: crowd_service.list_crowds(tx, call.user_id))
    return replace(reply, data=[legacy.room_v1(room, crowds.get(room.id, NOBODY)) for room in reply.data])


@routes.add("GET", "room/{token}", Guard.NO_LOGIN, versions=V1, returns=RoomV1)
async def get_room(tx: Tx, call: Call[Any]) -> Reply:
    """Get one conversation with the people in it."""
    reply: Reply = await rooms.get_room(tx, call)
    crowd = await crowd_service.get_crowd(tx, reply.data.id, reply.data.attendeeId)
    return replace(reply, data=legacy.room_v1(reply.data, crowd))


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
    reply: Reply = await creation.create_room(replace(call, params=legacy.creation(call.params)))
    room = reply.data
    crowd = await call.world.db.read(lambda tx: crowd_service.get_crowd(tx, room.id, room.attendeeId))
    return replace(reply, data=legacy.created_v1(room, crowd))


# --- v2 and v3 are today's with less --------------------------------------------------------
for version, one, one_kind, many, many_kind in (
    ("v2", legacy.room_v2, RoomV2, legacy.rooms_v2, list[RoomV2]),
    ("v3", legacy.room_v3, RoomV3, legacy.rooms_v3, list[RoomV3]),
):
    listed: dict[str, Any] = {"params": OldListParams, "reads": legacy.listing, "answers": many, "returns": many_kind}
    made: dict[str, Any] = {
        "params": OldCreateParams,
        "reads": legacy.creation,
        "answers": one,
        "returns": one_kind,
        "refuses": legacy.not_created,
    }
    routes.older(rooms.routes, rooms.list_rooms, version, **listed)
    routes.older(rooms.routes, rooms.get_room, version, answers=one, returns=one_kind)
    routes.older(creation.routes, creation.create_room, version, **made)

# --- settings -------------------------------------------------------------------------------
routes.older(
    room_settings.routes,
    room_settings.rename_room,
    *OLD,
    reads=legacy.short_name,
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
    reads=legacy.no_password,
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

# --- what everybody chooses for himself; guests are told that there is nothing ----------------
for handler in (choices.add_favorite, choices.remove_favorite, choices.set_notification_level):
    routes.older(choices.routes, handler, *OLD, guards=(Guard.NO_LOGIN, Guard.IDENTIFIED), answers=legacy.nothing)

# --- what came with v3 ------------------------------------------------------------------------
routes.older(room_settings.routes, room_settings.set_description, "v3", answers=legacy.nothing)
routes.older(room_settings.routes, room_settings.set_listable, "v3", answers=legacy.nothing)
routes.older(rooms.routes, rooms.list_listed, "v3", answers=legacy.rooms_v3, returns=list[RoomV3])
