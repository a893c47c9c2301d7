"""Pictures of rooms."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec

from talkd.areas.avatars import model, room_model, room_pictures, room_service, service
from talkd.areas.avatars.room_model import IMAGE
from talkd.areas.avatars.routes import PNG, draw, keep_upload, picture, show_uploaded
from talkd.areas.avatars.shown import Shown
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Received
from talkd.areas.overviews import rendering
from talkd.areas.overviews.view import RoomView, avatar_version
from talkd.conversation.room import Room
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid
from talkd.storage.database import Tx
from talkd.web import etags
from talkd.web.call import Call
from talkd.web.guards import lock_room_again
from talkd.web.ocs import Reply
from talkd.web.params import Scalar, Upload
from talkd.web.routing import ANY_MODERATOR, IN_ROOM, Access, Guard, Routes

routes = Routes("avatars")
V1 = ("v1",)

SVG = "image/svg+xml"
IMMUTABLE = "private, max-age=86400, immutable"
"""For addresses that contain the version, because a new picture has a new version."""
ASK_AGAIN = "private, no-cache"


class PictureParams(msgspec.Struct, frozen=True):
    """The theme. `avatarVersion` or `v` only keeps caches apart; the `icon-url` of messages uses `v`."""

    darkTheme: bool = False
    avatarVersion: Scalar | None = None
    v: Scalar | None = None


class UploadParams(msgspec.Struct, frozen=True):
    """An uploaded file."""

    file: Upload | None = None


class EmojiParams(msgspec.Struct, frozen=True):
    """An emoji, and a colour of six hexadecimal digits."""

    emoji: str
    color: str | None = None


class RemoteParams(msgspec.Struct, frozen=True):
    """A user of another server."""

    size: int
    cloudId: str
    darkTheme: bool = False


_SHOWN: dict[str, Any] = {"versions": V1, "access": Access.OWN, "csrf": False}
"""Options of all operations that return a picture. Pages show pictures by `<img>`, which cannot send a token."""


# --- showing --------------------------------------------------------------------------------
@routes.add("GET", "room/{token}/avatar", Guard.NO_LOGIN, params=PictureParams, **_SHOWN)
async def get_avatar(call: Call[PictureParams]) -> Reply:
    """Return the picture of a room as PNG or SVG."""
    return await _show(call, dark=call.params.darkTheme)


@routes.add("GET", "room/{token}/avatar/dark", Guard.NO_LOGIN, params=PictureParams, **_SHOWN)
async def get_dark_avatar(call: Call[PictureParams]) -> Reply:
    """Return the picture of a room for dark themes."""
    return await _show(call, dark=True)


async def _show(call: Call[PictureParams], *, dark: bool) -> Reply:
    caller = call.caller
    room = await call.world.db.read(
        lambda tx: room_service.access_room(tx, call.token, user_id=caller.user_id, browser=caller.browser)
    )
    if room.is_one_to_one:
        return await _partner(call, room, dark=dark)
    etag = etags.of_version(f"{room.token}-{avatar_version(room)}-{int(dark)}")
    has_version = call.params.avatarVersion is not None or call.params.v is not None
    caching = IMMUTABLE if has_version else ASK_AGAIN
    if call.knows(etag):
        return picture(None, etag, content_type=SVG, caching=caching)
    if room.avatar == IMAGE:
        uploaded = await call.world.db.read(lambda tx: room_service.get_uploaded(tx, room.id))
        image = await call.world[Shown].get(call.world, uploaded, model.LARGE)
        return picture(image, etag, content_type=PNG, caching=caching)
    emoji = room_model.emoji_of(room)
    if emoji is not None:
        content = room_pictures.emoji(emoji, dark=dark)
    else:
        content = room_pictures.icon(room_model.icon_of(room), dark=dark)
    return picture(content, etag, content_type=SVG, caching=caching)


async def _partner(call: Call[PictureParams], room: Room, *, dark: bool) -> Reply:
    """Return the picture of a one-to-one room: that of the other person or, if they have no account, of their name.

    The room's version does not change with that picture, so clients must always ask whether it has changed.
    """
    partner = room.partner_of(call.user_id) if room.type == RoomType.ONE_TO_ONE else ""
    portrait = await call.world.db.read(lambda tx: service.get_portrait(tx, partner))
    if portrait is None:
        content, etag = await draw(call, model.sketch(room.name, room.name, dark=dark, size=model.LARGE))
    elif portrait.uploaded is None:
        content, etag = await draw(call, model.sketch(partner, portrait.display_name, dark=dark, size=model.LARGE))
    else:
        content, etag = await show_uploaded(call, portrait, portrait.uploaded, model.LARGE)
    return picture(content, etag, content_type=PNG, caching=ASK_AGAIN)


# --- users of other servers -----------------------------------------------------------------


@routes.add("GET", "proxy/{token}/user-avatar/{size}", *IN_ROOM, params=RemoteParams, **_SHOWN)
async def get_remote_avatar(call: Call[RemoteParams]) -> Reply:
    """Return the picture of a user of another server. It is the same for all: talkd does not ask other servers."""
    return _remote(call, dark=call.params.darkTheme)


@routes.add("GET", "proxy/{token}/user-avatar/{size}/dark", *IN_ROOM, params=RemoteParams, **_SHOWN)
async def get_dark_remote_avatar(call: Call[RemoteParams]) -> Reply:
    """Return the picture of a user of another server for dark themes."""
    return _remote(call, dark=True)


@routes.add("GET", "proxy/new/user-avatar/{size}", Guard.USER, params=RemoteParams, **_SHOWN)
async def get_remote_avatar_before(call: Call[RemoteParams]) -> Reply:
    """Return the picture of a user of another server with whom the caller shares no room."""
    return _remote(call, dark=call.params.darkTheme)


@routes.add("GET", "proxy/new/user-avatar/{size}/dark", Guard.USER, params=RemoteParams, **_SHOWN)
async def get_dark_remote_avatar_before(call: Call[RemoteParams]) -> Reply:
    """Return the picture of a user of another server with whom the caller shares no room, for dark themes."""
    return _remote(call, dark=True)


def _remote(call: Call[RemoteParams], *, dark: bool) -> Reply:
    etag = etags.of_version(f"person-{int(dark)}")
    content = None if call.knows(etag) else room_pictures.icon("person", dark=dark)
    return picture(content, etag, content_type=SVG, caching=IMMUTABLE)


# --- setting --------------------------------------------------------------------------------
@routes.add(
    "POST",
    "room/{token}/avatar",
    *ANY_MODERATOR,
    versions=V1,
    params=UploadParams,
    access=Access.OWN,
    returns=RoomView,
    errors=(507,),
)
async def set_avatar(call: Call[UploadParams]) -> RoomView:
    """Set the picture of a room: PNG, JPEG or WebP. It is cropped to a square."""
    limits = call.world[Contents].limits

    async def work(tx: Tx, received: Received) -> tuple[RoomView, bool]:
        await lock_room_again(tx, call)
        with _refused_with_message():
            is_kept = await room_service.set_uploaded(tx, call.me.room, call.me.actor, received, limits)
        return await rendering.render_mine(tx, call), is_kept

    view, _ = await keep_upload(
        call,
        call.params.file,
        lambda received: call.write(partial(work, received=received)),
        lambda stored: stored[1],
    )
    return view


@routes.add("POST", "room/{token}/avatar/emoji", *ANY_MODERATOR, versions=V1, params=EmojiParams, returns=RoomView)
async def set_emoji(tx: Tx, call: Call[EmojiParams]) -> RoomView:
    """Set an emoji on a colour as the picture of a room."""
    with _refused_with_message():
        await room_service.set_emoji(tx, call.me.room, call.me.actor, call.params.emoji, call.params.color)
    return await rendering.render_mine(tx, call)


@routes.add("DELETE", "room/{token}/avatar", *ANY_MODERATOR, versions=V1, returns=RoomView)
async def remove_avatar(tx: Tx, call: Call[Any]) -> RoomView:
    """Remove the picture of a room."""
    await room_service.remove(tx, call.me.room, call.me.actor)
    return await rendering.render_mine(tx, call)


@contextmanager
def _refused_with_message() -> Iterator[None]:
    """Answer with the message of a refusal instead of its reason (docs/api/compatibility.md)."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.reason, data={"message": str(error)}) from error
