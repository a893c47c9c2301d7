"""Metrics of requests, for `/metrics`."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from talkd.web.routing import Route

registry = CollectorRegistry()

_requests = Counter(
    "talkd_requests_total", "Requests by operation and status.", ("method", "route", "status"), registry=registry
)
_seconds = Histogram(
    "talkd_request_seconds",
    "Time from request to answer, waiting included.",
    ("method", "route"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
    registry=registry,
)
_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def observe(route: Route, status: int, seconds: float) -> None:
    """Record one answered request."""
    key = (route.method, route.path, status)
    found = _children.get(key)
    if found is None:
        found = _children[key] = (
            _requests.labels(route.method, route.path, status),
            _seconds.labels(route.method, route.path),
        )
    found[0].inc()
    found[1].observe(seconds)
