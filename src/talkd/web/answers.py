"""Write the answers of operations: as an envelope, as plain JSON, as ready bytes, or as a page for browsers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec

from talkd.config_groups import ServerConfig
from talkd.core import errors
from talkd.web import auth, ocs, pages
from talkd.web.call import World
from talkd.web.ocs import Reply
from talkd.web.proxies import Proxies
from talkd.web.request import PROTECTION, Request
from talkd.web.response import Response
from talkd.web.routing import Kind, Route
from talkd.web.uploads import Incoming

REALM = "Authorisation Required"
NO_STORE = "no-cache, no-store, must-revalidate"


@dataclass(slots=True)
class Exchange:
    """A request to a route, called through OCS `version`, and the response to fill in."""

    route: Route
    version: int
    request: Request
    response: Response = field(default_factory=Response)
    raw: dict[str, Any] = field(default_factory=dict)
    """The request's parameters; empty until they are read. Those in the address are read before a form with a file."""
    body: bytes = b""
    """The request's body as it came; empty until it is read, and for multipart forms."""
    incoming: Incoming | None = None
    """The request's files on the disk, if the route takes such files."""


class Answers:
    """Fills in responses."""

    def __init__(self, world: World, proxies: Proxies) -> None:
        self._world = world
        self._proxies = proxies
        self._always = always_sent(world.config.server)

    def write(self, exchange: Exchange, reply: Reply, error: errors.TalkError | None = None) -> None:
        """Fill in the response. `error` is the refusal that the reply was made from."""
        route, request, response = exchange.route, exchange.request, exchange.response
        if reply.responses is not None:
            form = exchange.version, wants_xml(request, exchange.raw), self._world.changes.closing
            known = reply.responses.get(form)
            if known is not None:
                exchange.response = known
                return
            reply.responses[form] = response
        response.status = reply.status
        headers = response.headers = {**self._always, "cache-control": NO_STORE}
        response.set_headers(reply.headers)
        if self._world.changes.closing:
            headers["connection"] = "close"
        if reply.status == 401:
            headers["www-authenticate"] = _challenge(request)
        if reply.session_cookie is not None:
            self._set_session_cookie(exchange, reply.session_cookie)
        if reply.stream is not None:
            response.stream = reply.stream
            headers["content-type"] = reply.content_type
        elif reply.content is not None:
            response.set_body(reply.content, reply.content_type)
        elif isinstance(error, errors.NotOwnPage):
            _write_json(response, {"message": error.message})
        elif _is_missing_page(route, error) and self._write_unknown_page(request, response):
            pass  # the page is the answer
        elif route.kind is Kind.PLAIN:
            explains = isinstance(error, errors.NotAuthenticated | errors.Unavailable)
            data = {"message": ocs.message_of(error)} if error is not None and explains else reply.data
            _write_json(response, data, reply.content_type)
        else:
            _write_envelope(request, response, exchange.version, exchange.raw, reply, error)

    def unknown(self, request: Request, version: int) -> Response:
        """Return the answer 404 for an address that has no route. `version` is the envelope's, 0 outside of OCS."""
        response = Response(404, dict(self._always))
        if version:
            error = errors.Rejected(998, ocs.UNKNOWN_ROUTE)
            _write_envelope(request, response, version, {}, ocs.refusal(error), error)
        elif not self._write_unknown_page(request, response):
            response.set_body(b"", pages.HTML)
        return response

    def wrong_method(self, request: Request, version: int, allowed: Iterable[str]) -> Response:
        """Return the answer 405 in the media type that the client asks for. Only browsers get a body."""
        response = Response(405, {**self._always, "allow": ", ".join(allowed)})
        if not wants_xml(request, {}):
            response.set_body(b"", ocs.JSON)
        elif version:
            response.set_body(b"", ocs.XML)
        elif not self._write_unknown_page(request, response):
            response.set_body(b"", pages.HTML)
        return response

    def _write_unknown_page(self, request: Request, response: Response) -> bool:
        """Write the page for unknown addresses and return True if a browser asks; else return False."""
        if request.path.startswith("/ocs/") or "text/html" not in (request.get_header("accept") or "").lower():
            return False
        try:
            base_url = self._proxies.base_url(request)
        except errors.Invalid:
            return False
        response.set_headers({"cache-control": NO_STORE, **pages.HEADERS})
        response.set_body(
            pages.unknown(self._world.config.identity, base_url, request.get_header("accept-language") or ""),
            pages.HTML,
        )
        return True

    def _set_session_cookie(self, exchange: Exchange, value: str) -> None:
        base = self._proxies.base_url(exchange.request)
        path = "/" + base.partition("://")[2].partition("/")[2]
        exchange.response.set_cookie(auth.COOKIE, value, path=path, secure=base.startswith("https://"))


def always_sent(config: ServerConfig) -> dict[str, str]:
    """Return the headers that every answer has unless it sets them itself."""
    hsts = config.hsts and config.tls_certificate
    return {**PROTECTION, **({"strict-transport-security": f"max-age={config.hsts}"} if hsts else {})}


def wants_xml(request: Request, raw: Mapping[str, Any]) -> bool:
    """Return False if the client asks for JSON: by `format` in the query or the body, or by the Accept header."""
    query = request.query
    wanted = raw.get("format") or ("format" in query and parse_qs(query).get("format", [""])[-1])
    if wanted in ("json", "xml"):
        return bool(wanted == "xml")
    return "application/json" not in (request.get_header("accept") or "")


def _write_envelope(
    request: Request,
    response: Response,
    version: int,
    raw: Mapping[str, Any],
    reply: Reply,
    error: errors.TalkError | None,
) -> None:
    xml = wants_xml(request, raw)
    response.status = ocs.http_status(reply.status, version)
    if reply.status == 304 and version == 2:
        return
    if error is not None:
        code, message = ocs.code_of(error), ocs.message_of(error)
    elif reply.status == 500:
        code, message = ocs.INTERNAL_ERROR, "Internal Server Error\n"
    else:
        code, message = reply.status, ""
    body = ocs.envelope(reply.data, status=reply.status, version=version, xml=xml, code=code, message=message)
    response.set_body(body, ocs.XML if xml else ocs.JSON)


def _write_json(response: Response, data: Any, content_type: str = ocs.JSON) -> None:
    response.set_body(msgspec.json.encode(data), content_type)


def _is_missing_page(route: Route, error: errors.TalkError | None) -> bool:
    return isinstance(error, errors.NotFound) and route.kind is Kind.PLAIN and route.method == "GET"


def _challenge(request: Request) -> str:
    """Return the WWW-Authenticate header.

    Scripts of a page get a scheme that browsers do not know, because for "Basic" a browser would ask for a password.
    """
    is_script = "xmlhttprequest" in (request.get_header("x-requested-with") or "").lower()
    return f'{"DummyBasic" if is_script else "Basic"} realm="{REALM}"'
