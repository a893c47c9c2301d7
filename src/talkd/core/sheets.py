"""Read CSV files as spreadsheet programs write them."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

DELIMITERS = ",;\t"
MAX_LINES = 100_000
_ANNOUNCEMENT = "sep="
_MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF32_LE, "UTF-32-LE"),
    (codecs.BOM_UTF32_BE, "UTF-32-BE"),
    (codecs.BOM_UTF16_LE, "UTF-16-LE"),
    (codecs.BOM_UTF16_BE, "UTF-16-BE"),
)
"""Byte order marks and their encodings. UTF-32 comes first, because its mark begins with that of UTF-16."""


class UnreadableSheet(ValueError):
    """The file is not valid CSV. The text names the line and the reason."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"Line {line}: {reason}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, without surrounding space, and the number of its first line."""

    line: int
    cells: list[str]


def read_rows(content: bytes, *, most: int = MAX_LINES) -> list[Row]:
    """Return the rows that are not empty. Lines count from 1, including blank lines and the line `sep=`.

    Encoding, line ends and delimiter are detected. Raises UnreadableSheet, also for more than `most` lines.
    """
    text = _decode(content)
    rows = [row for row in _split(text, _delimiter_of(text), most) if any(row.cells)]
    is_announced = bool(rows) and rows[0].cells[0].lower().startswith(_ANNOUNCEMENT)
    return rows[1:] if is_announced else rows


def _decode(content: bytes) -> str:
    """Decode by byte order mark, or as UTF-16 without a mark, UTF-8 or Windows-1252."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _require_encoding(content[len(mark) :], encoding)
    if len(content) > 1 and content[:2].count(0) == 1:
        return _require_encoding(content, "UTF-16-LE" if content[1] == 0 else "UTF-16-BE")
    for encoding in ("UTF-8", "Windows-1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("Latin-1")


def _require_encoding(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = _lines(content[: error.start].decode(encoding) + ".")
        raise UnreadableSheet(len(before.readlines()), f"this is not {encoding}") from None


def _lines(text: str) -> io.StringIO:
    """Return the lines with their ends. All kinds of line ends are recognised."""
    return io.StringIO(text, newline="")


def _delimiter_of(text: str) -> str:
    """Return the delimiter in the line `sep=`, or the one that divides the first line into the most cells."""
    first = next((line.strip("\r\n") for line in _lines(text) if line.strip()), "")
    announced = first.strip(' "')
    if announced.lower().startswith(_ANNOUNCEMENT) and len(announced) == len(_ANNOUNCEMENT) + 1:
        return announced[-1]
    return max(DELIMITERS, key=lambda each: _count_cells(first, each))


def _count_cells(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), []))
    except csv.Error:
        return 0  # a long line may be one cell that is too long with this delimiter, and many with another


def _split(text: str, delimiter: str, most: int) -> Iterator[Row]:
    is_over = False

    def lines() -> Iterator[str]:
        nonlocal is_over
        yield from _lines(text)
        is_over = True

    reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=True)
    line = 1
    try:
        for cells in reader:
            if reader.line_num > most:
                raise UnreadableSheet(most + 1, f"a file may have at most {most} lines")
            if is_over:
                raise UnreadableSheet(line, "a quotation mark is not closed")
            yield Row(line, [cell.strip() for cell in cells])
            line = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableSheet(line, str(error)) from None
