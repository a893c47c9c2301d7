"""The operation that returns the capabilities."""

from typing import Any

from talkd.areas.capabilities import service
from talkd.areas.capabilities.model import Viewer
from talkd.areas.signaling import tokens
from talkd.areas.signaling.tokens import TokenKeys
from talkd.storage.database import Tx
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Routes

routes = Routes("capabilities", base="/cloud")


async def read_keys_and_viewer(call: Call[Any]) -> tuple[TokenKeys, Viewer]:
    """Return the signaling keys, made if there are none, and the data of the caller that capabilities depend on."""
    world = call.world

    async def read(tx: Tx) -> tuple[TokenKeys | None, Viewer]:
        return await tokens.find_keys(tx), await service.get_viewer(tx, world.settings, call.caller.user_id)

    keys, viewer = await world.db.read(read)
    if keys is None:
        keys = await world.db.write(tokens.get_keys)
    return keys, viewer


@routes.add("GET", "capabilities", Guard.NO_LOGIN, access=Access.OWN, returns=dict[str, Any])
async def get_capabilities(call: Call[NoParams]) -> Reply:
    """Get the capabilities of this server for the caller; 304 if they have them already (If-None-Match)."""
    world = call.world
    keys, viewer = await read_keys_and_viewer(call)
    data = service.get_capabilities(
        world.config, world.settings, viewer, token_key=keys.public_pem, base_url=call.base_url
    )
    etag = etags.of_data(data)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}
    if call.knows(etag):
        return Reply([], 304, headers)
    return Reply(data, headers=headers)
