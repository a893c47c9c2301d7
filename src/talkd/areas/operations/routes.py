"""`/healthz` and `/metrics`."""

import asyncio
import ipaddress

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from talkd import __version__
from talkd.areas.operations import store
from talkd.areas.operations.model import Health
from talkd.areas.operations.view import Figures
from talkd.core.errors import NotFound
from talkd.storage.database import Database
from talkd.web import metrics
from talkd.web.addresses import is_inside
from talkd.web.call import Call
from talkd.web.ocs import Reply
from talkd.web.params import NoParams
from talkd.web.routing import Access, Guard, Kind, Routes

routes = Routes("operations", base="", kind=Kind.PLAIN)

PATIENCE = 5.0
"""Seconds that a healthy database needs at most."""


@routes.add("GET", "/healthz", Guard.ANYONE, access=Access.OWN)
async def get_health(call: Call[NoParams]) -> Reply:
    """Whether the server works: 200, or 503 when its database does not answer."""
    alive = await _is_alive(call.world.db)
    state = "ok" if alive else "failed"
    return Reply(Health(state, state, __version__), status=200 if alive else 503)


async def _is_alive(db: Database) -> bool:
    try:
        return await asyncio.wait_for(db.read(store.is_alive), PATIENCE)
    except db.failures:
        return False


@routes.add("GET", "/metrics", Guard.ANYONE, access=Access.OWN)
async def get_metrics(call: Call[NoParams]) -> Reply:
    """Figures for Prometheus; for everybody else's address it looks as if there were none."""
    settings = call.world.config.metrics
    is_forwarded = call.header("x-forwarded-for") != "" and not call.world.config.server.trusted_proxies
    allowed = [ipaddress.ip_network(network) for network in settings.allowed]
    if not settings.enabled or is_forwarded or not is_inside(call.caller.address, allowed):
        raise NotFound
    figures = Figures(
        waiting=call.world.changes.waiting,
        statements=call.world.db.statements,
        sessions=await call.world.db.read(store.count_sessions),
        accounts=await call.world.db.read(store.count_accounts),
    )
    return Reply(content=generate_latest(metrics.registry) + figures.text(), content_type=CONTENT_TYPE_LATEST)
