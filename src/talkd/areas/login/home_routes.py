"""The start page, the user's connected apps, the pages of links to conversations, and static files."""

from contextlib import suppress
from typing import Any

import msgspec
import segno
from markupsafe import Markup

from talkd import __version__
from talkd.areas.invitations.link import open_link
from talkd.areas.login import service, view
from talkd.areas.login.model import AppPassword
from talkd.areas.signaling.service import list_turn_servers
from talkd.core import ids
from talkd.core.colors import valid
from talkd.core.constants import StartCall
from talkd.core.errors import NotFound, Throttled
from talkd.storage.database import Tx
from talkd.web import pages
from talkd.web.call import Call
from talkd.web.limits import Limit
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("pages", base="", kind=Kind.PLAIN)

CACHE_FOREVER = "public, max-age=31536000, immutable"
CODE_NAME = "QR code"
"""The name that an app password from a login code has in the list of connected apps."""


class DeviceParams(msgspec.Struct, frozen=True):
    """One of the user's connected apps, and the request token of the page."""

    id: int = 0
    requesttoken: str = ""


class RoomParams(msgspec.Struct, frozen=True):
    """The token of a conversation. The link of an invitation also has the e-mail address and the personal token."""

    room: str
    email: str = ""
    access: str = ""


class StyleParams(msgspec.Struct, frozen=True):
    """The version that the page refers to. Browsers may cache only the current version for long."""

    v: str = ""


@routes.add("GET", "/", Guard.NO_LOGIN)
async def show_home(tx: Tx, call: Call[NoParams]) -> Reply:
    """Show what runs here and how to connect an app. Users who are logged in also see their connected apps."""
    devices = await service.list_devices(tx, call.user_id) if call.caller.by_cookie else []
    return _home(call, devices)


@routes.add("POST", "/devices/code", Guard.NO_LOGIN, params=DeviceParams)
async def create_code(tx: Tx, call: Call[DeviceParams]) -> Reply:
    """Show a login code with a new app password. It cannot be shown again."""
    if not _is_allowed(call):
        return _not_allowed(call)
    call.count(Limit.APP_PASSWORDS)
    password = await service.create_app_password(tx, call.user_id, CODE_NAME)
    address = view.app_address(call.base_url, call.user_id, password)
    return pages.page(call, "code.html", code=_code(address), password=password)


@routes.add("POST", "/devices/revoke", Guard.NO_LOGIN, params=DeviceParams)
async def revoke_device(tx: Tx, call: Call[DeviceParams]) -> Reply:
    """Log out one of the user's apps."""
    if not _is_allowed(call):
        return _not_allowed(call)
    with suppress(NotFound):  # it was logged out already: the list shows it
        await service.revoke_device(tx, call.user_id, call.params.id)
    return pages.redirect(call, "/")


@routes.add("POST", "/devices/wipe", Guard.NO_LOGIN, params=DeviceParams)
async def wipe_device(tx: Tx, call: Call[DeviceParams]) -> Reply:
    """Log out one of the user's apps and tell it to erase its data."""
    if not _is_allowed(call):
        return _not_allowed(call)
    with suppress(NotFound):  # it was logged out already: the list shows it
        await service.wipe_device(tx, call.user_id, call.params.id)
    return pages.redirect(call, "/")


@routes.add("GET", "/call/{room}", Guard.NO_LOGIN, params=RoomParams, access=Access.OWN)
async def show_call(call: Call[RoomParams]) -> Reply:
    """Show how to open the link of a conversation in an app.

    The page is the same whether the conversation exists or not. The link of an invitation lets the browser join and
    redirects to the address without the personal token.
    """
    room = call.params.room
    if not ids.TOKEN_FORM.fullmatch(room):
        return pages.message(
            call, "This is not a link to a conversation", "Please check that you have copied all of it.", status=404
        )
    if call.params.access:
        return await _open_invitation(call)
    link = f"{call.base_url}/call/{room}"
    return pages.page(call, "call.html", link=link, code=_code(link))


async def _open_invitation(call: Call[RoomParams]) -> Reply:
    params = call.params
    try:
        cookie = await open_link(call, params.room, params.email, params.access)
    except NotFound:
        return pages.message(
            call, "This invitation is not valid", "Please ask the person who invited you to send it again.", status=404
        )
    except Throttled as error:
        return pages.must_wait(call, error)
    return pages.redirect(call, f"/call/{params.room}", session_cookie=cookie)


@routes.add("GET", "/static/talkd.css", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_style(call: Call[StyleParams]) -> Reply:
    """Return the style sheet of the pages."""
    return _static(call, pages.style(call), "text/css; charset=utf-8")


@routes.add("GET", "/static/logo.svg", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_logo(call: Call[StyleParams]) -> Reply:
    """Return the logo in white, for backgrounds in the main colour."""
    return _static(call, pages.LOGO, "image/svg+xml")


@routes.add("GET", "/static/icon.svg", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_icon(call: Call[StyleParams]) -> Reply:
    """Return the logo on a square in the main colour."""
    color = valid(call.world.config.identity.color)
    inner = pages.LOGO.decode().partition(">")[2]
    icon = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-14 -14 92 92">'
        f'<rect x="-14" y="-14" width="92" height="92" rx="22" fill="{color}"/>{inner}'
    )
    return _static(call, icon.encode(), "image/svg+xml")


def _static(call: Call[StyleParams], content: bytes, content_type: str) -> Reply:
    cache = CACHE_FOREVER if call.params.v == pages.style_version(call) else "public, max-age=3600"
    headers = {"Cache-Control": cache}
    return Reply(headers=headers, content=content, content_type=content_type)


def _is_allowed(call: Call[DeviceParams]) -> bool:
    return call.caller.by_cookie and pages.is_own_form(call, call.params.requesttoken)


def _not_allowed(call: Call[DeviceParams]) -> Reply:
    return pages.message(
        call, "Please try again", "The page was open for too long. Go back to the start page and try again.", status=403
    )


def _home(call: Call[Any], devices: list[AppPassword]) -> Reply:
    world = call.world
    calls = world.talk_settings.start_calls != StartCall.NOBODY
    facts = (
        ("Software", f"talkd {__version__}"),
        ("Speaks", f"Talk {world.config.identity.talk_version}"),
        ("Conversations", "on"),
        ("Guests by link", "on"),
        ("Calls", "on" if calls else "off"),
        ("Relay for calls (TURN)", "on" if list_turn_servers(world.config.calls, world.talk_settings) else "off"),
    )
    return pages.page(
        call,
        "home.html",
        facts=facts,
        code=_code(call.base_url),
        is_secure=call.base_url.startswith("https://"),
        devices=[view.device(app) for app in devices],
    )


def _code(text: str) -> Markup:
    """Return a QR code as SVG. It is dark on white in every colour scheme, because many scanners read no other."""
    svg: str = segno.make_qr(text, error="m").svg_inline(border=1, dark="#000", light="#fff", omitsize=True)
    return Markup(svg)  # noqa: S704 - segno draws squares only
