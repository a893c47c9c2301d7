"""Several runs beside one another, such as those with one, two and four processes."""

from collections.abc import Sequence

from talkd.load.plot import name_of
from talkd.load.report import Report, Step, aligned

HEAD = (
    "run",
    "users",
    "actions/s",
    "deliveries/s",
    "send p95 ms",
    "delivery p95 ms",
    "times",
    "CPU ms/action",
    "MB",
    "faults",
)


def compare(reports: Sequence[Report]) -> list[str]:
    """Return a table: for each number of users, one line for each run. `times` compares deliveries with the first."""
    rows: list[tuple[str, ...]] = [HEAD]
    for users in sorted({step.users for report in reports for step in report.steps}):
        first: Step | None = None
        for report in reports:
            for step in report.steps:
                if step.users == users:
                    first = first or step
                    rows.append(_row(report, step, first))
    return aligned(rows)


def _row(report: Report, step: Step, first: Step) -> tuple[str, ...]:
    p95, before = step.deliveries.since_sent.p95, first.deliveries.since_sent.p95
    send = step.operations.get("send")
    found = step.deliveries
    return (
        name_of(report) + (" (generator too slow)" if step.generator.bottlenecks else ""),
        f"{step.users:,}",
        f"{step.actions_per_second:,.1f}",
        f"{found.per_second:,.1f}",
        f"{send.p95:,.1f}" if send else "",
        f"{p95:,.1f}",
        f"{p95 / before:.2f}" if before else "",
        _cpu_of(step),
        f"{sum(each.memory for each in step.server) / 1e6:,.0f}" if step.server else "",
        f"{found.lost + found.doubled + found.disordered}",
    )


def _cpu_of(step: Step) -> str:
    """Return the milliseconds of CPU for each action, of each process if there are several."""
    parts = [f"{each.name} {each.cpu_per_action:,.2f}" for each in step.server]
    return parts[0].rpartition(" ")[2] if len(parts) == 1 else " + ".join(parts)
