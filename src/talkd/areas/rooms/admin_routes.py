"""Operations of administrators on rooms that they need not be in."""

from typing import Any

import msgspec

from talkd.areas.rooms import admin_service as service
from talkd.areas.rooms.admin_view import MeasuredRoomView, measured
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Access, Guard, Routes

routes = Routes("administration", base="/apps/talkd/api")


class Search(msgspec.Struct, frozen=True):
    """A part of the token, the order (`activity`, `messages` or `people`), and which part of the list to return."""

    search: str = ""
    order: str = "activity"
    limit: int = 50
    offset: int = 0


class RoomPath(msgspec.Struct, frozen=True):
    """The token of a room."""

    room: str


@routes.add(
    "GET",
    "rooms",
    Guard.ADMIN,
    versions=("v1",),
    params=Search,
    access=Access.OWN,
    returns=list[MeasuredRoomView],
    errors=(400,),
)
async def list_rooms(call: Call[Search]) -> list[MeasuredRoomView]:
    """List all rooms by size or activity, without what their members wrote."""
    wanted = call.params
    found = await call.world.db.read_aside(
        lambda tx: service.list_measured(tx, wanted.search, wanted.order, wanted.limit, wanted.offset)
    )
    return [measured(each) for each in found]


@routes.add("DELETE", "rooms/{room}", Guard.ADMIN, versions=("v1",), params=RoomPath, errors=(400, 404))
async def delete_room(tx: Tx, call: Call[RoomPath]) -> Any:
    """Delete a group or public room with everything in it."""
    await service.delete(tx, call.params.room, call.caller.actor)
    return []
