"""The link of a file, for everybody who may read it: users, and guests of the room in which it is shared."""

from urllib.parse import quote

import msgspec

from talkd.areas.attachments import service
from talkd.areas.files.download import serve
from talkd.core.errors import NotFound
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("files", base="", kind=Kind.PLAIN)


class FileParams(msgspec.Struct, frozen=True):
    """A file. With `download`, browsers save it instead of showing it."""

    fileId: int
    download: bool = False


@routes.add("GET", "/f/{fileId}", Guard.NO_LOGIN, params=FileParams, access=Access.OWN)
async def get_file(call: Call[FileParams]) -> Reply:
    """Download a file. Browsers that are not logged in are led to the log-in page, unless they are a guest's."""
    params, caller = call.params, call.caller
    try:
        entry, blob = await call.world.db.read(
            lambda tx: service.access_file(tx, params.fileId, user_id=caller.user_id, browser=caller.browser)
        )
    except NotFound:
        if caller.user_id is None and "text/html" in call.header("accept"):
            page = quote(f"/f/{params.fileId}", safe="")
            return Reply(content=b"", status=303, headers={"Location": f"{call.base_url}/login?redirect_url={page}"})
        raise
    return await serve(call, entry, blob, inline=not params.download)
