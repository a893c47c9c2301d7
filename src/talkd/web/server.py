"""The application: finds the route of a request, after normalising the path, and lets the edge answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from re import Pattern

from talkd.web.answers import Exchange
from talkd.web.edge import Edge
from talkd.web.paths import SLASH, NamesInPaths, decoded, with_slashes
from talkd.web.request import Request
from talkd.web.response import Response
from talkd.web.router import Router
from talkd.web.routing import Kind, Route
from talkd.web.streaming import close

Application = Callable[[Request], Awaitable[None]]

OCS_PREFIX = "/ocs/v{}.php"


@dataclass(slots=True)
class _Address:
    """What is at a path: a route for each method, with the patterns of its parameters, and the version of OCS."""

    version: int
    routes: dict[str, tuple[Route, dict[str, Pattern[str]]]] = field(default_factory=dict)


def build(edge: Edge, routes: Iterable[Route]) -> Application:
    """Return the application of a server for a table of routes."""
    router, names = _routed(tuple(routes))
    sub_path = edge.world.config.server.sub_path

    async def application(request: Request) -> None:
        path = decoded(request.path, request.raw_path)
        request.path = names.protect(route_path(path, sub_path))
        try:
            response = await _respond(edge, router, request)
        except asyncio.CancelledError:
            return  # a stop cancels requests; raising would log a traceback for each
        if response.stream is None:
            request.answer(response)
        else:
            try:
                await request.answer_with(response, response.stream)
            finally:
                await close(response.stream)

    return application


@cache
def _routed(routes: tuple[Route, ...]) -> tuple[Router[_Address], NamesInPaths]:
    """Return the router for a table of routes, which all servers of a process share."""
    addresses: dict[str, _Address] = {}
    for route in routes:
        found = route, route.path_forms()
        for version in (1, 2) if route.kind is Kind.OCS else (0,):
            path = OCS_PREFIX.format(version) + route.path if version else route.path
            methods = addresses.setdefault(path, _Address(version or 2)).routes
            methods[route.method] = found
            if route.method == "GET":
                methods.setdefault("HEAD", found)
    router: Router[_Address] = Router()
    for path, address in addresses.items():
        router.add(path, address)
    return router, NamesInPaths(addresses)


async def _respond(edge: Edge, router: Router[_Address], request: Request) -> Response:
    found = router.find(request.path)
    if found is None:
        return edge.answers.unknown(request, _ocs_version(request.path))
    address, given = found
    if request.method not in address.routes:
        return edge.answers.wrong_method(request, _ocs_version(request.path), sorted(address.routes))
    route, forms = address.routes[request.method]
    for name, form in forms.items():
        if not form.fullmatch(given[name]):
            return edge.answers.unknown(request, _ocs_version(request.path))
    exchange = Exchange(route, address.version, request)
    await edge.handle(exchange, with_slashes(given) if SLASH in request.path else given)
    return exchange.response


def _ocs_version(path: str) -> int:
    """Return the version of the envelope in the path, or 0 for paths outside of OCS."""
    for version in (1, 2):
        prefix = OCS_PREFIX.format(version)
        if path == prefix or path.startswith(prefix + "/"):
            return version
    return 0


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
