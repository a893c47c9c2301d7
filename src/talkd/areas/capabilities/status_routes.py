"""`status.php`, which apps read first."""

from typing import Any

import msgspec

from talkd.areas.capabilities import view
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("status", base="", kind=Kind.PLAIN)


@routes.add("GET", "/status.php", Guard.NO_LOGIN, access=Access.OWN, unconditional=True, returns=dict[str, Any])
async def get_status(call: Call[NoParams]) -> Reply:
    """Get the version of the server. Pages of other origins may read it too."""
    return Reply(
        headers={"Access-Control-Allow-Origin": "*"},
        content=msgspec.json.encode(view.status(call.world.config.identity)),
        content_type="application/json",  # without a charset, as on the real server
    )
