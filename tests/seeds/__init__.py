"""What the original documents of the API promise, line by line, each with the check that proves it."""

from seeds import calls_2018, calls_2019, calls_v4, chat_2018, conversations_2018, conversations_2020, people_2018
from seeds.rows import Row


def _sorted(*parts: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(sorted((row for part in parts for row in part), key=lambda row: row.line))


SEEDS: dict[str, tuple[str, tuple[Row, ...]]] = {
    "000": (
        "API v1 of 2018, as a page (000)",
        _sorted(conversations_2018.ROWS_000, people_2018.ROWS_000, calls_2018.ROWS_000, chat_2018.ROWS_000),
    ),
    "001": (
        "API v1 of 2018, as its source (001)",
        _sorted(conversations_2018.ROWS_001, people_2018.ROWS_001, calls_2018.ROWS_001, chat_2018.ROWS_001),
    ),
    "002": ("Call API v4 (002)", calls_v4.ROWS),
    "003": ("Call API v1 of 2019/20 (003)", calls_2019.ROWS),
    "004": ("Conversation API v1 of 2019/20 (004)", conversations_2020.ROWS),
}
"""Title and rows of each document, in the order of its lines."""
