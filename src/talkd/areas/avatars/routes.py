"""Pictures of accounts and guests.

Everybody gets a picture of every name. Whether it is that of an account is for those to see who may know the account.
"""

from typing import Any

import msgspec
from cachetools import LRUCache

from talkd.areas.avatars import images, model, service
from talkd.areas.avatars.decoder import Decoder
from talkd.areas.avatars.decoding import NotAnImage
from talkd.areas.avatars.model import Portrait, Sketch
from talkd.core.errors import Invalid, NotFound
from talkd.storage.database import Tx
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams, Upload
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("avatars", base="", kind=Kind.PLAIN)

PNG = "image/png"
CACHE_CONTROL = "private, max-age=86400"
UPLOADED_CACHED = 256
"""Small versions of uploaded pictures kept in memory, by account and version; 16 kB each at most."""

_uploaded: LRUCache[tuple[str, int], bytes] = LRUCache(UPLOADED_CACHED)


class UserAvatar(msgspec.Struct):
    """Whose picture, in which size."""

    user: str
    size: str


class GuestAvatar(msgspec.Struct):
    """A guest's name, in which size."""

    name: str
    size: str


class NewAvatar(msgspec.Struct):
    """A picture file."""

    files: Upload | None = None


@routes.add("GET", "/avatar/{user}/{size}", Guard.NO_LOGIN, params=UserAvatar, access=Access.OWN)
async def get_user_avatar(call: Call[UserAvatar]) -> Reply:
    """The picture of an account, PNG."""
    return await _user_avatar(call, dark=False)


@routes.add("GET", "/avatar/{user}/{size}/dark", Guard.NO_LOGIN, params=UserAvatar, access=Access.OWN)
async def get_dark_user_avatar(call: Call[UserAvatar]) -> Reply:
    """The same for dark themes."""
    return await _user_avatar(call, dark=True)


@routes.add("GET", "/avatar/guest/{name}/{size}", Guard.NO_LOGIN, params=GuestAvatar, access=Access.OWN)
async def get_guest_avatar(call: Call[GuestAvatar]) -> Reply:
    """A picture for a guest's name, PNG."""
    return await _guest_avatar(call, dark=False)


@routes.add("GET", "/avatar/guest/{name}/{size}/dark", Guard.NO_LOGIN, params=GuestAvatar, access=Access.OWN)
async def get_dark_guest_avatar(call: Call[GuestAvatar]) -> Reply:
    """The same for dark themes."""
    return await _guest_avatar(call, dark=True)


async def _user_avatar(call: Call[UserAvatar], *, dark: bool) -> Reply:
    size, user, caller = _size(call.params.size), call.params.user, call.caller
    portrait = await call.world.db.read(
        lambda tx: service.find_portrait_for(tx, user, viewer=caller.user_id, browser=caller.browser)
    )
    if portrait is None:
        return await _drawn(call, model.sketch_of_name(user, dark=dark, size=size))
    if not portrait.is_custom:
        return await _drawn(call, model.sketch(portrait.user_id, portrait.display_name, dark=dark, size=size))
    etag = etags.of_version(f"{portrait.version}-{size}")
    content = None if call.knows(etag) else await _uploaded_picture(call, portrait, size)
    return _picture(content, etag, custom=True)


async def _uploaded_picture(call: Call[Any], portrait: Portrait, size: int) -> bytes:
    if size == model.LARGE:
        return await call.world.db.read(lambda tx: service.find_image(tx, portrait.user_id))
    key = portrait.user_id, portrait.version
    if (found := _uploaded.get(key)) is not None:
        return found
    image = await call.world.db.read(lambda tx: service.find_image(tx, portrait.user_id))
    small = await images.in_thread(images.resized, image, size)
    _uploaded[key] = small
    return small


async def _guest_avatar(call: Call[GuestAvatar], *, dark: bool) -> Reply:
    return await _drawn(call, model.sketch_of_name(call.params.name, dark=dark, size=_size(call.params.size)))


async def _drawn(call: Call[Any], sketch: Sketch) -> Reply:
    etag = etags.of_version(sketch.tag)
    return _picture(None if call.knows(etag) else await drawn(call, sketch), etag, custom=False)


async def drawn(call: Call[Any], sketch: Sketch) -> bytes:
    """Return the PNG of a sketch. Raises Throttled for a caller who has had many drawn."""
    if (found := images.find_drawn(sketch)) is not None:
        return found
    call.count(Limit.DRAWN_PICTURES)
    return await images.in_thread(images.draw, sketch)


def _size(wanted: str) -> int:
    size = model.size_of(wanted)
    if size is None:
        raise NotFound
    return size


def _picture(content: bytes | None, etag: str, *, custom: bool) -> Reply:
    """The picture, or 304 without one when the client has it."""
    headers = {
        "Cache-Control": CACHE_CONTROL,
        "ETag": etag,
        "X-NC-IsCustomAvatar": "1" if custom else "0",
    }
    return Reply(content=content or b"", status=304 if content is None else 200, content_type=PNG, headers=headers)


@routes.add("POST", "/avatar/", Guard.USER, params=NewAvatar, access=Access.OWN, csrf=True)
async def set_avatar(call: Call[NewAvatar]) -> Any:
    """Set one's own picture: PNG, JPEG or WebP."""
    await store_upload(call)
    return {"status": "success"}


@routes.add("DELETE", "/avatar/", Guard.USER, csrf=True)
async def remove_avatar(tx: Tx, call: Call[NoParams]) -> Any:
    """Remove one's own picture."""
    await service.remove_image(tx, call.user_id)
    return {"status": "success"}


async def picture_of(call: Call[Any], upload: Upload | None) -> bytes:
    """Return an uploaded file as a picture to keep. Raises Invalid with a message."""
    call.count(Limit.PICTURES)
    content = service.require_file(upload.content if upload else None)
    try:
        return await call.world[Decoder].normalised(content)
    except NotAnImage as error:
        raise Invalid(data={"message": str(error)}) from error


async def store_upload(call: Call[NewAvatar]) -> None:
    """Make the uploaded file the caller's picture. Raises Invalid with a message."""
    image = await picture_of(call, call.params.files)
    await call.write(lambda tx: service.set_image(tx, call.user_id, image))
