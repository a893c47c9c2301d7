"""Handle a request: authenticate, read parameters, check guards, run the operation, and answer."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from talkd.core import errors, ids
from talkd.core.characters import is_text
from talkd.core.log import Log
from talkd.core.networks import subnet_of
from talkd.storage.database import Tx
from talkd.web import auth, clients, guards, metrics, ocs, params
from talkd.web.admission import Admission
from talkd.web.answers import Answers, Exchange
from talkd.web.bodies import Body, too_large
from talkd.web.call import Call, Caller, World
from talkd.web.ocs import Reply
from talkd.web.proxies import Proxies
from talkd.web.request import Request
from talkd.web.routing import Access, Kind, Route
from talkd.web.uploads import Incoming, Uploads

log = Log(__name__)

FORM = "multipart/form-data"
"""The media type of forms that may have files."""

ROOM_TOKEN = "talkRoomToken"
"""The brute-force action of guesses at room tokens."""


class Edge:
    """Runs declared operations."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._proxies = Proxies(world.config.server)
        self._admission = world.parts[Admission] = Admission(world.config)
        self.answers = Answers(world, self._proxies)

    async def handle(self, exchange: Exchange, path: dict[str, str]) -> None:
        """Answer one request. `path` has the parameters in the request's path."""
        started = time.perf_counter()
        route, request = exchange.route, exchange.request
        caller = Caller(address=self._proxies.client_of(request))
        network, has_body, is_admitted = subnet_of(caller.address), request.has_body, False
        try:
            if not route.unconditional:
                self._admission.enter(network, has_body=has_body)
                is_admitted = True
            _require_text_path(request)
            if not route.unconditional:
                caller = await auth.identify(
                    self.world.logins,
                    self.world.throttle,
                    authorization=request.get_header("authorization"),
                    cookie=auth.cookie_of(request.get_header("cookie")),
                    address=caller.address,
                )
            guards.require_login_guards(route, caller)
            if route.signed_by is not None:
                signed, header = path["token"].encode(), request.get_header
                guards.require_checksum(route.signed_by, signed, self.world, header, caller.address)
            clients.require_supported(route, request.get_header("user-agent") or "", self.world.talk_settings)
            token = path.get("token", "")
            most = None
            if _brings_file(route, request):
                exchange.raw = _in_address(request, path)
                params.require_text(exchange.raw)
                most = await self._admit_file(self._call(exchange, caller, token))
            exchange.raw = await self._parameters(exchange, path, most)
            _require_own_page(exchange, caller)
            _require_known_format(exchange)
            reply = await self._perform(exchange, caller, token)
        except errors.TalkError as error:
            status = await self._refuse(exchange, caller, error)
        except Exception:
            # The client only gets an id, which is also in the log. Errors may contain secrets.
            number = ids.text(12)
            log.exception("request_failed", request_id=number, method=request.method, route=route.path)
            status = 500
            self.answers.write(exchange, Reply([], status, {"X-Request-Id": number}))
        else:
            status = reply.status
            self.answers.write(exchange, reply)
        finally:
            if exchange.incoming is not None:
                exchange.incoming.delete()
            if is_admitted:
                self._admission.leave(network, has_body=has_body)
        metrics.observe(route, status, time.perf_counter() - started)

    async def _refuse(self, exchange: Exchange, caller: Caller, error: errors.TalkError) -> int:
        """Answer with an error, in the form of the route's API version. Return the status."""
        if exchange.route.refuses is not None:
            error = exchange.route.refuses(error)
        if isinstance(error, errors.UnknownRoom) and caller.user_id is None:
            error = await self._count(ROOM_TOKEN, caller) or error
        if isinstance(error, errors.NotSigned) and error.action:
            error = await self._count(error.action, caller) or error
        reply = ocs.refusal(error)
        self.answers.write(exchange, reply, error)
        return reply.status

    async def _count(self, action: str, caller: Caller) -> errors.TalkError | None:
        """Count a failed attempt: for example, a visitor who asks for an unknown room may be guessing tokens.

        Return the error to answer with instead if the attempt cannot be counted.
        """
        # `return` inside `except` keeps no name for the error. A name would make a reference cycle through the
        # traceback, which would keep the request and its connection until the next garbage collection.
        try:
            self.world.throttle.check(action, caller.address)
            await self.world.throttle.register(action, caller.address)
        except (errors.Throttled, errors.Unavailable) as error:
            return error
        return None

    # --- reading parameters -----------------------------------------------------------------
    async def _parameters(self, exchange: Exchange, path: dict[str, str], most: int | None) -> dict[str, Any]:
        route, request = exchange.route, exchange.request
        raw = _in_address(request, path)
        if request.has_body and not route.unconditional and not route.receives:
            limits = self.world.config.server
            limit = limits.max_body
            if params.takes_upload(route.params):
                limit += limits.max_upload
            elif params.takes_stored_upload(route.params) and _kind_of(request) == FORM:
                limit += limits.max_recording if route.signed_by is not None else self.world.config.files.max_file
                exchange.incoming = Incoming(self.world[Uploads])
            limit = limit if most is None else min(limit, most)
            body = Body(request, limit, limits.body_timeout, request.began)
            if (request.length or 0) > limit:
                raise too_large(limit)
            raw = {**raw, **await self._body(exchange, body), **path}
        params.require_text(raw)
        return raw

    async def _body(self, exchange: Exchange, body: Body) -> Mapping[str, Any]:
        """Read the whole body and return its parameters. The body of a GET or HEAD is read, but has no parameters."""
        request = exchange.request
        content_type, kind = request.get_header("content-type") or "", _kind_of(request)
        if kind == FORM and request.method not in ("GET", "HEAD"):
            from talkd.web import multipart  # Falcon takes long to import, and few servers get such forms

            most = self.world.config.server.max_body
            return await multipart.read(body, content_type, exchange.incoming, longest_text=most)
        content = await body.read()
        if request.method in ("GET", "HEAD"):
            return {}
        exchange.body = content
        if kind == "application/x-www-form-urlencoded":
            return params.parse_form(params.text_of(content))
        return params.parse_json(content) if content else {}

    def _upload(self, request: Request) -> Body:
        """Return the body of a request whose handler receives it."""
        config = self.world.config
        return Body(request, config.files.max_file, config.server.body_timeout, request.began)

    # --- running the operation --------------------------------------------------------------
    async def _perform(self, exchange: Exchange, caller: Caller, token: str) -> Reply:
        route, call = exchange.route, self._call(exchange, caller, token)
        await self._require_not_throttled(route, call)
        try:
            answer = await self._run(route, call)
        except BaseException:
            call.uncount()
            raise
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        if route.answers is None:
            return reply
        return msgspec.structs.replace(reply, data=route.answers(reply.data), responses=None)

    def _call(self, exchange: Exchange, caller: Caller, token: str) -> Call[Any]:
        """Return the request as the operation sees it, with the parameters that have been read."""
        route, request = exchange.route, exchange.request
        return Call(
            world=self.world,
            caller=caller,
            params=None,
            base_url="" if route.unconditional else self._proxies.base_url(request),
            token=token,
            raw=exchange.raw,
            body=exchange.body,
            get_header=request.get_header,
            method=request.method,
            began=request.began,
            hang_up=request.hang_up,
            route=route,
            upload=self._upload(request) if route.receives else None,
            length=request.length,
        )

    async def _require_not_throttled(self, route: Route, call: Call[Any]) -> None:
        if route.throttle:
            self.world.throttle.check(route.throttle, call.caller.address)
        if call.token and call.caller.user_id is None:
            await self._require_few_guesses(call)

    async def _admit_file(self, call: Call[Any]) -> int | None:
        """Check who sends a file, and whether there is space for it, before it is received.

        Of the parameters, those in the address are known. Everything is checked again afterwards. Return how many
        bytes the body may have, or None.
        """
        route = call.route
        assert route is not None, "a running operation has its route"
        await self._require_not_throttled(route, call)

        async def work(tx: Tx) -> int | None:
            await self._check_guards(tx, route, call)
            return None if route.before_file is None else await route.before_file(tx, call)

        return await self.world.db.read(work)

    async def _run(self, route: Route, call: Call[Any]) -> Any:
        """Check the guards and run the handler, in one transaction unless the handler opens its own."""
        if route.access is Access.WRITE:
            return await call.write(lambda tx: self._admit_and_handle(tx, route, call))
        if route.access is Access.READ:
            answer = await self.world.db.read(lambda tx: self._admit_and_handle(tx, route, call))
        else:
            if guards.needs_room(route) or guards.is_of_talk(route) or route.limit is not None:
                await self.world.db.read(lambda tx: self._admit(tx, route, call))
            call.params = self._convert(route, call.raw)
            answer = await route.handler(call)
        if route.kind is Kind.OCS and route.method == "GET":
            await guards.require_still(call)
        return answer

    async def _admit(self, tx: Tx, route: Route, call: Call[Any]) -> None:
        """Check the guards and the limit."""
        await self._check_guards(tx, route, call)
        if route.limit is not None:
            call.count(route.limit)

    async def _check_guards(self, tx: Tx, route: Route, call: Call[Any]) -> None:
        call.standing = self.world.changes.standing
        await guards.require_login_still(tx, call)
        await guards.require_may_use_talk(tx, call)
        if guards.needs_room(route):
            call.participant = await guards.require_room(tx, route, call)

    async def _admit_and_handle(self, tx: Tx, route: Route, call: Call[Any]) -> Any:
        await self._admit(tx, route, call)
        call.params = self._convert(route, call.raw)
        return await route.handler(tx, call)

    def _convert(self, route: Route, raw: dict[str, Any]) -> Any:
        """Return the parameters in the type that the handler takes. Raises Invalid with the wrong parameter's name."""
        given = params.convert(raw, route.params, most=self.world.config.sizes.list_entries)
        return given if route.reads is None else route.reads(given)

    async def _require_few_guesses(self, call: Call[Any]) -> None:
        """Raises Throttled if the caller's network has guessed too many tokens, unless the caller is in the room.

        The right token is refused too: otherwise, guessing would still work. Guests from the same network who are in
        the room are not affected.
        """
        try:
            self.world.throttle.check(ROOM_TOKEN, call.caller.address)
        except errors.Throttled:
            if await self.world.db.read(lambda tx: guards.find_participant(tx, call)) is None:
                raise


def _kind_of(request: Request) -> str:
    """Return the media type of the body without its parameters."""
    return (request.get_header("content-type") or "").partition(";")[0].strip().lower()


def _in_address(request: Request, path: dict[str, str]) -> dict[str, Any]:
    """Return the parameters in the query and the path."""
    return {**params.parse_form(request.query), **path} if request.query else path


def _brings_file(route: Route, request: Request) -> bool:
    """Return True if the body is a form with a file for an operation that takes one."""
    takes = params.takes_upload(route.params) or params.takes_stored_upload(route.params)
    return takes and request.has_body and _kind_of(request) == FORM


def _require_own_page(exchange: Exchange, caller: Caller) -> None:
    """Raises NotOwnPage if another site may have made the browser send the request.

    A foreign site can make a browser send its cookie, but it cannot set these headers and does not know the token.
    """
    request = exchange.request
    if not exchange.route.csrf or request.get_header("ocs-apirequest") is not None:
        return
    token = request.get_header("requesttoken") or exchange.raw.get("requesttoken")
    if not isinstance(token, str) or not auth.is_own_page(caller, token):
        raise errors.NotOwnPage


def _require_known_format(exchange: Exchange) -> None:
    """Raises Invalid("format") for an OCS request whose `format` is neither json nor xml.

    Some operations have a parameter of their own by that name.
    """
    route = exchange.route
    if route.kind is not Kind.OCS or "format" in route.params.__struct_fields__:
        return
    if str(exchange.raw.get("format", "json")) not in ("json", "xml", ""):
        raise errors.Invalid("format", message="The format is json or xml.")


def _require_text_path(request: Request) -> None:
    """Raises NotFound for a path with a character that no text may have: no route has such a path.

    The HTTP server puts U+FFFD in place of bytes that are not UTF-8.
    """
    path = request.path
    is_readable = is_text(path)
    if is_readable and "\ufffd" in path:
        try:
            unquote_to_bytes(request.raw_path).decode()
        except UnicodeDecodeError:
            is_readable = False
    if not is_readable:
        raise errors.NotFound
