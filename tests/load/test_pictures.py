"""Plots of runs of the load generator, and runs beside one another."""

from pathlib import Path

import msgspec
import pytest

from support.commands import run_talkd
from talkd.load.measures import Spread
from talkd.load.plot import COLORS, MARKERS
from talkd.load.report import (
    FORM,
    Deliveries,
    GeneratorFigures,
    Operation,
    Report,
    ServerFigures,
    Step,
    write_report,
)


def step(users: int, p95: float) -> Step:
    spread = Spread(100, p95 / 2, p95, p95 * 2, p95 * 3)
    return Step(
        users=users,
        sockets=users // 2,
        seconds=60.0,
        actions=users * 10,
        actions_per_second=users / 6,
        operations={"send": Operation(100, p95 / 2, p95, p95 * 2, p95 * 3, 0, {})},
        deliveries=Deliveries(100, users * 2.0, spread, spread, 0, 0, 0),
        server=[
            ServerFigures("talkd", 1.0, 0.1, 1.5, 100_000_000),
            ServerFigures("postgres", 1.0, 0.1, 0.5, 50_000_000),
        ],
        generator=GeneratorFigures(0.2, 60_000_000, 1.0, 2.0, 3.0, []),
    )


def report(label: str, factor: float = 1.0) -> Report:
    return Report(
        form=FORM,
        talkd="1",
        server="talkd 1",
        url="http://127.0.0.1",
        began_at=1,
        label=label,
        rooms=1,
        rate=0.2,
        seed=1,
        weights={},
        steps=[step(users, users / 10 * factor) for users in (100, 200)],
        left_accounts=[],
    )


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The reports of two runs."""
    made = []
    for number, (label, factor) in enumerate((("one process", 1.0), ("two processes", 0.5))):
        path = tmp_path / f"{number}.json"
        write_report(report(label, factor), path)
        made.append(str(path))
    return made


def test_runs_are_compared_in_a_table(files: list[str]) -> None:
    done = run_talkd("bench", "--compare", *files)
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [row[0] for row in cells[1:]] == ["one process", "two processes"] * 2
    assert [row[6] for row in cells] == ["times", "1.00", "0.50", "1.00", "0.50"]
    assert cells[1][7] == "talkd 1.50 + postgres 0.50"


def test_plots_have_labels_units_and_both_formats(files: list[str], tmp_path: Path) -> None:
    svg, png = tmp_path / "plot.svg", tmp_path / "plot.png"
    done = run_talkd("bench", "--compare", *files, "--plot", str(svg), "--plot", str(png))
    assert done.returncode == 0, done.stderr
    text = svg.read_text()
    for expected in ("milliseconds", "deliveries a second", "megabytes", "simulated users", "two processes: talkd"):
        assert expected in text
    assert png.read_bytes().startswith(b"\x89PNG")


def test_lines_differ_by_more_than_colour() -> None:
    assert len(set(COLORS)) == len(set(MARKERS)) == len(COLORS)


@pytest.mark.parametrize("content", ["{}", "no JSON", '{"form": 1}'])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, files: list[str], content: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(content)
    done = run_talkd("bench", "--compare", files[0], str(path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"talkd: {path} is no report of talkd bench")


def test_a_report_of_another_form_is_refused(tmp_path: Path, files: list[str]) -> None:
    path = tmp_path / "newer.json"
    write_report(msgspec.structs.replace(report("newer"), form=FORM + 1), path)
    done = run_talkd("bench", "--compare", files[0], str(path))
    assert done.returncode == 1
    assert "another version" in done.stderr


def test_pictures_of_other_formats_are_refused_before_the_run() -> None:
    done = run_talkd("bench", "http://127.0.0.1:9", "--plot", "plot.jpeg")
    assert (done.returncode, done.stderr) == (1, "talkd: --plot plot.jpeg: the name must end with .svg or .png\n")
