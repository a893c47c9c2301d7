"""Operations about open conversations."""

import msgspec

from talkd.areas.overviews import rendering, view
from talkd.areas.overviews.view import RoomView
from talkd.areas.rooms import listing_service as service
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Guard, Routes

routes = Routes("conversation")
V4 = ("v4",)


class ScopeParams(msgspec.Struct, frozen=True):
    """Who finds the conversation: nobody (0), users (1), also those made with a guests app (2)."""

    scope: int


class SearchParams(msgspec.Struct, frozen=True):
    """A part of the name; empty for all."""

    searchTerm: str = ""


@routes.add(
    "PUT",
    "room/{token}/listable",
    Guard.USER,
    Guard.MODERATOR,
    versions=V4,
    params=ScopeParams,
    returns=RoomView,
)
async def set_listable(tx: Tx, call: Call[ScopeParams]) -> RoomView:
    """Say who finds a conversation by searching."""
    await service.set_listable(tx, call.me, call.params.scope)
    return await rendering.render_mine(tx, call)


@routes.add("GET", "listed-room", Guard.USER, versions=V4, params=SearchParams, returns=list[RoomView])
async def list_listed(tx: Tx, call: Call[SearchParams]) -> list[RoomView]:
    """Search the open conversations that the user is not in."""
    found = await service.find_listed(tx, call.user_id, call.params.searchTerm)
    return [view.seen_from_outside(room, is_listed=True) for room in found]
