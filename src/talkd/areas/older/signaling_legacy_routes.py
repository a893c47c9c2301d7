"""Signaling in API versions 1 and 2."""

from typing import Any

from talkd.areas.older import signaling_legacy as legacy
from talkd.areas.signaling import routes as today
from talkd.areas.signaling import view
from talkd.areas.signaling.routes import SendParams
from talkd.conversation import session_store
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.routing import Access, Guard, Routes

routes = Routes("signaling")
V1 = ("v1",)
OLDER = ("v1", "v2")

for version, settings in (("v1", legacy.settings_v1), ("v2", legacy.settings_v2)):
    routes.older(today.routes, today.get_settings, version, answers=settings, returns=dict[str, Any])
for handler in (today.answer_backend, today.send, today.receive):
    routes.older(today.routes, handler, *OLDER)


@routes.add("POST", "signaling", Guard.NO_LOGIN, versions=V1, params=SendParams)
async def send(tx: Tx, call: Call[SendParams]) -> None:
    """Send messages to other sessions of the room that this device opened last."""
    call.token = await _token(tx, call)
    await today.send(tx, call)


@routes.add("GET", "signaling", Guard.NO_LOGIN, versions=V1, access=Access.OWN, returns=list[view.Item])
async def receive(call: Call[Any]) -> list[view.Item]:
    """Wait for messages to this device, in the room that it opened last."""
    call.token = await call.world.db.read(lambda tx: _token(tx, call))
    news: list[view.Item] = await today.receive(call)
    return news


async def _token(tx: Tx, call: Call[Any]) -> str:
    """Before Talk 3.2 a device had one room open, which its requests need not name."""
    return await session_store.get_newest_token(tx, call.caller.user_id, call.caller.browser)
