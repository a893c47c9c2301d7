"""The web client: its page, and its files as `web-client/` builds them into the folder `client` of the package."""

import functools
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from talkd.core.colors import valid
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.pages import HEADERS, HTML, LIGHT, request_token, root_of, style_version
from talkd.web.pages.icon import SIZE

FOLDER = Path(__file__).parents[2] / "client"
PAGE = "index.html"
RECORDING_PAGE = "recording.html"
WORKER = "service-worker.js"
INVITED = "invited"
"""The fragment of the address of a room by which the client knows that the visitor needs to give no name."""
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""The encodings of the compressed files beside each file, best first."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; connect-src 'self' {sockets}; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types svelte-trusted-html talkd-worker"
)
"""`svelte-trusted-html` makes the elements of the client's own templates. No data becomes HTML. `talkd-worker` is for
the address of the service worker."""

WORKER_POLICY = "default-src 'none'; connect-src 'self'"
"""The service worker only passes on what pages of this server ask for."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the client, as it is and compressed."""

    content: bytes
    content_type: str
    compressed: dict[str, bytes]

    def best(self, accepted: str) -> tuple[str, bytes]:
        """Return the best encoding for an Accept-Encoding header, or an empty text, and the content in it."""
        names = {name.partition(";")[0].strip() for name in accepted.split(",")}
        for encoding, content in self.compressed.items():
            if encoding in names:
                return encoding, content
        return "", self.content


def is_built() -> bool:
    """Return False if talkd was installed without the client."""
    return (FOLDER / PAGE).is_file()


def find_file(name: str) -> File | None:
    """Return a file of the client, or None."""
    return _files().get(name)


@functools.cache
def _files() -> dict[str, File]:
    """Return all files of the client by name. They stay in memory: they never change while the server runs."""
    return {path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in TYPES} if is_built() else {}


def _read(path: Path) -> File:
    beside = {encoding: path.with_name(path.name + suffix) for encoding, suffix in ENCODINGS.items()}
    compressed = {encoding: each.read_bytes() for encoding, each in beside.items() if each.is_file()}
    return File(path.read_bytes(), TYPES[path.suffix], compressed)


@functools.cache
def _page(name: str) -> str:
    return (FOLDER / name).read_text()


def _socket_address(address: str) -> str:
    """Return where a WebSocket to a server goes, as a policy names it: without a path."""
    parts = urlsplit(address)
    return f"{parts.scheme.replace('http', 'ws', 1)}://{parts.netloc}"


def page(call: Call[Any]) -> Reply:
    """Return the page that starts the client. The client finds its view by the address.

    It has the caller's request token where Talk's own page has it, and gives a visitor a session cookie.
    """
    token, new_cookie = request_token(call)
    return _reply(call, f'<head data-requesttoken="{token}">', new_cookie)


def shell(call: Call[Any]) -> Reply:
    """Return the page without anything about the caller. Browsers keep it to open the client without a network."""
    return _reply(call, "<head>")


def recording_page(call: Call[Any]) -> Reply:
    """Return the page in which a recording server sees a call."""
    return _reply(call, "<head>", name=RECORDING_PAGE)


def _reply(call: Call[Any], head: str, session_cookie: str | None = None, *, name: str = PAGE) -> Reply:
    identity = call.world.config.identity
    root, title, version = html.escape(root_of(call)), html.escape(identity.name), style_version(call)
    links = (
        f'<link rel="icon" href="{root}/static/icon.svg?v={version}">'
        f'<link rel="apple-touch-icon" href="{root}/static/icon.png?v={version}">'
        f'<link rel="manifest" href="{root}/manifest.webmanifest">'
    )
    text = (
        _page(name)
        .replace("<head>", head)
        .replace('data-root=""', f'data-root="{root}" data-name="{title}"')
        .replace('"./', f'"{root}/client/')
        .replace("<title>talkd</title>", f"<title>{title}</title>{links}")
    )
    servers = [each.server for each in call.world.talk_settings.signaling.servers]
    policy = POLICY.format(sockets=" ".join(_socket_address(each) for each in (call.base_url, *servers)))
    headers = {
        **HEADERS,
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "same-origin",
    }
    return Reply(headers=headers, content=text.encode(), content_type=HTML, session_cookie=session_cookie)


def manifest(call: Call[Any]) -> dict[str, Any]:
    """Return what browsers need to install the client as an app."""
    identity, root, version = call.world.config.identity, root_of(call), style_version(call)
    drawn = {"src": f"{root}/static/icon.png?v={version}", "sizes": f"{SIZE}x{SIZE}", "type": "image/png"}
    return {
        "name": identity.name,
        "short_name": identity.name,
        "description": identity.slogan,
        "id": f"{root}/",
        "start_url": f"{root}/",
        "scope": f"{root}/",
        "display": "standalone",
        "background_color": LIGHT,
        "theme_color": valid(identity.color),
        "icons": [
            {"src": f"{root}/static/icon.svg?v={version}", "sizes": "any", "type": "image/svg+xml"},
            drawn,
            {**drawn, "purpose": "maskable"},
        ],
    }
