"""The answers of `/healthz` and `/metrics`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from talkd import __version__
from talkd.bus.others import Others
from talkd.storage.availability import Kind
from talkd.storage.database import ReplicaState

COUNTS = {
    "sessions": "Sessions in conversations.",
    "accounts": "Accounts that can log in.",
    "calls": "Calls that take place.",
    "files": "Files and uploaded pictures in the storage, equal ones counted once.",
    "file_bytes": "Bytes of these files.",
}
"""Descriptions of the metrics that are counted in the database."""


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer of `/healthz`. `status` is `ok`, `degraded` or `failed`, and `database` is `ok` or `failed`."""

    status: str
    database: str
    version: str
    reason: str = ""
    """Why the server is degraded."""


class ProcessView(msgspec.Struct, frozen=True, rename="camel"):
    """A process that serves the database."""

    place: str
    """The machine that it runs on, and its number there."""
    hears: bool
    """Whether it hears the other processes at once."""


class StatusView(msgspec.Struct, frozen=True, rename="camel"):
    """The state of the server, for administrators."""

    version: str
    uptime: int
    """Seconds since the start."""
    database: str
    """`sqlite` or `postgresql`."""
    database_size: int
    """Bytes."""
    files: int
    """Files and uploaded pictures in the storage, equal ones counted once."""
    file_bytes: int
    """Their bytes."""
    is_writable: bool
    """Whether the database stores changes."""
    accounts: int
    """Accounts that can log in."""
    sessions: int
    """Sessions in all conversations."""
    calls: int
    """Calls that take place."""
    requests: int
    """Requests in progress, including this one and those that wait."""
    waiting: int
    """Requests that wait for something new."""
    sockets: int
    """Open WebSockets of calls and events. The number is up to a second old."""
    processes: list[ProcessView]
    """The processes that serve the database. Requests, waiting requests and sockets are those of all."""


class FindingView(msgspec.Struct, frozen=True):
    """The result of a check. `state` is `ok`, `warn` or `fail`; `advice` says what to do, unless it is ok."""

    state: str
    subject: str
    found: str
    advice: str


class OptionView(msgspec.Struct, frozen=True):
    """An option of the server's settings file and environment. It can be changed only there."""

    name: str
    value: str
    """In TOML, or `[hidden]` for a secret."""
    default: str
    variable: str
    """The environment variable that sets it."""
    meaning: str


@dataclass(frozen=True, slots=True, eq=False)
class Readings(Collector):
    """The values of metrics of this process that are read when `/metrics` is requested."""

    waiting: int
    """Waiting long polls."""
    statements: int
    """Statements since the process started."""
    failures: Mapping[Kind, int]
    """Transactions since the process started that failed because the database could not be used."""
    outages: int
    """Outages of PostgreSQL since the process started."""
    outage_seconds: float
    """Their length together."""
    waiting_for_database: int
    """Transactions that wait for the end of an outage."""
    replicas: Sequence[ReplicaState]
    """The replicas of PostgreSQL."""
    others: Others

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. prometheus-client calls this."""
        yield GaugeMetricFamily("talkd_waiting_polls", "Waiting long polls.", self.waiting)
        yield CounterMetricFamily("talkd_database_statements", "Statements run on the database.", self.statements)
        failures = CounterMetricFamily(
            "talkd_database_failures", "Transactions that failed in database outages.", labels=("kind",)
        )
        for kind, count in self.failures.items():
            failures.add_metric((kind,), count)
        yield failures
        yield CounterMetricFamily("talkd_database_outages", "Outages of PostgreSQL.", self.outages)
        yield CounterMetricFamily("talkd_database_outage_seconds", "Length of all outages.", self.outage_seconds)
        yield GaugeMetricFamily(
            "talkd_database_waiting", "Transactions that wait for the end of an outage.", self.waiting_for_database
        )
        reads = CounterMetricFamily("talkd_replica_reads", "Reads from replicas.", labels=("replica",))
        lag = GaugeMetricFamily("talkd_replica_lag_seconds", "How old a replica may be.", labels=("replica",))
        for replica in self.replicas:
            reads.add_metric((replica.name,), replica.reads)
            if replica.lag is not None:
                lag.add_metric((replica.name,), replica.lag)
        yield reads
        yield lag
        version = GaugeMetricFamily("talkd_info", "The version of talkd.", labels=("version",))
        version.add_metric((__version__,), 1)
        yield version
        others = self.others
        if not others.is_alone:
            yield GaugeMetricFamily(
                "talkd_bus_connected", "1 if the bus to other processes is connected.", others.hears
            )
            yield CounterMetricFamily("talkd_bus_messages_sent", "Messages to other processes.", others.told)
            yield CounterMetricFamily("talkd_bus_messages_received", "Messages of other processes.", others.received)
            yield CounterMetricFamily(
                "talkd_bus_missed", "How often messages were missing, so that all was read again.", others.times_missed
            )

    def text(self) -> bytes:
        """Return these metrics and those of the process (CPU, memory, open files) in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return bytes(generate_latest(registry))


@dataclass(frozen=True, slots=True, eq=False)
class CommonReadings(Collector):
    """The values of metrics that all processes have in common."""

    writable: bool
    """Whether the database is writable."""
    counts: Mapping[str, int]
    """Counts by the names in COUNTS; empty while the database cannot be read."""
    processes: int
    """Processes that serve the database."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. prometheus-client calls this."""
        for name, meaning in COUNTS.items():
            if name in self.counts:
                yield GaugeMetricFamily(f"talkd_{name}", meaning, self.counts[name])
        yield GaugeMetricFamily("talkd_database_writable", "1 if the database is writable.", self.writable)
        yield GaugeMetricFamily("talkd_processes", "Processes that serve the database.", self.processes)

    def text(self) -> bytes:
        """Return these metrics in Prometheus' text format."""
        registry = CollectorRegistry()
        registry.register(self)
        return bytes(generate_latest(registry))
