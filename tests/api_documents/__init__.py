"""What the documents of the older APIs promise, line by line, each line with the check that proves it."""

from dataclasses import dataclass

from api_documents import (
    calls_2018,
    calls_2019,
    calls_v4,
    chat_2018,
    conversations_2018,
    conversations_2019,
    participants_2018,
    unlisted,
)
from api_documents.rows import Row
from api_documents.unlisted import Unlisted


@dataclass(frozen=True, slots=True)
class ApiDocument:
    """One document, kept as a table of tests."""

    name: str
    """Name of its page in docs/api."""
    title: str
    original: str
    """How the file name of the original begins."""
    rows: tuple[Row, ...]
    """Its promises, in the order of its lines."""
    unlisted: tuple[Unlisted, ...]
    """Answers of its operations that it does not list."""


def _sorted(*parts: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(sorted((row for part in parts for row in part), key=lambda row: row.line))


_PARTS_OF_2018 = (conversations_2018, participants_2018, calls_2018, chat_2018)

CALLS_V4 = ApiDocument("call-api-v4", "Call API v4", "002", calls_v4.ROWS, unlisted.CALLS_V4)
API_DOCUMENTS = (
    ApiDocument(
        "api-v1-2018",
        "API v1 of 2018, as a page",
        "000",
        _sorted(*(part.ROWS_OF_PAGE for part in _PARTS_OF_2018)),
        unlisted.API_2018,
    ),
    ApiDocument(
        "api-v1-2018-source",
        "API v1 of 2018, as the source of the page",
        "001",
        _sorted(*(part.ROWS_OF_SOURCE for part in _PARTS_OF_2018)),
        unlisted.API_2018,
    ),
    CALLS_V4,
    ApiDocument("call-api-v1-2019", "Call API v1 of 2019 and 2020", "003", calls_2019.ROWS, ()),
    ApiDocument(
        "conversation-api-v1-2019",
        "Conversation API v1 of 2019 and 2020",
        "004",
        conversations_2019.ROWS,
        unlisted.CONVERSATIONS_2019,
    ),
)
