"""Previews of pictures. Files without a preview get 404, or an icon if the client asks for one."""

from typing import Any

import msgspec

from talkd.areas.files.download import SANDBOX
from talkd.areas.files.media_model import has_preview
from talkd.areas.files.model import Blob, Entry, parse_path
from talkd.areas.pictures.drawing import in_thread
from talkd.areas.pictures.model import PNG, WEBP
from talkd.areas.previews import icons, service
from talkd.areas.previews.making import Previews
from talkd.areas.previews.model import DEFAULT, Wanted, form_of
from talkd.core.errors import Invalid, NotFound
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("previews", base="/core", kind=Kind.PLAIN)

_CACHING = {"Cache-Control": "private, no-cache", "Vary": "Accept", "Content-Security-Policy": SANDBOX}
"""Clients ask each time whether they still may see what they have, and get 304."""


class PreviewParams(msgspec.Struct, frozen=True):
    """A file, and the sides of its preview in pixels. A side below 1 follows from the other one.

    `a`: show the whole picture instead of cutting its middle out. `mode`: `cover` for a whole picture that covers the
    wanted size, otherwise it fits into it. `forceIcon`, `mimeFallback`: answer an icon if there is no preview.
    """

    fileId: int = 0
    x: int = DEFAULT
    y: int = DEFAULT
    a: bool = False
    forceIcon: bool = False
    mode: str = "fill"
    mimeFallback: bool = False


class PathParams(PreviewParams, frozen=True):
    """As PreviewParams, but with the path of the file."""

    file: str = ""


@routes.add("GET", "preview", Guard.NO_LOGIN, params=PreviewParams, access=Access.OWN)
async def get_preview(call: Call[PreviewParams]) -> Reply:
    """Return a preview of a file that the caller may read, as WebP, JPEG or PNG."""
    file_id, caller = call.params.fileId, call.caller
    entry, blob = await call.world.db.read(
        lambda tx: service.access_file(tx, file_id, user_id=caller.user_id, browser=caller.browser)
    )
    return await _show(call, entry, blob)


@routes.add("GET", "preview.png", Guard.USER, params=PathParams, access=Access.OWN)
async def get_preview_at_path(call: Call[PathParams]) -> Reply:
    """Return a preview of the file at a path in the caller's folders."""
    path, user = parse_path(call.params.file), call.caller.actor
    entry, blob = await call.world.db.read(lambda tx: service.access_path(tx, user, path))
    return await _show(call, entry, blob)


async def _show(call: Call[Any], entry: Entry, blob: Blob) -> Reply:
    params: PreviewParams = call.params
    if params.x < 1 and params.y < 1:
        raise Invalid("x", message="One side must have a length.")
    try:
        if not has_preview(entry.media_type):
            raise NotFound
        return await _preview(call, entry, blob)
    except NotFound:
        if params.forceIcon or params.mimeFallback:
            return await _icon(call, icons.kind_of(entry.media_type), icons.size_of(max(params.x, params.y)))
        raise


async def _preview(call: Call[Any], entry: Entry, blob: Blob) -> Reply:
    params, previews = call.params, call.world[Previews]
    is_webp = WEBP in call.header("accept")
    wanted = Wanted(params.x, params.y, params.a, params.mode == "cover", is_webp)
    if not blob.is_described:
        call.count(Limit.PREVIEWS)
    preview = await previews.choose(call.world, entry, blob, wanted)
    stored = await previews.find(call.world, blob, preview)
    # The id of the contents would tell who has equal ones.
    etag = etags.of_version(f"{entry.etag}-{form_of(preview).replace(' ', '-')}")
    if stored is not None and call.knows(etag):
        return Reply(content=b"", status=304, headers={"ETag": etag, **_CACHING})
    stream = await previews.open(call.world, stored) if stored is not None else None
    if stream is None:
        call.count(Limit.PREVIEWS)
        stored = await previews.make(call.world, entry, blob, preview, lost=stored)
        stream = await previews.open(call.world, stored)
    if stored is None or stream is None:
        raise NotFound
    return Reply(stream=stream, content_type=stored.media_type, headers={"ETag": etag, **_CACHING})


async def _icon(call: Call[Any], kind: str, size: int) -> Reply:
    etag = etags.of_version(f"icon-{kind}-{size}")
    if call.knows(etag):
        return Reply(content=b"", status=304, headers={"ETag": etag, **_CACHING})
    content = await in_thread(icons.draw, kind, size)
    return Reply(content=content, content_type=PNG, headers={"ETag": etag, **_CACHING})
