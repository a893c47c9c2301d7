"""Figures of the running process in Prometheus' form."""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from talkd import __version__


@dataclass(frozen=True, slots=True)
class Figures(Collector):
    """What is so at the moment of the question."""

    waiting: int
    """Long polls that wait for something to happen."""
    statements: int
    """Statements since the process started."""
    sessions: int
    accounts: int

    def collect(self) -> Iterator[Metric]:
        """The metrics, for prometheus-client."""
        yield GaugeMetricFamily("talkd_waiting_polls", "Long polls that wait for something to happen.", self.waiting)
        yield GaugeMetricFamily("talkd_sessions", "Joins of conversations that have not ended.", self.sessions)
        yield GaugeMetricFamily("talkd_accounts", "Accounts that can log in.", self.accounts)
        yield CounterMetricFamily("talkd_database_statements", "Statements run on the database.", self.statements)
        version = GaugeMetricFamily("talkd_info", "The version that runs.", labels=("version",))
        version.add_metric((__version__,), 1)
        yield version

    def text(self) -> bytes:
        """The exposition, with CPU, memory and open files of the process."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return bytes(generate_latest(registry))
