"""Pictures of accounts and guests.

Every caller gets a picture for every name. Only callers who may know that an account exists get its picture.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from talkd.areas.avatars import images, model, service
from talkd.areas.avatars.model import Portrait, Sketch, Uploaded
from talkd.areas.avatars.shown import Shown
from talkd.areas.files import refusals
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Received
from talkd.areas.files.receiving import one_part
from talkd.areas.pictures.decoder import Decoder, source_of
from talkd.areas.pictures.drawing import in_thread
from talkd.areas.pictures.model import Avatar, NotAnImage
from talkd.core.errors import Invalid, NoSpace, NotFound
from talkd.storage.database import Tx
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.guards import require_login_still
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams, Upload
from talkd.web.routing import Access, Guard, Kind, Routes

T = TypeVar("T")

routes = Routes("avatars", base="", kind=Kind.PLAIN)
talk_routes = Routes("avatars", base="/apps/spreed")
"""The operations with which the mobile apps set the user's picture."""

PNG = "image/png"
CACHE_CONTROL = "private, max-age=86400"


class UserAvatar(msgspec.Struct):
    """An account and a size."""

    user: str
    size: str


class GuestAvatar(msgspec.Struct):
    """A guest's name and a size."""

    name: str
    size: str


class NewAvatar(msgspec.Struct):
    """An uploaded file."""

    files: Upload | None = None


@routes.add("GET", "/avatar/{user}/{size}", Guard.NO_LOGIN, params=UserAvatar, access=Access.OWN)
async def get_user_avatar(call: Call[UserAvatar]) -> Reply:
    """Return the picture of an account as PNG."""
    return await _user_avatar(call, dark=False)


@routes.add("GET", "/avatar/{user}/{size}/dark", Guard.NO_LOGIN, params=UserAvatar, access=Access.OWN)
async def get_dark_user_avatar(call: Call[UserAvatar]) -> Reply:
    """Return the picture of an account for dark themes."""
    return await _user_avatar(call, dark=True)


@routes.add("GET", "/avatar/guest/{name}/{size}", Guard.NO_LOGIN, params=GuestAvatar, access=Access.OWN)
async def get_guest_avatar(call: Call[GuestAvatar]) -> Reply:
    """Return a picture for a guest's name as PNG."""
    return await _guest_avatar(call, dark=False)


@routes.add("GET", "/avatar/guest/{name}/{size}/dark", Guard.NO_LOGIN, params=GuestAvatar, access=Access.OWN)
async def get_dark_guest_avatar(call: Call[GuestAvatar]) -> Reply:
    """Return a picture for a guest's name for dark themes."""
    return await _guest_avatar(call, dark=True)


async def _user_avatar(call: Call[UserAvatar], *, dark: bool) -> Reply:
    size, user, caller = _size(call.params.size), call.params.user, call.caller
    portrait = await call.world.db.read(
        lambda tx: service.find_portrait_for(tx, user, viewer=caller.user_id, browser=caller.browser)
    )
    if portrait is None:
        return await _drawn(call, model.sketch_of_name(user, dark=dark, size=size))
    if portrait.uploaded is None:
        return await _drawn(call, model.sketch(portrait.user_id, portrait.display_name, dark=dark, size=size))
    content, etag = await show_uploaded(call, portrait, portrait.uploaded, size)
    return _portrait(content, etag, is_custom=True)


async def show_uploaded(call: Call[Any], portrait: Portrait, uploaded: Uploaded, size: int) -> tuple[bytes | None, str]:
    """Return the PNG of an uploaded picture, or None if the client has it, and its ETag."""
    etag = etags.of_version(f"{portrait.version}-{size}")
    if call.knows(etag):
        return None, etag
    if not uploaded.key:
        uploaded = await call.world.db.read(lambda tx: service.get_uploaded(tx, portrait.user_id))
    return await call.world[Shown].get(call.world, uploaded, size), etag


async def _guest_avatar(call: Call[GuestAvatar], *, dark: bool) -> Reply:
    return await _drawn(call, model.sketch_of_name(call.params.name, dark=dark, size=_size(call.params.size)))


async def _drawn(call: Call[Any], sketch: Sketch) -> Reply:
    content, etag = await draw(call, sketch)
    return _portrait(content, etag, is_custom=False)


async def draw(call: Call[Any], sketch: Sketch) -> tuple[bytes | None, str]:
    """Return the PNG of a sketch, or None if the client has it, and its ETag.

    Raises Throttled if too many pictures were drawn for the caller.
    """
    etag = etags.of_version(sketch.tag)
    if call.knows(etag):
        return None, etag
    if (found := images.find_drawn(sketch)) is not None:
        return found, etag
    call.count(Limit.DRAWN_PICTURES)
    return await in_thread(images.draw, sketch), etag


def _size(wanted: str) -> int:
    size = model.size_of(wanted)
    if size is None:
        raise NotFound
    return size


def _portrait(content: bytes | None, etag: str, *, is_custom: bool) -> Reply:
    headers = {"X-NC-IsCustomAvatar": "1" if is_custom else "0"}
    return picture(content, etag, content_type=PNG, caching=CACHE_CONTROL, headers=headers)


def picture(
    content: bytes | None, etag: str, *, content_type: str, caching: str, headers: dict[str, str] | None = None
) -> Reply:
    """Return the answer with a picture, or 304 without a picture if the client has it."""
    return Reply(
        content=content or b"",
        status=304 if content is None else 200,
        content_type=content_type,
        headers={"Cache-Control": caching, "ETag": etag, **(headers or {})},
    )


@routes.add("POST", "/avatar/", Guard.USER, params=NewAvatar, access=Access.OWN, csrf=True, errors=(507,))
async def set_avatar(call: Call[NewAvatar]) -> Any:
    """Set the caller's picture: PNG, JPEG or WebP."""
    await _store_upload(call)
    return {"status": "success"}


@routes.add("DELETE", "/avatar/", Guard.USER, csrf=True)
async def remove_avatar(tx: Tx, call: Call[NoParams]) -> Any:
    """Remove the caller's picture."""
    await service.remove_uploaded(tx, call.user_id)
    return {"status": "success"}


@talk_routes.add("POST", "temp-user-avatar", Guard.USER, params=NewAvatar, access=Access.OWN, errors=(507,))
async def set_temporary_avatar(call: Call[NewAvatar]) -> None:
    """Set the caller's picture: PNG, JPEG or WebP."""
    await _store_upload(call)


@talk_routes.add("DELETE", "temp-user-avatar", Guard.USER)
async def remove_temporary_avatar(tx: Tx, call: Call[NoParams]) -> None:
    """Remove the caller's picture."""
    await service.remove_uploaded(tx, call.user_id)


async def keep_upload(
    call: Call[Any],
    upload: Upload | None,
    store: Callable[[Received], Awaitable[T]],
    is_kept: Callable[[T], bool],
) -> T:
    """Make an uploaded picture a square PNG of the large size, keep it, and let `store` note it in the database.

    Raises Invalid with a message, NoSpace if the server has no space left, and the errors of `store`.
    """
    call.count(Limit.PICTURES)
    content = service.require_file(upload.content if upload else None)
    try:
        made = await call.world[Decoder].make(Avatar(model.LARGE), source_of(content), call.caller.user_id or "")
    except NotAnImage as error:
        raise Invalid(data={"message": str(error)}) from error
    try:
        return await call.world[Contents].begin_made().receive_for(one_part(made.content), store, is_kept)
    except NoSpace as error:
        refusals.count_full(error)
        raise NoSpace(data={"message": str(error)}) from error


async def _store_upload(call: Call[NewAvatar]) -> None:
    """Make the uploaded file the caller's picture. Raises Invalid and NoSpace with a message."""
    limits = call.world[Contents].limits

    async def work(tx: Tx, received: Received) -> bool:
        await require_login_still(tx, call)  # it may have ended during the decoding
        return await service.set_uploaded(tx, call.user_id, received, limits)

    await keep_upload(call, call.params.files, lambda received: call.write(partial(work, received=received)), bool)
