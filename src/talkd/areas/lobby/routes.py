"""The operation that opens and closes the lobby."""

import msgspec

from talkd.areas.lobby import service
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Guard, Routes

routes = Routes("lobby")


class LobbyParams(msgspec.Struct, frozen=True):
    """Open (0) or for moderators only (1), and when it opens by itself; null or 0 for never."""

    state: int
    timer: int | None = None


@routes.add(
    "PUT",
    "room/{token}/webinar/lobby",
    Guard.USER,
    Guard.MODERATOR,
    versions=("v4",),
    params=LobbyParams,
    returns=RoomView,
)
async def set_lobby(tx: Tx, call: Call[LobbyParams]) -> RoomView:
    """Let those who do not moderate wait in the lobby, or in."""
    await service.set_lobby(tx, call.me, call.params.state, call.params.timer or 0)
    return await rendering.render_mine(tx, call)
