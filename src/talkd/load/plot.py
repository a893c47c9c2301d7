"""Pictures of one or several runs: latency, deliveries, and memory over the number of users.

Colours are those of Okabe and Ito, which people with any colour vision can tell apart. Markers and lines differ, too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from talkd.load.plan import Wrong
from talkd.load.report import Report, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = {"p50": ":", "p95": "-", "p99": "--"}
FORMATS = (".svg", ".png")
MISSING = 'pictures need an extra: pip install "talkd[bench]"'


def require_formats(paths: Sequence[Path]) -> None:
    """Raises Wrong if a picture cannot be drawn into one of these files."""
    for path in paths:
        if path.suffix not in FORMATS:
            raise Wrong(f"--plot {path}: the name must end with {' or '.join(FORMATS)}")
    if paths:
        try:
            import matplotlib as _  # noqa: F401, ICN001 - only whether it is there
        except ImportError as error:
            raise Wrong(MISSING) from error


def name_of(report: Report) -> str:
    """Return what a run is called in pictures and tables."""
    return report.label or report.url


def draw(reports: Sequence[Report], paths: Sequence[Path]) -> None:
    """Draw the pictures into files. Raises Wrong."""
    if not paths:
        return
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "talkd", "font.size": 10}):
        figure = Figure(figsize=(9, 12), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(3, 1, sharex=True)
        _draw_latency(panels[0], reports)
        _draw_lines(panels[1], reports, lambda step: step.deliveries.per_second)
        panels[1].set_ylabel("deliveries a second")
        panels[1].set_title("Messages that reached waiting clients")
        _draw_memory(panels[2], reports)
        panels[2].set_xlabel("simulated users")
        for panel in panels:
            panel.set_ylim(bottom=0)
            panel.grid(alpha=0.3)
            if panel.get_legend_handles_labels()[0]:
                panel.legend(loc="upper left", framealpha=0.9)
        for path in paths:
            try:
                figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
            except OSError as error:
                raise Wrong(f"{path}: {error.strerror}") from error


def _draw_latency(panel: "Axes", reports: Sequence[Report]) -> None:
    """Draw one run with three percentiles, and several with the 95th only."""
    panel.set_title("Latency")
    panel.set_ylabel("milliseconds")
    kinds: dict[str, Callable[[Step, str], float]] = {
        "delivery since sent": lambda step, share: float(getattr(step.deliveries.since_sent, share)),
        "answer to the sender": lambda step, share: float(getattr(step.operations["send"], share)),
    }
    for number, report in enumerate(reports):
        steps = sorted((step for step in report.steps if "send" in step.operations), key=lambda step: step.users)
        for place, (kind, value) in enumerate(kinds.items()):
            is_alone = len(reports) == 1
            style = place if is_alone else number
            for share, line in (LINES if is_alone else {"p95": ("-", "--")[place]}).items():
                panel.plot(
                    [step.users for step in steps],
                    [value(step, share) for step in steps],
                    color=COLORS[style % len(COLORS)],
                    marker=MARKERS[style % len(MARKERS)],
                    linestyle=line,
                    label=f"{kind}, {share}" if is_alone else f"{name_of(report)}: {kind}, {share}",
                )


def _draw_lines(panel: "Axes", reports: Sequence[Report], value: Callable[[Step], float]) -> None:
    for number, report in enumerate(reports):
        steps = sorted(report.steps, key=lambda step: step.users)
        panel.plot(
            [step.users for step in steps],
            [value(step) for step in steps],
            color=COLORS[number % len(COLORS)],
            marker=MARKERS[number % len(MARKERS)],
            label=name_of(report),
        )


def _draw_memory(panel: "Axes", reports: Sequence[Report]) -> None:
    panel.set_title("Memory of the server")
    panel.set_ylabel("megabytes")
    number = 0
    for report in reports:
        steps = sorted(report.steps, key=lambda step: step.users)
        for name in dict.fromkeys(each.name for step in steps for each in step.server):
            points = [(step.users, each.memory / 1e6) for step in steps for each in step.server if each.name == name]
            panel.plot(
                *zip(*points, strict=True),
                color=COLORS[number % len(COLORS)],
                marker=MARKERS[number % len(MARKERS)],
                label=name if len(reports) == 1 else f"{name_of(report)}: {name}",
            )
            number += 1
