"""The operation that returns the capabilities in a room."""

from typing import Any

from talkd.areas.capabilities import service
from talkd.areas.capabilities.routes import read_keys_and_viewer
from talkd.areas.rooms.routes import HASH
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("conversation")


@routes.add(
    "GET",
    "room/{token}/capabilities",
    Guard.NO_LOGIN,
    Guard.PARTICIPANT,
    versions=("v4",),
    access=Access.OWN,
    returns=dict[str, Any],
)
async def get_capabilities(call: Call[Any]) -> Reply:
    """Get the capabilities in a room. They are the same in all rooms of this server."""
    world = call.world
    keys, viewer = await read_keys_and_viewer(call)
    talk = service.get_talk(world.config, world.settings, viewer, token_key=keys.public_pem)
    return Reply(talk, 200, {HASH: world.talk_hash})
