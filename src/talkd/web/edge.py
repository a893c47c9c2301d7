"""Handle a request: authenticate, read parameters, check guards, run the operation, and answer."""

import asyncio
import dataclasses
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import falcon
import falcon.asgi
import structlog

from talkd.core import errors, ids
from talkd.core.characters import is_text
from talkd.core.networks import subnet_of
from talkd.storage.database import Tx
from talkd.web import auth, clients, guards, metrics, ocs, params
from talkd.web.admission import Admission
from talkd.web.answers import Answers, Exchange
from talkd.web.bodies import BODY, Body, too_large
from talkd.web.call import Call, Caller, World
from talkd.web.ocs import Reply
from talkd.web.params import Upload
from talkd.web.proxies import Proxies
from talkd.web.request import REQUEST
from talkd.web.routing import Access, Kind, Route

log = structlog.get_logger(__name__)

ROOM_TOKEN = "talkRoomToken"
"""The brute-force action of guesses at room tokens."""


class Edge:
    """Runs declared operations for Falcon."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._proxies = Proxies(world.config.server)
        self._admission = Admission(world.config)
        self.answers = Answers(world, self._proxies)

    async def handle(self, exchange: Exchange, path: dict[str, str]) -> None:
        """Answer one request. `path` has the parameters in the request's path."""
        started = time.perf_counter()
        began = asyncio.get_running_loop().time()
        route, request = exchange.route, exchange.request
        caller = Caller(address=self._proxies.client_of(request))
        network, has_body, is_admitted = subnet_of(caller.address), BODY in request.scope, False
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
            clients.require_supported(route, request.get_header("user-agent") or "", self.world.talk_settings)
            exchange.raw = await self._parameters(exchange, path)
            _require_own_page(exchange, caller)
            _require_known_format(exchange)
            reply = await self._perform(exchange, caller, path.get("token", ""), began)
        except errors.TalkError as error:
            status = await self._refuse(exchange, caller, error)
        except Exception:
            # The client only gets an id, which is also in the log. Errors may contain secrets.
            number = ids.text(12)
            log.exception("request_failed", request_id=number, method=request.method, route=request.uri_template)
            status = 500
            self.answers.write(exchange, Reply([], status, {"X-Request-Id": number}))
        else:
            status = reply.status
            self.answers.write(exchange, reply)
        finally:
            if is_admitted:
                self._admission.leave(network, has_body=has_body)
        metrics.observe(route, status, time.perf_counter() - started)

    async def _refuse(self, exchange: Exchange, caller: Caller, error: errors.TalkError) -> int:
        """Answer with an error, in the form of the route's API version. Return the status."""
        if exchange.route.refuses is not None:
            error = exchange.route.refuses(error)
        if isinstance(error, errors.UnknownRoom) and caller.user_id is None:
            error = await self._count_guess(caller) or error
        reply = ocs.refusal(error)
        self.answers.write(exchange, reply, error)
        return reply.status

    async def _count_guess(self, caller: Caller) -> errors.TalkError | None:
        """Count that a visitor asked for an unknown room, and so may be guessing tokens.

        Return the error to answer with instead if the guess cannot be counted.
        """
        # `return` inside `except` keeps no name for the error. A name would make a reference cycle through the
        # traceback, which would keep the request and its connection until the next garbage collection.
        try:
            self.world.throttle.check(ROOM_TOKEN, caller.address)
            await self.world.throttle.register(ROOM_TOKEN, caller.address)
        except (errors.Throttled, errors.Unavailable) as error:
            return error
        return None

    # --- reading parameters -----------------------------------------------------------------
    async def _parameters(self, exchange: Exchange, path: dict[str, str]) -> dict[str, Any]:
        route, request = exchange.route, exchange.request
        text = request.scope[REQUEST].query
        query = params.parse_form(text) if text else {}
        body = request.scope.get(BODY)
        if body is None or route.unconditional:
            raw = {**query, **path} if query else dict(path)
        else:
            limits = self.world.config.server
            body.limit = limits.max_upload + limits.max_body if params.takes_upload(route.params) else limits.max_body
            raw = params.merge(query, await self._body(exchange, body), path)
        params.require_text(raw)
        return raw

    async def _body(self, exchange: Exchange, body: Body) -> Mapping[str, Any]:
        """Read the whole body and return its parameters. The body of a GET or HEAD is read, but has no parameters."""
        request = exchange.request
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        found: Mapping[str, Any] = {}
        if (request.content_length or 0) > body.limit:
            raise too_large(body.limit)
        if request.method in ("GET", "HEAD"):
            pass
        elif kind == "multipart/form-data":
            found = await self._multipart(request)
        else:
            content = exchange.body = await body.read()
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
        except UnicodeDecodeError as error:  # Falcon decodes a name when it is first read
            raise errors.Invalid("body", message=params.NOT_UTF8) from error
        except falcon.HTTPError as error:
            raise errors.Invalid("body", message="The multipart body is broken.") from error
        return {key: params.listed(value) for key, value in fields.items()}

    # --- running the operation --------------------------------------------------------------
    async def _perform(self, exchange: Exchange, caller: Caller, token: str, began: float) -> Reply:
        route, request = exchange.route, exchange.request
        call: Call[Any] = Call(
            world=self.world,
            caller=caller,
            params=None,
            base_url="" if route.unconditional else self._proxies.base_url(request),
            token=token,
            raw=exchange.raw,
            body=exchange.body,
            get_header=request.get_header,
            method=request.method,
            began=began,
            hang_up=request.scope[REQUEST].hang_up,
            route=route,
        )
        if route.throttle:
            self.world.throttle.check(route.throttle, caller.address)
        if call.token and caller.user_id is None:
            await self._require_few_guesses(call)
        try:
            answer = await self._run(route, call)
        except BaseException:
            call.uncount()
            raise
        reply = answer if isinstance(answer, Reply) else Reply(answer)
        return reply if route.answers is None else dataclasses.replace(reply, data=route.answers(reply.data))

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
        """Check the guards."""
        call.standing = self.world.changes.standing
        await guards.require_login_still(tx, call)
        await guards.require_may_use_talk(tx, call)
        if guards.needs_room(route):
            call.participant = await guards.require_room(tx, route, call)
        if route.limit is not None:
            call.count(route.limit)

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


def _require_text_path(request: falcon.asgi.Request) -> None:
    """Raises NotFound for a path with a character that no text may have: no route has such a path.

    The HTTP server puts U+FFFD in place of bytes that are not UTF-8.
    """
    path = request.path
    is_readable = is_text(path)
    if is_readable and "\ufffd" in path:
        try:
            unquote_to_bytes(request.scope[REQUEST].raw_path).decode()
        except UnicodeDecodeError:
            is_readable = False
    if not is_readable:
        raise errors.NotFound
