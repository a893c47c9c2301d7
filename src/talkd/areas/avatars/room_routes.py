"""Pictures of conversations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from talkd.areas.avatars import model, room_model, room_pictures, room_service, service
from talkd.areas.avatars.room_model import IMAGE
from talkd.areas.avatars.routes import PNG, drawn, picture_of
from talkd.areas.overviews.rendering import render_mine
from talkd.areas.overviews.view import RoomView, avatar_version
from talkd.conversation.room import Room
from talkd.core.constants import RoomType
from talkd.core.errors import Invalid, NotFound
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
FOR_EVER = "private, max-age=86400, immutable"
"""For who names the version that he wants: another picture has another version."""
ASK_AGAIN = "private, no-cache"


class PictureParams(msgspec.Struct, frozen=True):
    """Which variant. `avatarVersion`, or `v` as in the messages' `icon-url`, is for caches only."""

    darkTheme: bool = False
    avatarVersion: Scalar | None = None
    v: Scalar | None = None


class UploadParams(msgspec.Struct, frozen=True):
    """A picture file."""

    file: Upload | None = None


class EmojiParams(msgspec.Struct, frozen=True):
    """An emoji, and six hexadecimal digits of a colour."""

    emoji: str
    color: str | None = None


class RemoteParams(msgspec.Struct, frozen=True):
    """Somebody of another server."""

    size: int
    cloudId: str
    darkTheme: bool = False


_SHOWN: dict[str, Any] = {"versions": V1, "access": Access.OWN, "csrf": False}
"""What all pictures have in common. Pages show them by `<img>`, which sends neither header nor token."""


# --- showing --------------------------------------------------------------------------------
@routes.add("GET", "room/{token}/avatar", Guard.NO_LOGIN, params=PictureParams, **_SHOWN)
async def get_avatar(call: Call[PictureParams]) -> Reply:
    """The picture of a conversation, PNG or SVG."""
    return await _show(call, dark=call.params.darkTheme)


@routes.add("GET", "room/{token}/avatar/dark", Guard.NO_LOGIN, params=PictureParams, **_SHOWN)
async def get_dark_avatar(call: Call[PictureParams]) -> Reply:
    """The same for dark themes."""
    return await _show(call, dark=True)


async def _show(call: Call[PictureParams], *, dark: bool) -> Reply:
    caller = call.caller
    room = await call.world.db.read(
        lambda tx: room_service.access_room(tx, call.token, user_id=caller.user_id, browser=caller.browser)
    )
    if room.is_one_to_one:
        return await _person(call, room, dark=dark)
    etag = etags.of_version(f"{room.token}-{avatar_version(room)}-{int(dark)}")
    named = call.params.avatarVersion is not None or call.params.v is not None
    caching = FOR_EVER if named else ASK_AGAIN
    if call.knows(etag):
        return _reply(None, etag, SVG, caching)
    if room.avatar == IMAGE:
        image = await call.world.db.read(lambda tx: room_service.find_image(tx, room.id))
        return _reply(image, etag, PNG, caching)
    emoji = room_model.emoji_of(room)
    if emoji is not None:
        return _reply(room_pictures.emoji(emoji, dark=dark), etag, SVG, caching)
    return _reply(room_pictures.icon(room_model.icon_of(room), dark=dark), etag, SVG, caching)


async def _person(call: Call[PictureParams], room: Room, *, dark: bool) -> Reply:
    """A one-to-one conversation looks like the other one; when he is gone, like his name.

    Its version knows nothing of that picture, so clients always ask whether it has changed.
    """
    partner = room.partner_of(call.user_id) if room.type == RoomType.ONE_TO_ONE else ""
    try:
        portrait = await call.world.db.read(lambda tx: service.find_portrait(tx, partner))
    except NotFound:
        return await _drawn(call, model.sketch(room.name, room.name, dark=dark, size=model.LARGE))
    if not portrait.is_custom:
        return await _drawn(call, model.sketch(partner, portrait.display_name, dark=dark, size=model.LARGE))
    etag = etags.of_version(f"{portrait.version}-{model.LARGE}")
    known = call.knows(etag)
    content = None if known else await call.world.db.read(lambda tx: service.find_image(tx, partner))
    return _reply(content, etag, PNG, ASK_AGAIN)


async def _drawn(call: Call[PictureParams], sketch: model.Sketch) -> Reply:
    etag = etags.of_version(sketch.tag)
    content = None if call.knows(etag) else await drawn(call, sketch)
    return _reply(content, etag, PNG, ASK_AGAIN)


def _reply(content: bytes | None, etag: str, content_type: str, caching: str) -> Reply:
    """The picture, or 304 without one when the client has it."""
    headers = {
        "Cache-Control": caching,
        "ETag": etag,
    }
    status = 304 if content is None else 200
    return Reply(content=content or b"", status=status, content_type=content_type, headers=headers)


# --- people of other servers ----------------------------------------------------------------


@routes.add("GET", "proxy/{token}/user-avatar/{size}", *IN_ROOM, params=RemoteParams, **_SHOWN)
async def get_remote_avatar(call: Call[RemoteParams]) -> Reply:
    """The picture of somebody of another server: one for all of them, as talkd asks no other server."""
    return _stranger(call, dark=call.params.darkTheme)


@routes.add("GET", "proxy/{token}/user-avatar/{size}/dark", *IN_ROOM, params=RemoteParams, **_SHOWN)
async def get_dark_remote_avatar(call: Call[RemoteParams]) -> Reply:
    """The same for dark themes."""
    return _stranger(call, dark=True)


@routes.add("GET", "proxy/new/user-avatar/{size}", Guard.USER, params=RemoteParams, **_SHOWN)
async def get_remote_avatar_before(call: Call[RemoteParams]) -> Reply:
    """The picture of somebody of another server with whom there is no conversation yet."""
    return _stranger(call, dark=call.params.darkTheme)


@routes.add("GET", "proxy/new/user-avatar/{size}/dark", Guard.USER, params=RemoteParams, **_SHOWN)
async def get_dark_remote_avatar_before(call: Call[RemoteParams]) -> Reply:
    """The same for dark themes."""
    return _stranger(call, dark=True)


def _stranger(call: Call[RemoteParams], *, dark: bool) -> Reply:
    etag = etags.of_version(f"person-{int(dark)}")
    content = None if call.knows(etag) else room_pictures.icon("person", dark=dark)
    return _reply(content, etag, SVG, FOR_EVER)


# --- setting --------------------------------------------------------------------------------
@routes.add(
    "POST",
    "room/{token}/avatar",
    *ANY_MODERATOR,
    versions=V1,
    params=UploadParams,
    access=Access.OWN,
    returns=RoomView,
)
async def set_avatar(call: Call[UploadParams]) -> RoomView:
    """Set the picture of a conversation: PNG, JPEG or WebP; what is not square is cut to its middle."""
    image = await picture_of(call, call.params.file)

    async def work(tx: Tx) -> RoomView:
        await lock_room_again(tx, call)
        with _told_as_message():
            await room_service.set_image(tx, call.me.room, call.me.actor, image)
        return await render_mine(tx, call)

    return await call.write(work)


@routes.add("POST", "room/{token}/avatar/emoji", *ANY_MODERATOR, versions=V1, params=EmojiParams, returns=RoomView)
async def set_emoji(tx: Tx, call: Call[EmojiParams]) -> RoomView:
    """Set an emoji on a colour as the picture of a conversation."""
    with _told_as_message():
        await room_service.set_emoji(tx, call.me.room, call.me.actor, call.params.emoji, call.params.color)
    return await render_mine(tx, call)


@routes.add("DELETE", "room/{token}/avatar", *ANY_MODERATOR, versions=V1, returns=RoomView)
async def remove_avatar(tx: Tx, call: Call[Any]) -> RoomView:
    """Remove the picture of a conversation."""
    await room_service.remove(tx, call.me.room, call.me.actor)
    return await render_mine(tx, call)


@contextmanager
def _told_as_message() -> Iterator[None]:
    """These operations say in words what is wrong, not in a reason (recording `avatar/emoji-avatar`)."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.reason, data={"message": str(error)}) from error
