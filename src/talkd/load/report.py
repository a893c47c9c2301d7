"""The result of a run: as JSON, and as a table. docs/admin/load.md describes the fields."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from talkd.load.measures import Measures, Spread
from talkd.load.plan import Wrong

FORM = 1
"""The form of the JSON. It changes when a field changes its meaning or is removed."""
BUSY, LATE_MS = 0.8, 20.0
"""The share of a core, and the lateness of the event loop, above which the generator itself was too slow."""
WAITED_MS = 500.0
"""The lateness of actions above which more users or actions at once are needed."""


class Operation(msgspec.Struct, frozen=True):
    """The requests of one kind. Durations are in milliseconds, of those that succeeded."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float
    throttled: int
    """Refused with status 429."""
    errors: dict[str, int]
    """Others that failed, by status or reason."""


class Deliveries(msgspec.Struct, frozen=True):
    """The messages that reached waiting clients."""

    count: int
    per_second: float
    since_acknowledged: Spread
    since_sent: Spread
    lost: int
    doubled: int
    disordered: int


class ServerFigures(msgspec.Struct, frozen=True):
    """What a process of the server used."""

    name: str
    cpu_seconds: float
    cores: float
    """CPU seconds a second."""
    cpu_per_action: float
    """Milliseconds."""
    memory: int
    """The most bytes."""


class GeneratorFigures(msgspec.Struct, frozen=True):
    """What the load generator used, and whether it was too slow to measure the server."""

    cores: float
    memory: int
    lag_p95: float
    """How late its event loop was, in milliseconds."""
    lag_max: float
    late_p95: float
    """How late actions began, in milliseconds, because those before them were not done."""
    bottlenecks: list[str]
    """What made it too slow; empty if nothing did."""


class Step(msgspec.Struct, frozen=True):
    """A number of users for some time."""

    users: int
    sockets: int
    """How many of the users wait with a WebSocket."""
    seconds: float
    actions: int
    actions_per_second: float
    operations: dict[str, Operation]
    deliveries: Deliveries
    server: list[ServerFigures]
    generator: GeneratorFigures


class Report(msgspec.Struct, frozen=True):
    """A run."""

    form: int
    talkd: str
    """The version of the load generator."""
    server: str
    """The name and version of the tested server."""
    url: str
    began_at: int
    """Unix time."""
    label: str
    rooms: int
    rate: float
    seed: int
    weights: dict[str, int]
    steps: list[Step]
    left_accounts: list[str]
    """Accounts that could not be removed."""

    @property
    def faults(self) -> int:
        """How many messages were lost, doubled or out of order."""
        return sum(each.deliveries.lost + each.deliveries.doubled + each.deliveries.disordered for each in self.steps)


def operations_of(measures: Measures) -> dict[str, Operation]:
    """Return the requests of a step by name."""
    found = {}
    for name in measures.names():
        spread = measures.requests[name].spread() if name in measures.requests else Spread(0, 0, 0, 0, 0)
        errors = {how: number for (each, how), number in sorted(measures.refused.items()) if each == name}
        found[name] = Operation(
            spread.count, spread.p50, spread.p95, spread.p99, spread.max, measures.throttled[name], errors
        )
    return found


def find_bottlenecks(cores: float, lag_p95: float, late_p95: float) -> list[str]:
    """Return what made the load generator too slow. Lateness is in milliseconds."""
    found = []
    if cores > BUSY:
        found.append(f"it used {cores:.0%} of a core")
    if lag_p95 > LATE_MS:
        found.append(f"its event loop was {lag_p95:.0f} ms late")
    if late_p95 > WAITED_MS:
        found.append(f"actions began {late_p95:.0f} ms late: fewer were done than planned")
    return found


def write_report(report: Report, path: Path) -> None:
    """Write the report as JSON. Raises Wrong."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error


def read_report(path: Path) -> Report:
    """Return the report in a file. Raises Wrong."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise Wrong(f"{path} is no report of talkd bench: {error}") from error
    if found.form != FORM:
        raise Wrong(f"{path} was written by another version of talkd bench (form {found.form}, not {FORM})")
    return found


def tables(step: Step) -> list[str]:
    """Return the lines that describe a step."""
    head = ("request", "count", "p50 ms", "p95 ms", "p99 ms", "max ms", "429", "errors")
    rows = [
        (name, f"{each.count:,}", *_times(each), f"{each.throttled}", _errors(each.errors))
        for name, each in step.operations.items()
    ]
    sent, known = step.deliveries.since_sent, step.deliveries.since_acknowledged
    rows += [
        ("delivery since sent", f"{sent.count:,}", *_times(sent), "", ""),
        ("  since acknowledged", f"{known.count:,}", *_times(known), "", ""),
    ]
    found = step.deliveries
    rates = f"{step.actions_per_second:,.1f} actions/s, {found.per_second:,.1f} deliveries/s"
    lines = [
        f"{step.users:,} users ({step.sockets:,} with a WebSocket), {step.seconds:.0f} s: {rates}",
        *aligned([head, *rows]),
        f"lost {found.lost}, doubled {found.doubled}, out of order {found.disordered}",
    ]
    lines += [
        f"{each.name}: {each.cores:.2f} cores, {each.cpu_per_action:.2f} ms CPU for each action, "
        f"{each.memory / 1e6:,.0f} MB"
        for each in step.server
    ]
    own = step.generator
    lines.append(
        f"talkd bench: {own.cores:.2f} cores, {own.memory / 1e6:,.0f} MB, event loop {own.lag_p95:.1f} ms late"
    )
    lines += [f"talkd bench was too slow: {each}" for each in own.bottlenecks]
    return lines


def _times(spread: Spread | Operation) -> tuple[str, str, str, str]:
    p50, p95, p99, most = (f"{value:,.1f}" for value in (spread.p50, spread.p95, spread.p99, spread.max))
    return p50, p95, p99, most


def _errors(errors: dict[str, int]) -> str:
    return ", ".join(f"{number} × {how}" for how, number in errors.items())


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows of a table with aligned columns: texts on the left, numbers on the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
