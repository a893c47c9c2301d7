"""The operations `/healthz` and `/metrics`."""

import contextlib

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from talkd import __version__
from talkd.areas.operations import store
from talkd.areas.operations.view import Health, Readings
from talkd.core.errors import NotFound, Unavailable
from talkd.core.networks import is_inside, require_network
from talkd.web import metrics
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("operations", base="", kind=Kind.PLAIN)


@routes.add("GET", "/healthz", Guard.NO_LOGIN, access=Access.OWN, unconditional=True)
async def get_health(call: Call[NoParams]) -> Reply:
    """Return the health of the server: 200, or 503 while its database is not writable."""
    alive = await call.world.db.is_writable()
    state = "ok" if alive else "failed"
    return Reply(Health(state, state, __version__), status=200 if alive else 503)


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
    readings = Readings(
        waiting=call.world.changes.waiting,
        statements=db.statements,
        failures=db.availability.failures,
        writable=await db.is_writable(),
        counts=counts,
    )
    return Reply(content=generate_latest(metrics.registry) + readings.text(), content_type=CONTENT_TYPE_LATEST)
