"""What can be done in one conversation."""

from typing import Any

from talkd.areas.capabilities import service
from talkd.areas.capabilities.model import Viewer
from talkd.areas.signaling import tokens
from talkd.areas.signaling.tokens import TokenKeys
from talkd.storage.database import Tx
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Routes

routes = Routes("conversation")
HASH = "X-Nextcloud-Talk-Hash"


@routes.add(
    "GET",
    "room/{token}/capabilities",
    Guard.ANYONE,
    Guard.PARTICIPANT,
    versions=("v4",),
    access=Access.OWN,
    returns=dict[str, Any],
)
async def get_capabilities(call: Call[Any]) -> Reply:
    """Say what can be done in a conversation: the same as anywhere on this server."""
    world = call.world

    async def read(tx: Tx) -> tuple[TokenKeys | None, Viewer]:
        return await tokens.find_keys(tx), await service.get_viewer(tx, world.settings, call.caller.user_id)

    keys, viewer = await world.db.read(read)
    if keys is None:
        keys = await world.db.write(tokens.get_keys)
    talk = service.get_talk(world.config, world.settings, viewer, token_key=keys.public_pem)
    return Reply(talk, 200, {HASH: world.talk_hash})
