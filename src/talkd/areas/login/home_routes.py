"""The start page, the user's connected apps, the pages of links to conversations, and static files."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import segno
from markupsafe import Markup

from talkd import __version__
from talkd.areas.invitations.link import open_link
from talkd.areas.login import service, view
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
from talkd.web.pages import client, icon
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


class AdminParams(msgspec.Struct, frozen=True):
    """The part of the administration to show. The client knows the parts."""

    section: str = ""


class FileParams(msgspec.Struct, frozen=True):
    """The name of a file of the web client."""

    name: str


class StyleParams(msgspec.Struct, frozen=True):
    """The version that the page refers to. Browsers may cache only the current version for long."""

    v: str = ""


@routes.add("GET", "/", Guard.NO_LOGIN)
async def show_home(tx: Tx, call: Call[NoParams]) -> Reply:
    """Show users who are logged in the web client, and others what runs here and how to connect an app."""
    if call.caller.by_cookie and client.is_built():
        return client.page(call)
    return await _devices_page(tx, call)


@routes.add("GET", "/devices", Guard.NO_LOGIN)
async def show_devices(tx: Tx, call: Call[NoParams]) -> Reply:
    """Show how to connect an app. Users who are logged in also see their connected apps."""
    return await _devices_page(tx, call)


@routes.add("GET", "/admin", Guard.NO_LOGIN, params=AdminParams, access=Access.OWN)
@routes.add("GET", "/admin/{section}", Guard.NO_LOGIN, params=AdminParams, access=Access.OWN)
async def show_administration(call: Call[AdminParams]) -> Reply:
    """Show administrators who are logged in the administration. Others log in first, or are refused."""
    if not call.caller.by_cookie:
        place = quote(f"/admin/{call.params.section}".rstrip("/"), safe="/")
        return pages.redirect(call, f"/login?{urlencode({'redirect_url': place})}")
    if not call.caller.is_admin:
        return pages.message(call, "administration.refused", status=403)
    if not client.is_built():
        return pages.message(call, "administration.none", status=404)
    return client.page(call)


@routes.add("GET", "/client/{name}", Guard.NO_LOGIN, params=FileParams, access=Access.OWN, unconditional=True)
async def get_client_file(call: Call[FileParams]) -> Reply:
    """Return a file of the web client. Its name has a hash of its content, so that browsers keep it forever."""
    found = client.find_file(call.params.name)
    if found is None:
        return _no_file()
    encoding, content = found.best(call.header("accept-encoding"))
    headers = {"Cache-Control": CACHE_FOREVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if encoding:
        headers["Content-Encoding"] = encoding
    return Reply(headers=headers, content=content, content_type=found.content_type)


@routes.add("GET", "/client/shell", Guard.NO_LOGIN, access=Access.OWN)
async def get_shell(call: Call[NoParams]) -> Reply:
    """Return the page of the web client as browsers keep it, without anything about the caller."""
    return client.shell(call) if client.is_built() else _no_file()


@routes.add("GET", "/service-worker.js", Guard.NO_LOGIN, access=Access.OWN, unconditional=True)
async def get_service_worker(_call: Call[NoParams]) -> Reply:
    """Return the program that opens the web client without a network. It is outside of `client/` to serve all pages."""
    found = client.find_file(client.WORKER)
    if found is None:
        return _no_file()
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": client.WORKER_POLICY}
    return Reply(headers=headers, content=found.content, content_type=found.content_type)


@routes.add("GET", "/manifest.webmanifest", Guard.NO_LOGIN, access=Access.OWN)
async def get_manifest(call: Call[NoParams]) -> Reply:
    """Return what browsers need to install the web client as an app."""
    content = msgspec.json.encode(client.manifest(call))
    return Reply(headers={"Cache-Control": "no-cache"}, content=content, content_type=client.TYPES[".webmanifest"])


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
    return pages.redirect(call, "/devices")


@routes.add("POST", "/devices/wipe", Guard.NO_LOGIN, params=DeviceParams)
async def wipe_device(tx: Tx, call: Call[DeviceParams]) -> Reply:
    """Log out one of the user's apps and tell it to erase its data."""
    if not _is_allowed(call):
        return _not_allowed(call)
    with suppress(NotFound):  # it was logged out already: the list shows it
        await service.wipe_device(tx, call.user_id, call.params.id)
    return pages.redirect(call, "/devices")


@routes.add("GET", "/call/{room}", Guard.NO_LOGIN, params=RoomParams, access=Access.OWN)
async def show_call(call: Call[RoomParams]) -> Reply:
    """Show a conversation in the web client, or how to open its link in an app.

    The page is the same whether the conversation exists or not. The link of an invitation lets the browser join and
    redirects to the address without the personal token.
    """
    room = call.params.room
    if not ids.TOKEN_FORM.fullmatch(room):
        return pages.message(call, "call.malformed", status=404)
    if call.params.access:
        return await _open_invitation(call)
    if client.is_built():
        return client.page(call)
    link = f"{call.base_url}/call/{room}"
    return pages.page(call, "call.html", link=link, code=_code(link))


@routes.add("GET", "/call/{room}/recording", Guard.NO_LOGIN, params=RoomParams, access=Access.OWN)
async def show_recording(call: Call[RoomParams]) -> Reply:
    """Show the page in which a recording server sees a call. It shows nothing before the server has proven itself."""
    if not client.is_built() or not ids.TOKEN_FORM.fullmatch(call.params.room):
        return pages.message(call, "call.malformed", status=404)
    return client.recording_page(call)


async def _open_invitation(call: Call[RoomParams]) -> Reply:
    params = call.params
    try:
        cookie = await open_link(call, params.room, params.email, params.access)
    except NotFound:
        return pages.message(call, "invitation.invalid", status=404)
    except Throttled as error:
        return pages.must_wait(call, error)
    return pages.redirect(call, f"/call/{params.room}#{client.INVITED}", session_cookie=cookie)


@routes.add("GET", "/static/talkd.css", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_style(call: Call[StyleParams]) -> Reply:
    """Return the style sheet of the pages."""
    return _static(call, pages.style(call), "text/css; charset=utf-8")


@routes.add("GET", "/static/logo.svg", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_logo(call: Call[StyleParams]) -> Reply:
    """Return the logo in white, for backgrounds in the main colour."""
    return _static(call, icon.LOGO, "image/svg+xml")


@routes.add("GET", "/static/icon.svg", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_icon(call: Call[StyleParams]) -> Reply:
    """Return the logo on a square in the main colour."""
    return _static(call, icon.svg(valid(call.world.config.identity.color)), "image/svg+xml")


@routes.add("GET", "/static/icon.png", Guard.NO_LOGIN, params=StyleParams, access=Access.OWN, unconditional=True)
async def get_drawn_icon(call: Call[StyleParams]) -> Reply:
    """Return the same icon as PNG, for devices that install the client."""
    color = valid(call.world.config.identity.color)
    return _static(call, await asyncio.to_thread(icon.png, color), "image/png")


def _no_file() -> Reply:
    return Reply(status=404, content=b"", content_type="text/plain")


def _static(call: Call[StyleParams], content: bytes, content_type: str) -> Reply:
    cache = CACHE_FOREVER if call.params.v == pages.style_version(call) else "public, max-age=3600"
    headers = {"Cache-Control": cache}
    return Reply(headers=headers, content=content, content_type=content_type)


def _is_allowed(call: Call[DeviceParams]) -> bool:
    return call.caller.by_cookie and pages.is_own_form(call, call.params.requesttoken)


def _not_allowed(call: Call[DeviceParams]) -> Reply:
    return pages.message(call, "form.expired", status=403)


async def _devices_page(tx: Tx, call: Call[Any]) -> Reply:
    devices = await service.list_devices(tx, call.user_id) if call.caller.by_cookie else []
    world = call.world
    calls = world.talk_settings.start_calls != StartCall.NOBODY
    facts = (
        ("software", f"talkd {__version__}"),
        ("speaks", f"Talk {world.config.identity.talk_version}"),
        ("conversations", True),
        ("guests", True),
        ("calls", calls),
        ("turn", bool(list_turn_servers(world.config.calls, world.talk_settings))),
    )
    return pages.page(
        call,
        "home.html",
        has_client=client.is_built(),
        facts=facts,
        code=_code(call.base_url),
        is_secure=call.base_url.startswith("https://"),
        devices=[view.device(app) for app in devices],
    )


def _code(text: str) -> Markup:
    """Return a QR code as SVG. It is dark on white in every colour scheme, because many scanners read no other."""
    svg: str = segno.make_qr(text, error="m").svg_inline(border=1, dark="#000", light="#fff", omitsize=True)
    return Markup(svg)  # noqa: S704 - segno draws squares only
