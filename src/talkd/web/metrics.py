"""Metrics of requests, for `/metrics`."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from talkd.web.routing import Route

registry = CollectorRegistry()

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30)
"""The bounds of the histogram in seconds."""
_NAMES = (*map(str, map(float, _BOUNDS)), "+Inf")


class _Tally:
    """The answers of one operation with one status: how many took how long, and the sum of their seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_NAMES)
        self.seconds = 0.0


_tallies: dict[tuple[str, str, int], _Tally] = {}
"""The tallies by method, path and status. They are plain numbers, because each request is counted."""


def observe(route: Route, status: int, seconds: float) -> None:
    """Record one answered request."""
    key = route.method, route.path, status
    tally = _tallies.get(key)
    if tally is None:
        tally = _tallies[key] = _Tally()
    tally.counts[bisect_left(_BOUNDS, seconds)] += 1
    tally.seconds += seconds


class _Requests(Collector):
    """Yields the tallies as metrics."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. prometheus-client calls this."""
        requests = CounterMetricFamily(
            "talkd_requests", "Requests by operation and status.", labels=("method", "route", "status")
        )
        sums: dict[tuple[str, str], _Tally] = {}
        for (method, path, status), tally in _tallies.items():
            requests.add_metric((method, path, str(status)), sum(tally.counts))
            whole = sums.setdefault((method, path), _Tally())
            whole.counts = [sum(pair) for pair in zip(whole.counts, tally.counts, strict=True)]
            whole.seconds += tally.seconds
        yield requests
        times = HistogramMetricFamily(
            "talkd_request_seconds", "Time from request to answer, waiting included.", labels=("method", "route")
        )
        for labels, whole in sums.items():
            buckets = list(zip(_NAMES, accumulate(whole.counts), strict=True))
            times.add_metric(labels, buckets, whole.seconds)
        yield times


registry.register(_Requests())
