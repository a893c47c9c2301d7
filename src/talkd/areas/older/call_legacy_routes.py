"""Operations on calls in API v1, v2 and v3, and on signaling in v1 and v2."""

from typing import Any

from talkd.areas.calls import routes as calls
from talkd.areas.older import call_legacy as legacy
from talkd.areas.older.room_legacy import nothing
from talkd.areas.signaling import routes as signaling
from talkd.areas.signaling.routes import SendParams
from talkd.areas.signaling.view import Item
from talkd.conversation import session_store
from talkd.conversation.pings import Pings
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.params import NoParams
from talkd.web.routing import IN_ROOM, Access, Guard, Routes

routes = Routes("call")
signaling_routes = Routes("signaling")
OLD = ("v1", "v2", "v3")
V1 = ("v1",)

routes.older(calls.routes, calls.list_peers, "v1", "v2", answers=legacy.old_peers, returns=list[legacy.OldPeer])
routes.older(calls.routes, calls.list_peers, "v3", answers=legacy.peers_v3, returns=list[legacy.PeerV3])
routes.older(
    calls.routes,
    calls.join,
    *OLD,
    params=legacy.OldJoinParams,
    reads=legacy.read_join,
    answers=nothing,
    refuses=legacy.not_joined,
)
routes.older(calls.routes, calls.set_flags, *OLD, answers=nothing)
routes.older(calls.routes, calls.leave, *OLD, params=NoParams, reads=legacy.read_leave, answers=nothing)


@routes.add("POST", "call/{token}/ping", *IN_ROOM, versions=V1, access=Access.OWN)
async def ping(call: Call[Any]) -> list[Any]:
    """Keep the session in the call. In later versions, every request of the session does this."""
    if call.me.session is None:
        raise NotFound
    call.world[Pings].note(call.me.session.session_id)
    return []


# --- signaling ----------------------------------------------------------------------------------
for version, settings in (("v1", legacy.settings_v1), ("v2", legacy.settings_v2)):
    signaling_routes.older(signaling.routes, signaling.get_settings, version, answers=settings, returns=dict[str, Any])
for handler in (signaling.send, signaling.receive):
    signaling_routes.older(signaling.routes, handler, "v1", "v2")


@signaling_routes.add("POST", "signaling", Guard.NO_LOGIN, versions=V1, params=SendParams)
async def send(tx: Tx, call: Call[SendParams]) -> None:
    """Send messages to other sessions of the room that the caller joined last."""
    call.token = await _get_token(tx, call)
    await signaling.send(tx, call)


@signaling_routes.add("GET", "signaling", Guard.NO_LOGIN, versions=V1, access=Access.OWN, returns=list[Item])
async def receive(call: Call[Any]) -> list[Item]:
    """Wait for messages to the caller's session in the room that they joined last."""
    call.token = await call.world.db.read(lambda tx: _get_token(tx, call))
    received: list[Item] = await signaling.receive(call)
    return received


async def _get_token(tx: Tx, call: Call[Any]) -> str:
    """Return the token of the room that the caller joined last. Clients of Talk before 3.2 do not send it."""
    return await session_store.get_newest_token(tx, call.caller.user_id, call.caller.browser)
