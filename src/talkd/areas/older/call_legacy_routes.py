"""Operations of the call API v1–v3."""

from typing import Any

from talkd.areas.calls import routes as today
from talkd.areas.older import call_legacy as legacy
from talkd.areas.older.room_legacy import nothing
from talkd.conversation.pings import Pings
from talkd.core.errors import NotFound
from talkd.web.call import Call
from talkd.web.params import NoParams
from talkd.web.routing import IN_ROOM, Access, Routes

routes = Routes("call")
_OLD = ("v1", "v2", "v3")

routes.older(today.routes, today.list_peers, "v1", "v2", answers=legacy.old_peers, returns=list[legacy.OldPeer])
routes.older(today.routes, today.list_peers, "v3", answers=legacy.peers_v3, returns=list[legacy.PeerV3])
routes.older(
    today.routes,
    today.join,
    *_OLD,
    params=legacy.OldJoinParams,
    reads=legacy.read_join,
    answers=nothing,
    refuses=legacy.not_joined,
)
routes.older(today.routes, today.set_flags, *_OLD, answers=nothing)
routes.older(today.routes, today.leave, *_OLD, params=NoParams, reads=legacy.read_leave, answers=nothing)


@routes.add("POST", "call/{token}/ping", *IN_ROOM, versions=("v1",), access=Access.OWN)
async def ping(call: Call[Any]) -> list[Any]:
    """Say that the device is still there; today whatever it asks for says so."""
    if call.me.session is None:
        raise NotFound
    call.world[Pings].note(call.me.session.session_id)
    return []
