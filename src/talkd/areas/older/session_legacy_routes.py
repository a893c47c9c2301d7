"""Operations of API v1–v3 that open and close a conversation on a device."""

from talkd.areas.older import room_legacy as rooms
from talkd.areas.older import session_legacy as legacy
from talkd.areas.sessions import routes as today
from talkd.web.routing import IN_ROOM, Routes

routes = Routes("session")

routes.older(today.routes, today.join, "v1", "v2", answers=legacy.joined, returns=legacy.Joined)
routes.older(today.routes, today.join, "v3", answers=rooms.room_v3, returns=rooms.RoomV3)
routes.older(today.routes, today.leave, "v1", "v2", "v3", guards=IN_ROOM, answers=rooms.nothing)
