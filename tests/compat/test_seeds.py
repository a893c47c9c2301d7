"""Every line of the original documents, and the pages of `docs/api/` that list them."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from seeds import SEEDS
from seeds.rows import Row
from seeds.scene import Scene
from seeds.unlisted import UNLISTED, Unlisted
from support import parts
from support.running import Server

DOCS = Path(__file__).parents[2] / "docs" / "api"
CONFORMANCE = os.environ.get("TALKD_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance"
DOCUMENTS = sorted((Path(CONFORMANCE).parent / "reference" / "seeds").glob("*"))
"""The original documents, on machines that have them."""
PROMISE = re.compile(
    r"(?<!\d)\d{3} (?:OK|Created|Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed|Precondition Failed)"
    r"|^(?:\* Method: `)?(?:GET|POST|PUT|DELETE)(?:`| -|$)"  # as Markdown, or as the text of a page
    r"|^(?:\* Endpoint: `)?/(?:room|call|chat)\b"
    r"|^ *`\w+` \| (?:int|string|bool|message) \||^(?:int|string|bool)\b"
    r"|^\* `\d` "
)
ALL = [(seed, row) for seed, (_, rows) in SEEDS.items() for row in rows]


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{seed}:{row.line} {row.says}") for seed, row in ALL])
def test_the_seed_is_kept(row: Row, server: Server) -> None:
    row.check(Scene(server))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answer, id=f"{seed}:{answer.operation} {answer.status} {answer.when}")
        for seed in ("000", "002")
        for answer in UNLISTED[seed]
    ],
)
def test_an_answer_that_no_document_lists_is_as_explained(answer: Unlisted, server: Server) -> None:
    answer.check(Scene(server))


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
    if UNLISTED[seed]:
        lines += [
            "",
            "## Answers that the document does not list",
            "",
            "Each is a test as well. What every operation may answer is in",
            "[old clients](old-clients.md#answers-of-every-operation).",
            "",
            "| operation | answer | when | why |",
            "|---|---:|---|---|",
        ]
        lines += [f"| `{each.operation}` | {each.status} | {each.when} | {each.why} |" for each in UNLISTED[seed]]
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_page_of_a_seed_is_current(seed: str, pytestconfig: pytest.Config) -> None:
    path = DOCS / f"seed-{seed}.md"
    if pytestconfig.getoption("--update-seeds"):
        path.write_text(page(seed))
    assert path.read_text() == page(seed), "run pytest tests/compat/test_seeds.py --update-seeds"


@parts.DOCUMENTS.skip_if(not DOCUMENTS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_promise_has_a_row(document: Path) -> None:
    seed = document.name[:3]
    lines = enumerate(document.read_text().splitlines(), 1)
    promised = Counter({number: len(PROMISE.findall(line)) for number, line in lines})
    assert promised.total() > 20, "the form of the document is not understood"
    kept = Counter(row.line for row in SEEDS[seed][1]) if seed in SEEDS else Counter()
    missing = sorted(promised - kept)
    assert not missing, f"no row for all that lines {missing} of {document.name} say"
