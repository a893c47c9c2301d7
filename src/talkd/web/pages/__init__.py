"""HTML pages: templates, style sheet and security headers. `talkd.web.texts` has their texts.

Templates escape all values. No page has scripts, and the headers forbid them.
"""

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkd.config_groups import IdentityConfig
from talkd.core import colors
from talkd.core.errors import Throttled
from talkd.core.names import folded
from talkd.web import auth, texts
from talkd.web.call import Call
from talkd.web.ocs import Reply

if TYPE_CHECKING:
    from jinja2 import Environment

HTML = "text/html; charset=utf-8"
_HERE = Path(__file__).parent
_STYLE = (_HERE / "talkd.css").read_text()

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' nc:; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""`nc:` is the scheme of the redirect that ends the login of an app in its web view."""

LIGHT, DARK = "#ffffff", "#1b1d22"
"""Background colours of the style sheet, on which text in the main colour must be readable."""


def page(
    call: Call[Any], template: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> Reply:
    """Return a page made from a template. With the first page that has a form, a visitor gets a session cookie."""
    token, new_cookie = request_token(call)
    user_id = (call.caller.user_id if call.caller.by_cookie else None) or ""
    shown_name = call.caller.display_name or user_id
    text = _render(
        template,
        language_of(call),
        call.world.config.identity,
        call.base_url,
        request_token=token,
        user_id=user_id,
        shown_name=shown_name,
        name_and_id=shown_name if folded(shown_name) == folded(user_id) else f"{shown_name} ({user_id})",
        **values,
    )
    return Reply(
        status=status,
        headers={**HEADERS, **(headers or {})},
        content=text.encode(),
        content_type=HTML,
        session_cookie=new_cookie if token in text else None,
    )


def language_of(call: Call[Any]) -> str:
    """Return the language of the pages: that of the account, or the browser's."""
    return texts.preferred(call.caller.language, *texts.accepted(call.header("accept-language")))


def unknown(identity: IdentityConfig, base_url: str, accept_language: str) -> bytes:
    """Return the page for unknown addresses. It is the same for all callers, so it sets no cookie."""
    language = texts.preferred(*texts.accepted(accept_language))
    return _render("unknown.html", language, identity, base_url, request_token="", user_id="").encode()


def _render(template: str, language: str, identity: IdentityConfig, base_url: str, **values: Any) -> str:
    return (
        _templates()
        .get_template(template)
        .render(
            t=functools.partial(texts.text, language),
            language=language,
            name=identity.name,
            slogan=identity.slogan,
            server=base_url,
            root=_path_of(base_url),
            style=_version_of(identity),
            **values,
        )
    )


@functools.cache
def _templates() -> "Environment":
    """Return the templates. Servers of which only apps ask something never load them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    files = FileSystemLoader(_HERE)
    return Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def message(
    call: Call[Any], key: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> Reply:
    """Return a page with a title and a paragraph: the text of the key, and the text `.text` below it."""
    return page(call, "message.html", status=status, headers=headers, key=key, values=values)


def must_wait(call: Call[Any], error: Throttled) -> Reply:
    """Return the page for a caller who is throttled."""
    minutes = -(-error.retry_after // 60)
    return message(call, "throttled", status=429, headers={"Retry-After": str(error.retry_after)}, count=minutes)


def redirect(call: Call[Any], address: str, *, session_cookie: str | None = None) -> Reply:
    """Redirect (303) to a path of this server or to an address that begins with a scheme."""
    location = root_of(call) + address if address.startswith("/") else address
    headers = {**HEADERS, "Location": location}
    return Reply(status=303, headers=headers, content=b"", content_type=HTML, session_cookie=session_cookie)


def root_of(call: Call[Any]) -> str:
    """Return the path in the address of this server: empty, or for example `/talk`."""
    return _path_of(call.base_url)


def _path_of(base_url: str) -> str:
    _, slash, path = base_url.partition("://")[2].partition("/")
    return slash + path


def request_token(call: Call[Any]) -> tuple[str, str | None]:
    """Return the token that forms must carry, and the session cookie to set with it, or None if the caller has one."""
    if call.caller.request_token:
        return call.caller.request_token, None
    cookie = auth.new_cookie()
    return auth.visitor_token(cookie), cookie


def is_own_form(call: Call[Any], token: str) -> bool:
    """Return True if one of the server's own pages sent the form."""
    return auth.is_own_page(call.caller, token or call.header("requesttoken"))


def style(call: Call[Any]) -> bytes:
    """Return the style sheet in this installation's main colour."""
    return _style_of(call.world.config.identity)


def style_version(call: Call[Any]) -> str:
    """Return a version that changes with the style sheet, so that browsers can cache it forever."""
    return _version_of(call.world.config.identity)


def _style_of(identity: IdentityConfig) -> bytes:
    color = colors.valid(identity.color)
    light = colors.readable_on(color, LIGHT)
    dark = colors.readable_on(color, DARK)
    head = (
        f":root{{--main:{color};--on-main:{colors.text_on(color)};--link:{light}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{--main:{dark};--on-main:{colors.text_on(dark)};--link:{dark}}}}}\n"
    )
    return (head + _STYLE).encode()


def _version_of(identity: IdentityConfig) -> str:
    return hashlib.sha256(_style_of(identity)).hexdigest()[:12]
