"""Every line of the documents of the older APIs, and the pages of `docs/api/` that list them."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from api_documents import API_DOCUMENTS, ApiDocument
from api_documents.rows import Row
from api_documents.scene import Scene
from api_documents.unlisted import Unlisted
from support import parts
from support.running import Server

DOCS = Path(__file__).parents[2] / "docs" / "api"
CONFORMANCE = os.environ.get("TALKD_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance"
ORIGINALS = {
    document.name: next((Path(CONFORMANCE).parent / "reference").glob(f"*/{document.original}-*"), None)
    for document in API_DOCUMENTS
}
"""The original of each document, on machines that have it."""
PROMISE = re.compile(
    r"(?<!\d)\d{3} (?:OK|Created|Bad Request|Unauthorized|Forbidden|Not Found|Method Not Allowed|Precondition Failed)"
    r"|^(?:\* Method: `)?(?:GET|POST|PUT|DELETE)(?:`| -|$)"  # as Markdown, or as the text of a page
    r"|^(?:\* Endpoint: `)?/(?:room|call|chat)\b"
    r"|^ *`\w+` \| (?:int|string|bool|message) \||^(?:int|string|bool)\b"
    r"|^\* `\d` "
)
each_document = pytest.mark.parametrize("document", API_DOCUMENTS, ids=lambda document: document.name)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{document.name}:{row.line} {row.says}")
        for document in API_DOCUMENTS
        for row in document.rows
    ],
)
def test_a_promise_of_an_api_document_is_kept(row: Row, server: Server) -> None:
    row.check(Scene(server))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(answer, id=f"{document.name}:{answer.operation} {answer.status} {answer.when}")
        for document in API_DOCUMENTS
        if document.original in ("000", "002")  # the other documents share these answers
        for answer in document.unlisted
    ],
)
def test_an_answer_that_no_document_lists_is_as_explained(answer: Unlisted, server: Server) -> None:
    answer.check(Scene(server))


def page(document: ApiDocument) -> str:
    """Return the page for readers who want to check a document line by line."""
    lines = [
        f"# {document.title}",
        "",
        "What the document promises, line by line. Each row is a test that runs on SQLite and PostgreSQL:",
        f"`pytest tests/compat/test_api_documents.py -k {document.name}:`.",
        "`pytest tests/compat/test_api_documents.py --update-api-documents` writes this page.",
        "",
        "| line | operation | promise | interpretation |",
        "|---:|---|---|---|",
    ]
    lines += [f"| {row.line} | `{row.operation}` | {row.says} | {row.decided} |" for row in document.rows]
    if document.unlisted:
        lines += [
            "",
            "## Answers that the document does not list",
            "",
            "Each is a test as well. Answers that every operation may give are in",
            "[old clients](old-clients.md#answers-of-every-operation).",
            "",
            "| operation | answer | when | why |",
            "|---|---:|---|---|",
        ]
        lines += [f"| `{each.operation}` | {each.status} | {each.when} | {each.why} |" for each in document.unlisted]
    return "\n".join([*lines, ""])


@each_document
def test_the_page_of_an_api_document_is_current(document: ApiDocument, pytestconfig: pytest.Config) -> None:
    path = DOCS / f"{document.name}.md"
    if pytestconfig.getoption("--update-api-documents"):
        path.write_text(page(document))
    command = "pytest tests/compat/test_api_documents.py --update-api-documents"
    assert path.read_text() == page(document), f"run {command}"


@parts.DOCUMENTS.skip_if(not all(ORIGINALS.values()))
@each_document
def test_every_promise_of_an_original_has_a_row(document: ApiDocument) -> None:
    original = ORIGINALS[document.name]
    assert original is not None
    lines = enumerate(original.read_text().splitlines(), 1)
    promised = Counter({number: len(PROMISE.findall(line)) for number, line in lines})
    assert promised.total() > 20, "the form of the document is not understood"
    kept = Counter(row.line for row in document.rows)
    missing = sorted(promised - kept)
    assert not missing, f"no row for all that lines {missing} of {original.name} say"
