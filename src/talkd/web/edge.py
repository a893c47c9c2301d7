"""From a request to an operation and back: authenticate, parse, guard, transact, wrap."""

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import falcon
import falcon.asgi
import msgspec
import structlog

from talkd.core import errors, ids
from talkd.core.characters import is_text
from talkd.core.networks import subnet_of
from talkd.storage.database import Tx
from talkd.web import auth, clients, guards, metrics, ocs, pages, params
from talkd.web.admission import Admission
from talkd.web.bodies import BODY, Body, too_large
from talkd.web.call import Call, Caller, World
from talkd.web.ocs import Reply
from talkd.web.params import Upload
from talkd.web.proxies import Proxies
from talkd.web.routing import Access, Kind, Route

log = structlog.get_logger(__name__)

HANG_UP = "talkd.hang_up"
"""Key of the ASGI scope under which `web/server.py` leaves the way to learn of a disconnect."""
ROOM_TOKEN = "talkRoomToken"
REALM = "Authorisation Required"
NO_STORE = "no-cache, no-store, must-revalidate"


class Edge:
    """Runs declared operations for Falcon."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._proxies = Proxies(world.config.server)
        self._admission = Admission(world.config)

    async def handle(
        self,
        route: Route,
        version: int,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        path: dict[str, str],
    ) -> None:
        """Answer one request to `route`, called through OCS `version`."""
        started = time.perf_counter()
        began = asyncio.get_running_loop().time()
        raw: dict[str, Any] = {}
        caller = Caller(address=self._proxies.client_of(request))
        network, has_body = "", BODY in request.scope
        try:
            if not route.unconditional:
                origin = subnet_of(caller.address)
                self._admission.enter(origin, has_body=has_body)
                network = origin
            _require_text_path(request)
            if not route.unconditional:
                caller = await auth.identify(
                    self.world.logins,
                    self.world.throttle,
                    authorization=request.get_header("authorization"),
                    cookie=auth.cookie_of(request.get_header("cookie")),
                    address=caller.address,
                )
            guards.require_who(route, caller)
            clients.require_supported(route, request.get_header("user-agent") or "", self.world.settings)
            raw = await self._parameters(route, request, path)
            _require_own_page(route, request, caller, raw)
            if route.kind is Kind.OCS and not wants_known_format(route, raw):
                raise errors.Invalid("format", message="The format is json or xml.")
            reply = await self._perform(route, request, caller, raw, path, began)
        except errors.TalkError as refused:
            if route.refuses is not None:
                refused = route.refuses(refused)
            # A name that outlived this block would make a cycle that keeps the body, and so the connection, open.
            refused, reply = await self._refusal(caller, refused)
            self._write(route, version, request, response, raw, reply, refused)
        except Exception:
            number = ids.text(12)
            log.exception("request_failed", request_id=number, method=request.method, route=request.uri_template)
            reply = Reply([], 500, {"X-Request-Id": number})  # of what nobody thought of, the client learns an id
            self._write(route, version, request, response, raw, reply, None)
        else:
            self._write(route, version, request, response, raw, reply, None)
        finally:
            if network:
                self._admission.leave(network, has_body=has_body)
        metrics.observe(route, reply.status, time.perf_counter() - started)

    # --- the way in -------------------------------------------------------------------------
    async def _parameters(self, route: Route, request: falcon.asgi.Request, path: dict[str, str]) -> dict[str, Any]:
        query = params.parse_form(request.query_string) if request.query_string else {}
        body = request.scope.get(BODY)
        if body is None or route.unconditional:
            raw = {**query, **path} if query else dict(path)
        else:
            limits = self.world.config.server
            body.limit = limits.max_upload + limits.max_body if params.takes_upload(route.params) else limits.max_body
            raw = params.merge(query, await self._body(request, body), path)
        params.require_text(raw)
        return raw

    async def _body(self, request: falcon.asgi.Request, body: Body) -> Mapping[str, Any]:
        """Return the parameters in the body, all of which has come then. That of a GET or HEAD has none."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        found: Mapping[str, Any] = {}
        if (request.content_length or 0) > body.limit:
            raise too_large(body.limit)
        if request.method in ("GET", "HEAD"):
            pass
        elif kind == "multipart/form-data":
            found = await self._multipart(request)
        else:
            content = await body.read()
            if kind == "application/x-www-form-urlencoded":
                found = params.parse_form(params.text_of(content))
            elif content:
                found = params.parse_json(content)
        await body.read()
        return found

    async def _multipart(self, request: falcon.asgi.Request) -> Mapping[str, Any]:
        fields: dict[str, Any] = {}
        try:
            async for part in await request.get_media():
                content = await part.stream.read()
                value: Any = (
                    Upload(part.filename or "", part.content_type, content)
                    if part.filename is not None
                    else params.text_of(content)
                )
                params.put_nested(fields, part.name or "", value)
        except UnicodeDecodeError as error:  # Falcon decodes names when they are asked for
            raise errors.Invalid("body", message=params.NOT_UTF8) from error
        except falcon.HTTPError as error:
            raise errors.Invalid("body", message="The multipart body is broken.") from error
        return {key: params.listed(value) for key, value in fields.items()}

    # --- the operation ----------------------------------------------------------------------
    async def _perform(
        self,
        route: Route,
        request: falcon.asgi.Request,
        caller: Caller,
        raw: dict[str, Any],
        path: dict[str, str],
        began: float,
    ) -> Reply:
        call: Call[Any] = Call(
            world=self.world,
            caller=caller,
            params=None,
            base_url=self._proxies.base_url(request),
            token=path.get("token", ""),
            raw=raw,
            get_header=request.get_header,
            method=request.method,
            began=began,
            hang_up=request.scope.get(HANG_UP),
            route=route,
        )
        if route.throttle:
            self.world.throttle.check(route.throttle, caller.address)
        if call.token and caller.user_id is None:
            await self._require_no_guess(call)
        needs_room = guards.needs_room(route)
        handler = route.handler

        async def admit(tx: Tx) -> None:
            call.standing = self.world.changes.standing
            await guards.require_login_still(tx, call)
            await guards.require_may_use_talk(tx, call)
            if needs_room:
                call.participant = await guards.require_room(tx, route, call)
            if route.limit is not None:
                call.count(route.limit)

        async def work(tx: Tx) -> Any:
            await admit(tx)
            call.params = self._read(route, raw)
            return await handler(tx, call)

        try:
            if route.access is Access.WRITE:
                answer = await call.write(work)
            elif route.access is Access.READ:
                answer = await self.world.db.read(work)
            else:
                if needs_room or guards.is_of_talk(route) or route.limit is not None:
                    await self.world.db.read(admit)
                call.params = self._read(route, raw)
                answer = await handler(call)
            if route.kind is Kind.OCS and route.method == "GET" and route.access is not Access.WRITE:
                await guards.require_still(call)
        except BaseException:
            call.uncount()
            raise
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        return reply if route.answers is None else dataclasses.replace(reply, data=route.answers(reply.data))

    def _read(self, route: Route, raw: dict[str, Any]) -> Any:
        """Return the parameters as the handler knows them. Raises Invalid with the name of the wrong one."""
        given = params.convert(raw, route.params, most=self.world.config.sizes.list_entries)
        return given if route.reads is None else route.reads(given)

    async def _require_no_guess(self, call: Call[Any]) -> None:
        """Raises Throttled if the caller's network has guessed at tokens too often and they are not in the room.

        What a guesser finds waits as well, or waiting would not slow guesses down. Guests beside them who are in the
        room go on.
        """
        try:
            self.world.throttle.check(ROOM_TOKEN, call.caller.address)
        except errors.Throttled:
            if await self.world.db.read(lambda tx: guards.find_participant(tx, call)) is None:
                raise

    async def _refusal(self, caller: Caller, error: errors.TalkError) -> tuple[errors.TalkError, Reply]:
        """Count what looks like guessing, and make the answer."""
        if isinstance(error, errors.UnknownRoom) and caller.user_id is None:
            try:
                self.world.throttle.check(ROOM_TOKEN, caller.address)
                await self.world.throttle.register(ROOM_TOKEN, caller.address)
            except (errors.Throttled, errors.Unavailable) as instead:
                error = instead
        headers = {}
        if isinstance(error, errors.Throttled | errors.Unavailable):
            headers["Retry-After"] = str(error.retry_after)
        return error, Reply(error.body(), ocs.status_of(error), headers)

    # --- the way out ------------------------------------------------------------------------
    def _write(
        self,
        route: Route,
        version: int,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        raw: dict[str, Any],
        reply: Reply,
        error: errors.TalkError | None,
    ) -> None:
        response.set_headers(reply.headers)
        if "Cache-Control" not in reply.headers:
            response.set_header("Cache-Control", NO_STORE)
        if self.world.changes.closing:
            response.set_header("Connection", "close")
        if reply.status == 401:
            response.set_header("WWW-Authenticate", _challenge(request))
        if reply.session_cookie is not None:
            self._set_session_cookie(request, response, reply.session_cookie)
        if error is not None and error.data is CSRF:
            response.status = 412
            response.content_type = ocs.JSON
            response.data = msgspec.json.encode(CSRF)
        elif reply.content is not None:
            response.status = reply.status
            response.content_type = reply.content_type
            response.data = reply.content
        elif _is_missing_page(route, error) and self.write_unknown(request, response):
            response.status = reply.status
        elif route.kind is Kind.PLAIN:
            response.status = reply.status
            response.content_type = reply.content_type
            explains = isinstance(error, errors.NotAuthenticated | errors.Unavailable)
            data = {"message": ocs.message_of(error)} if explains and error is not None else reply.data
            response.data = msgspec.json.encode(data)
        else:
            self._write_envelope(version, request, response, raw, reply, error)

    def write_unknown(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> bool:
        """Write a page if a browser looks for one at an address that has none. Returns False for other clients."""
        if request.path.startswith("/ocs/") or "text/html" not in (request.get_header("accept") or "").lower():
            return False
        try:
            base_url = self._proxies.base_url(request)
        except errors.Invalid:
            return False
        response.set_headers({"Cache-Control": NO_STORE, **pages.HEADERS})
        response.content_type = pages.HTML
        response.data = pages.unknown(self.world.config.identity, base_url)
        return True

    @staticmethod
    def _write_envelope(
        version: int,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        raw: dict[str, Any],
        reply: Reply,
        error: errors.TalkError | None,
    ) -> None:
        xml = wants_xml(request, raw)
        response.status = ocs.http_status(reply.status, version)
        if reply.status == 304 and version == 2:
            return
        response.content_type = ocs.XML if xml else ocs.JSON
        if error is not None:
            code, message = ocs.code_of(error), ocs.message_of(error)
        elif reply.status == 500:
            code, message = 996, "Internal Server Error\n"
        else:
            code, message = reply.status, ""
        response.data = ocs.envelope(
            reply.data, status=reply.status, version=version, xml=xml, code=code, message=message
        )

    def _set_session_cookie(self, request: falcon.asgi.Request, response: falcon.asgi.Response, value: str) -> None:
        base = self._proxies.base_url(request)
        path = "/" + base.partition("://")[2].partition("/")[2]
        secure = base.startswith("https://")
        if value:
            response.set_cookie(auth.COOKIE, value, path=path, secure=secure, http_only=True, same_site="Lax")
        else:
            response.unset_cookie(auth.COOKIE, path=path, same_site="Lax")


def _require_own_page(route: Route, request: falcon.asgi.Request, caller: Caller, raw: Mapping[str, Any]) -> None:
    """Another site can make a browser send its cookie, but it can neither set these headers nor know the token."""
    if not route.csrf or request.get_header("ocs-apirequest") is not None:
        return
    token = request.get_header("requesttoken") or raw.get("requesttoken")
    if not isinstance(token, str) or not auth.is_own_page(caller, token):
        raise errors.PreconditionFailed(message="CSRF check failed", data=CSRF)


def _is_missing_page(route: Route, error: errors.TalkError | None) -> bool:
    return isinstance(error, errors.NotFound) and route.kind is Kind.PLAIN and route.method == "GET"


def _challenge(request: falcon.asgi.Request) -> str:
    """How to log in. Scripts of a page get a scheme that no browser knows, or it would ask its user for a password."""
    is_script = "xmlhttprequest" in (request.get_header("x-requested-with") or "").lower()
    return f'{"DummyBasic" if is_script else "Basic"} realm="{REALM}"'


def _require_text_path(request: falcon.asgi.Request) -> None:
    """Raises NotFound for a path with a character that no text may have: nothing can be there.

    The HTTP server puts U+FFFD in place of bytes that are not UTF-8.
    """
    path = request.path
    is_readable = is_text(path)
    if is_readable and "\ufffd" in path:
        try:
            unquote_to_bytes(request.scope["raw_path"]).decode()
        except UnicodeDecodeError:
            is_readable = False
    if not is_readable:
        raise errors.NotFound


CSRF = {"message": "CSRF check failed"}


def wants_known_format(route: Route, raw: Mapping[str, Any]) -> bool:
    """Whether `format` is json, xml or not there; some operations have a parameter of their own by that name."""
    has_its_own: bool = "format" in route.params.__struct_fields__
    return has_its_own or str(raw.get("format", "json")) in ("json", "xml", "")


def wants_xml(request: falcon.asgi.Request, raw: Mapping[str, Any]) -> bool:
    """Return False if the client asks for JSON: by `format` in the query or the body, or by the Accept header."""
    wanted = raw.get("format") or (request.query_string and request.get_param("format"))
    if wanted in ("json", "xml"):
        return bool(wanted == "xml")
    return "application/json" not in (request.get_header("accept") or "")
