"""The table of figures and aims."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True)
class Aim:
    """A bound on one measure of a row."""

    measure: str
    bound: float
    at_least: bool = False

    def verdict(self, value: float) -> str:
        """Return the bound, whether the value keeps it, and the ratio of the two; above 1 is better than the bound."""
        good = value >= self.bound if self.at_least else value <= self.bound
        better, worse = (value, self.bound) if self.at_least else (self.bound, value)
        ratio = f" {better / worse:.2g}x" if better and worse else ""
        sign = "≥" if self.at_least else "≤"
        return f"{self.measure} {sign} {self.bound:g}: {'ok' if good else 'MISS'}{ratio}"


@dataclass
class Row:
    """One line of the table. Times in milliseconds; memory in kB (1000 bytes) for each client. None is not measured."""

    case: str
    rate: float | None = None
    """Answers a second, or deliveries a second."""
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    cpu: float | None = None
    """CPU time of the server for each answer or delivery."""
    database_cpu: float | None = None
    """CPU time of the processes of PostgreSQL for each answer or delivery."""
    last: float | None = None
    memory: float | None = None
    statements: float | None = None
    """SQL statements for each answer or delivery. Jobs of the server add a fraction: aims ignore it."""
    aims: Sequence[Aim] = field(default_factory=tuple)
    others: Mapping[str, float] = field(default_factory=dict)
    """Figures that only this case has, by name."""

    @property
    def both(self) -> float | None:
        """CPU time of the server and the database."""
        return None if self.cpu is None else self.cpu + (self.database_cpu or 0)

    @property
    def per_core(self) -> float | None:
        """Answers a second that one core can give, computed from their CPU time."""
        return 1000 / self.cpu if self.cpu else None

    def verdicts(self) -> list[str]:
        """Return the verdict of each aim."""
        figures = {
            "cpu": self.both,
            "/s per core": self.per_core,
            "p50": self.p50,
            "p95": self.p95,
            "last": self.last,
            "kB": self.memory,
            "SQL": None if self.statements is None else int(self.statements),
            **self.others,
        }
        return [aim.verdict(value) for aim in self.aims if (value := figures[aim.measure]) is not None]

    def as_json(self) -> dict[str, object]:
        """Return the row for `--json`."""
        return {**asdict(self), "both": self.both, "per_core": self.per_core, "verdicts": self.verdicts()}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(
    case: str,
    latencies: Sequence[float],
    *,
    seconds: float,
    cpu: float,
    database_cpu: float = 0.0,
    last: float | None = None,
    memory: float | None = None,
    statements: float | None = None,
    aims: Sequence[Aim] = (),
    others: Mapping[str, float] | None = None,
) -> Row:
    """Make a row from totals in seconds and bytes. Latencies are one for each answer or delivery."""
    answers = len(latencies)
    return Row(
        case,
        answers / seconds,
        p50=percentile(latencies, 0.5) * 1000,
        p95=percentile(latencies, 0.95) * 1000,
        p99=percentile(latencies, 0.99) * 1000,
        cpu=cpu / answers * 1000,
        database_cpu=database_cpu / answers * 1000 if database_cpu else None,
        last=None if last is None else last * 1000,
        memory=None if memory is None else memory / 1000,
        statements=None if statements is None else round(statements / answers, 1),
        aims=aims,
        others=others or {},
    )


def beside(ours: Row, theirs: Row, name: str) -> Row:
    """Return the row of another server with what its figures are in ours."""
    pairs = {"CPU": (ours.cpu, theirs.cpu), "kB": (ours.memory, theirs.memory), "last": (ours.last, theirs.last)}
    times = {f"times the {what}": their / our for what, (our, their) in pairs.items() if our and their}
    return replace(theirs, case=f"  {name}", aims=(), others={**theirs.others, **times})


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a text table."""
    headers = (
        "case",
        "/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "last ms",
        "CPU ms",
        "DB ms",
        "SQL",
        "kB/client",
        "aims and more",
    )
    lines = [headers, *(_cells(one) for one in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers) - 1)]
    return "\n".join(
        "  ".join(
            (cell.ljust(width) if column == 0 else cell.rjust(width))
            for column, (cell, width) in enumerate(zip(line, widths, strict=False))
        )
        + "  "
        + line[-1]
        for line in lines
    )


def _cells(one: Row) -> tuple[str, ...]:
    def shown(value: float | None, digits: int = 1) -> str:
        return "" if value is None else f"{value:,.{digits}f}"

    judged = {aim.measure for aim in one.aims}
    others = {name: value for name, value in one.others.items() if name not in judged}
    return (
        one.case,
        shown(one.rate, 0),
        shown(one.p50, 2),
        shown(one.p95, 2),
        shown(one.p99, 2),
        shown(one.last),
        "" if one.cpu is None else f"{one.cpu:,.3g}",
        "" if one.database_cpu is None else f"{one.database_cpu:,.3g}",
        shown(one.statements),
        shown(one.memory),
        "; ".join([*one.verdicts(), *(f"{value:,.3g} {name}" for name, value in others.items())]),
    )
