"""Remote wipe: an app that lost its access asks whether it shall erase its data."""

import msgspec

from talkd.areas.login import service
from talkd.areas.login.view import Wipe
from talkd.core.errors import NotFound
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("remote wipe", base="/core/wipe", kind=Kind.PLAIN)


class WipeParams(msgspec.Struct, frozen=True):
    """The app password that no longer works."""

    token: str = ""


@routes.add("POST", "check", Guard.NO_LOGIN, params=WipeParams, access=Access.READ, returns=Wipe, errors=(404,))
async def check(tx: Tx, call: Call[WipeParams]) -> Wipe:
    """Whether to erase; 404 in all other cases."""
    if not await service.is_to_wipe(tx, call.params.token):
        raise NotFound
    return Wipe()


@routes.add("POST", "success", Guard.NO_LOGIN, params=WipeParams, errors=(404,))
async def success(tx: Tx, call: Call[WipeParams]) -> list[str]:
    """The app has erased its data."""
    await service.finish_wiping(tx, call.params.token)
    return []
