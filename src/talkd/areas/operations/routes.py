"""The operations `/healthz` and `/metrics`, and those that describe the server to administrators."""

import contextlib

from prometheus_client import CONTENT_TYPE_LATEST

from talkd import __version__, config_options
from talkd.areas.operations import store, together
from talkd.areas.operations.doctor import Doctor
from talkd.areas.operations.view import CommonReadings, FindingView, Health, OptionView, ProcessView, StatusView
from talkd.bus.others import Others
from talkd.core import clock
from talkd.core.errors import NotFound, Unavailable
from talkd.core.networks import is_inside, require_network
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("operations", base="", kind=Kind.PLAIN)
BUS_LOST = "The bus is not connected. Messages between processes go through the database, up to a second later."
status_routes = Routes("operations", base="/apps/talkd/api")


@routes.add("GET", "/healthz", Guard.NO_LOGIN, access=Access.OWN, unconditional=True)
async def get_health(call: Call[NoParams]) -> Reply:
    """Return the health of the server: 200, or 503 while its database is not writable.

    It is degraded, but works, while it does not hear the other processes at once.
    """
    world = call.world
    if not await world.db.is_writable():
        return Reply(Health("failed", "failed", __version__), status=503)
    if not world[Others].hears:
        return Reply(Health("degraded", "ok", __version__, BUS_LOST))
    return Reply(Health("ok", "ok", __version__))


@routes.add("GET", "/metrics", Guard.NO_LOGIN, access=Access.OWN, unconditional=True)
async def get_metrics(call: Call[NoParams]) -> Reply:
    """Return the metrics for Prometheus. Addresses that are not in the setting `metrics.allowed` get 404."""
    settings = call.world.config.metrics
    is_forwarded = call.header("x-forwarded-for") != "" and not call.world.config.server.trusted_proxies
    allowed = [require_network(network) for network in settings.allowed]
    if not settings.enabled or is_forwarded or not is_inside(call.caller.address, allowed):
        raise NotFound
    db = call.world.db
    counts: dict[str, int] = {}
    with contextlib.suppress(Unavailable):  # during an outage, return the other metrics
        counts = await db.read(store.count)
    common = CommonReadings(await db.is_writable(), counts, len(call.world[Others].living) + 1)
    return Reply(content=await together.get_metrics(call.world) + common.text(), content_type=CONTENT_TYPE_LATEST)


@status_routes.add("GET", "status", Guard.ADMIN, versions=("v1",), access=Access.OWN, returns=StatusView)
async def get_status(call: Call[NoParams]) -> StatusView:
    """Return the version, the database, and how much the server has to do."""
    world = call.world
    load, processes = await together.get_load(world), together.list_processes(world)
    counts = await world.db.read(store.count)
    return StatusView(
        version=__version__,
        uptime=int(clock.ticks() - world.started_at),
        database="postgresql" if world.config.database.url else "sqlite",
        database_size=await world.db.get_size(),
        files=counts["files"],
        file_bytes=counts["file_bytes"],
        is_writable=await world.db.is_writable(),
        accounts=counts["accounts"],
        sessions=counts["sessions"],
        calls=counts["calls"],
        requests=load.requests,
        waiting=load.waiting,
        sockets=load.sockets,
        processes=[ProcessView(each.place, bool(each.hears)) for each in processes],
    )


@status_routes.add("GET", "checks", Guard.ADMIN, versions=("v1",), access=Access.OWN, returns=list[FindingView])
async def list_findings(call: Call[NoParams]) -> list[FindingView]:
    """Run the checks of `talkd doctor`, and return what they found. This takes seconds."""
    return await call.world[Doctor].examine()


@status_routes.add("GET", "options", Guard.ADMIN, versions=("v1",), access=Access.OWN, returns=list[OptionView])
async def list_options(call: Call[NoParams]) -> list[OptionView]:
    """List the options of the server's settings file and environment with their values, with secrets masked."""
    return [
        OptionView(each.name, each.shown, each.default, each.variable, each.meaning)
        for each in config_options.list_options(call.world.config)
    ]
