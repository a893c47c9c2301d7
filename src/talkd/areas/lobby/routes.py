"""The operation that sets the lobby."""

import msgspec

from talkd.areas.lobby import service
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import USER_MODERATOR, Routes

routes = Routes("lobby")


class LobbyParams(msgspec.Struct, frozen=True):
    """The state of the lobby: 0 is off, and with 1 everybody but moderators waits.

    `timer` is the Unix time at which the lobby is turned off. Null or 0 means never.
    """

    state: int
    timer: int | None = None


@routes.add(
    "PUT",
    "room/{token}/webinar/lobby",
    *USER_MODERATOR,
    versions=("v4",),
    params=LobbyParams,
    returns=RoomView,
)
async def set_lobby(tx: Tx, call: Call[LobbyParams]) -> RoomView:
    """Turn the lobby on or off."""
    await service.set_lobby(tx, call.me, call.params.state, call.params.timer or 0)
    return await rendering.render_mine(tx, call)
