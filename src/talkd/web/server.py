"""The ASGI application: Falcon with the route table, and the normalisation of requests before it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import falcon
import falcon.asgi

from talkd.config import ServerConfig
from talkd.web.answers import Exchange
from talkd.web.bodies import BODY, Body
from talkd.web.edge import Edge
from talkd.web.paths import SLASH, NamesInPaths, decoded, with_slashes
from talkd.web.request import Request
from talkd.web.routing import Kind, Route

Application = Callable[[Request], Awaitable[None]]

OCS_PREFIX = "/ocs/v{}.php"
MEANT_WITH_HYPHENS = (
    b"ocs_apirequest",
    b"user_agent",
    b"talk_",
    b"spreed_signaling_",
    b"x_nextcloud_talk_",
    b"x_spreed_signaling_",
)
"""Beginnings of header names that some tools send with underscores instead of hyphens."""


def build(edge: Edge, routes: Iterable[Route]) -> Application:
    """Return the application for a table of routes."""
    app = falcon.asgi.App(cors_enable=False)
    app.req_options.strip_url_path_trailing_slash = False
    app.add_error_handler(falcon.HTTPNotFound, partial(_unknown, edge))
    app.add_error_handler(falcon.HTTPMethodNotAllowed, partial(_wrong_method, edge))
    paths: dict[tuple[str, int], dict[str, Route]] = {}
    for route in routes:
        if route.kind is Kind.OCS:
            for version in (1, 2):
                paths.setdefault((OCS_PREFIX.format(version) + route.path, version), {})[route.method] = route
        else:
            paths.setdefault((route.path, 2), {})[route.method] = route
    for (path, version), methods in paths.items():
        app.add_route(path, _resource(edge, methods, version))
    names = NamesInPaths(path for path, _ in paths)
    return _normalised(app, edge.world.config.server, names)


def _resource(edge: Edge, methods: dict[str, Route], version: int) -> object:
    """Return an object with the methods `on_get`, `on_post` and so on that Falcon looks for."""
    responders = {}
    for method, route in methods.items():
        responders[f"on_{method.lower()}"] = _responder(edge, route, version)
    if "GET" in methods and "HEAD" not in methods:
        responders["on_head"] = responders["on_get"]
    if "OPTIONS" not in methods:  # Falcon would answer 200 by itself
        responders["on_options"] = _not_allowed(sorted(name.removeprefix("on_").upper() for name in responders))
    return type("Resource", (), responders)()


def _not_allowed(allowed: list[str]) -> Callable[..., Awaitable[None]]:
    async def respond(_self: object, _request: object, _response: object, **_path: str) -> None:
        raise falcon.HTTPMethodNotAllowed(allowed)

    return respond


def _responder(edge: Edge, route: Route, version: int) -> Callable[..., Awaitable[None]]:
    forms = route.path_forms()

    async def respond(_self: object, request: falcon.asgi.Request, response: falcon.asgi.Response, **path: str) -> None:
        if not all(form.fullmatch(path[name]) for name, form in forms.items()):
            raise falcon.HTTPNotFound
        request.scope["headers"] = ()  # a waiting request need not keep them twice: Falcon has its own
        given = with_slashes(path) if SLASH in request.path else path
        await edge.handle(Exchange(route, version, request, response), given)

    return respond


async def _unknown(
    edge: Edge,
    request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    _error: Exception,
    _params: dict[str, Any],
) -> None:
    edge.answers.write_unknown(request, response, _ocs_version(request))


async def _wrong_method(
    edge: Edge,
    request: falcon.asgi.Request,
    response: falcon.asgi.Response,
    error: falcon.HTTPError,
    _params: dict[str, Any],
) -> None:
    edge.answers.write_wrong_method(request, response, _ocs_version(request))
    if error.headers:
        response.set_headers(error.headers)


def _ocs_version(request: falcon.asgi.Request) -> int:
    """Return the version of the envelope in the request's path, or 0 for paths outside of OCS."""
    for version in (1, 2):
        prefix = OCS_PREFIX.format(version)
        if request.path == prefix or request.path.startswith(prefix + "/"):
            return version
    return 0


def _without_underscores(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """Replace underscores in the names of `MEANT_WITH_HYPHENS`, and drop all other headers that have underscores.

    Proxies check `X-Forwarded-For`, but not `X_Forwarded_For`.
    """
    for name, value in headers:
        if b"_" not in name:
            yield name, value
        elif name.lower().startswith(MEANT_WITH_HYPHENS):
            yield name.replace(b"_", b"-"), value


def _normalised(app: falcon.asgi.App[Any, Any], config: ServerConfig, names: NamesInPaths) -> Application:
    """Wrap the application so that it gets normalised paths, methods and header names."""
    sub_path = config.sub_path

    async def application(request: Request) -> None:
        scope, receive = request.scope, request.receive
        if request.length != 0:
            scope[BODY] = body = Body(request, config.body_timeout)
            receive = body.receive
        if scope["method"] not in falcon.COMBINED_METHODS:
            scope["method"] = "OPTIONS"  # no operation has it either; to an unknown method Falcon would answer 400
        path = decoded(scope["path"], request.raw_path)
        scope["path"] = names.protect(route_path(path, sub_path))
        if any(b"_" in name for name, _ in scope["headers"]):
            scope["headers"] = list(_without_underscores(scope["headers"]))
        try:
            await app(scope, receive, request.send)
        except asyncio.CancelledError:
            return  # a stop cancels requests; raising would log a traceback for each

    return application


def route_path(path: str, sub_path: str) -> str:
    """Return the path as in the route table: without the server's sub-path, `/index.php` and repeated slashes in front.

    `sub_path` is `/` for a server that has none.
    """
    path = _inside(_inside(path, sub_path), "/index.php")
    return path if path[:2] != "//" and path else "/" + path.lstrip("/")


def _inside(path: str, folder: str) -> str:
    """Return the path after the folder, or the whole path if it is not inside. It may begin with two slashes."""
    slim = "/" + path.lstrip("/") if path[:2] == "//" else path
    return slim[len(folder) :] if slim == folder or slim.startswith(folder + "/") else path
