"""Figures of the running process in Prometheus' form."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from talkd import __version__
from talkd.storage.availability import Kind

COUNTS = {"sessions": "Joins of conversations that have not ended.", "accounts": "Accounts that can log in."}


@dataclass(frozen=True, slots=True, eq=False)
class Figures(Collector):
    """What is so at the moment of the question."""

    waiting: int
    """Long polls that wait for something to happen."""
    statements: int
    """Statements since the process started."""
    failures: Mapping[Kind, int]
    """Transactions that failed because the database could not be used, since the process started."""
    writable: bool
    """Whether something could be stored just now."""
    counts: Mapping[str, int]
    """`sessions` and `accounts`; empty while the database cannot be read."""

    def collect(self) -> Iterator[Metric]:
        """The metrics, for prometheus-client."""
        yield GaugeMetricFamily("talkd_waiting_polls", "Long polls that wait for something to happen.", self.waiting)
        for name, meaning in COUNTS.items():
            if name in self.counts:
                yield GaugeMetricFamily(f"talkd_{name}", meaning, self.counts[name])
        yield CounterMetricFamily("talkd_database_statements", "Statements run on the database.", self.statements)
        failures = CounterMetricFamily(
            "talkd_database_failures", "Transactions that failed as the database could not be used.", labels=("kind",)
        )
        for kind, count in self.failures.items():
            failures.add_metric((kind,), count)
        yield failures
        yield GaugeMetricFamily("talkd_database_writable", "1 if something could be stored just now.", self.writable)
        version = GaugeMetricFamily("talkd_info", "The version that runs.", labels=("version",))
        version.add_metric((__version__,), 1)
        yield version

    def text(self) -> bytes:
        """The exposition, with CPU, memory and open files of the process."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return bytes(generate_latest(registry))
