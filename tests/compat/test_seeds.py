"""Every line of the original documents, and the pages of `docs/api/` that list them."""

from pathlib import Path

import pytest

from seeds import SEEDS
from seeds.rows import Row
from seeds.scene import Scene
from support.running import Server

DOCS = Path(__file__).parents[2] / "docs" / "api"
ALL = [(seed, row) for seed, (_, rows) in SEEDS.items() for row in rows]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{seed}:{row.line} {row.says}") for seed, row in ALL])
def test_the_seed_is_kept(row: Row, server: Server) -> None:
    row.check(Scene(server))


def page(seed: str) -> str:
    """The page for readers who want to tick off a document line by line."""
    title, rows = SEEDS[seed]
    lines = [
        f"# {title}",
        "",
        "What the document promises, by its lines. Each row is a test, run on SQLite and PostgreSQL:",
        f"`pytest tests/compat/test_seeds.py -k {seed}`. This page",
        "is made by the same command with `--update-seeds`.",
        "",
        "| line | operation | promise | how it was understood |",
        "|---:|---|---|---|",
    ]
    lines += [f"| {row.line} | `{row.operation}` | {row.says} | {row.decided} |" for row in rows]
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_page_of_a_seed_is_current(seed: str, pytestconfig: pytest.Config) -> None:
    path = DOCS / f"seed-{seed}.md"
    if pytestconfig.getoption("--update-seeds"):
        path.write_text(page(seed))
    assert path.read_text() == page(seed), "run pytest tests/compat/test_seeds.py --update-seeds"
