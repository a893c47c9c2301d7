"""Operations that return the capabilities, and `status.php`, which apps read first."""

from typing import Any

import msgspec

from talkd.areas.capabilities import service, view
from talkd.areas.capabilities.model import Viewer
from talkd.areas.rooms.routes import HASH
from talkd.areas.signaling import tokens
from talkd.areas.signaling.tokens import TokenKeys
from talkd.storage.database import Tx
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import IN_ROOM, Access, Guard, Kind, Routes

routes = Routes("capabilities", base="/cloud")
room_routes = Routes("conversation")
status_routes = Routes("status", base="", kind=Kind.PLAIN)


async def _read_keys_and_viewer(call: Call[Any]) -> tuple[TokenKeys, Viewer]:
    """Return the signaling keys, created at the first use, and the data of the caller that capabilities depend on."""
    world = call.world

    async def read(tx: Tx) -> tuple[TokenKeys | None, Viewer]:
        return await tokens.find_keys(tx), await service.get_viewer(tx, world.talk_settings, call.caller.user_id)

    keys, viewer = await world.db.read(read)
    if keys is None:
        keys = await world.db.write(tokens.get_keys)
    return keys, viewer


@routes.add("GET", "capabilities", Guard.NO_LOGIN, access=Access.OWN, returns=dict[str, Any])
async def get_capabilities(call: Call[NoParams]) -> Reply:
    """Get the capabilities of this server for the caller; 304 if the client has them already (If-None-Match)."""
    world = call.world
    keys, viewer = await _read_keys_and_viewer(call)
    data = service.get_capabilities(
        world.config, world.talk_settings, viewer, token_key=keys.public_pem, base_url=call.base_url
    )
    etag = etags.of_data(data)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie, Accept"}
    if call.knows(etag):
        return Reply([], 304, headers)
    return Reply(data, headers=headers)


@room_routes.add(
    "GET",
    "room/{token}/capabilities",
    *IN_ROOM,
    versions=("v4",),
    access=Access.OWN,
    returns=dict[str, Any],
)
async def get_room_capabilities(call: Call[Any]) -> Reply:
    """Get the capabilities in a room. They are the same in all rooms of this server."""
    world = call.world
    keys, viewer = await _read_keys_and_viewer(call)
    talk = service.get_talk(world.config, world.talk_settings, viewer, token_key=keys.public_pem)
    return Reply(talk, 200, {HASH: world.talk_hash})


@status_routes.add("GET", "/status.php", Guard.NO_LOGIN, access=Access.OWN, unconditional=True, returns=dict[str, Any])
async def get_status(call: Call[NoParams]) -> Reply:
    """Get the version of the server. Pages of other origins may read it too."""
    return Reply(
        headers={"Access-Control-Allow-Origin": "*"},
        content=msgspec.json.encode(view.status(call.world.config.identity)),
        content_type="application/json",  # without a charset (docs/api/compatibility.md, Capabilities and clients)
    )
