"""Operations of the ban API."""

from typing import Any

import msgspec

from talkd.areas.bans import service, view
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import ANY_MODERATOR, Routes

routes = Routes("ban")
V1 = ("v1",)


class BanParams(msgspec.Struct, frozen=True):
    """The actor to ban, and a note that only moderators see."""

    actorType: str
    actorId: str
    internalNote: str = ""


class LiftParams(msgspec.Struct, frozen=True):
    """The ban to lift."""

    banId: int


@routes.add("POST", "ban/{token}", *ANY_MODERATOR, versions=V1, params=BanParams, returns=view.BanView)
async def add_ban(tx: Tx, call: Call[BanParams]) -> view.BanView:
    """Ban a user, a guest, an e-mail guest, an IP address or a network."""
    params = call.params
    return view.ban(await service.ban(tx, call.me, params.actorType, params.actorId, params.internalNote))


@routes.add("GET", "ban/{token}", *ANY_MODERATOR, versions=V1, returns=list[view.BanView])
async def list_bans(tx: Tx, call: Call[Any]) -> list[view.BanView]:
    """List the bans of a conversation."""
    return [view.ban(ban) for ban in await service.list_bans(tx, call.me)]


@routes.add("DELETE", "ban/{token}/{banId}", *ANY_MODERATOR, versions=V1, params=LiftParams)
async def delete_ban(tx: Tx, call: Call[LiftParams]) -> None:
    """Lift a ban."""
    await service.lift(tx, call.me, call.params.banId)
