"""Reading of CSV files as spreadsheet programs write them."""

import csv
import io

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from talkd.core.sheets import Row, UnreadableSheet, read_rows

TEXT = "email,name\r\na@example.org,Jürgen\r\n"
ROWS = [Row(1, ["email", "name"]), Row(2, ["a@example.org", "Jürgen"])]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_encodings_are_detected(encoding: str) -> None:
    assert read_rows(TEXT.encode(encoding)) == ROWS
    assert read_rows(b"\xfe\xff" + TEXT.encode("utf-16-be")) == ROWS


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_of_a_long_first_line_is_detected(delimiter: str) -> None:
    line = delimiter.join(["x"] * 100_000)
    assert [len(row.cells) for row in read_rows(line.encode())] == [100_000]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_delimiters_and_line_ends_are_detected(delimiter: str, end: str, quote: str) -> None:
    lines = (delimiter.join(f"{quote}{cell}{quote}" for cell in row.cells) for row in ROWS)
    assert read_rows(end.join(lines).encode()) == ROWS


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("sep=;\na;b,c\n", [Row(2, ["a", "b,c"])]),
        ('"sep=|"\r\na|b\r\n', [Row(2, ["a", "b"])]),
        ("SEP=\t\na\tb,c;d\n", [Row(2, ["a", "b,c;d"])]),
        ("sep=\na,b\n", [Row(2, ["a", "b"])]),
        ("\n  \n,,\na,b\n\nc,d\n", [Row(4, ["a", "b"]), Row(6, ["c", "d"])]),
        ('"a" , "b, c"\n', [Row(1, ["a", "b, c"])]),
        ('a,b\n"c\nd",e\nf,g\n', [Row(1, ["a", "b"]), Row(2, ["c\nd", "e"]), Row(4, ["f", "g"])]),
        ('a;"b;c;d"\n1,2;3\n', [Row(1, ["a", "b;c;d"]), Row(2, ["1,2", "3"])]),
        ("a\n1\n", [Row(1, ["a"]), Row(2, ["1"])]),
        ('a,5" disk\n', [Row(1, ["a", '5" disk'])]),
        ("", []),
        ("\ufeff", []),
    ],
)
def test_rows_cells_and_line_numbers(text: str, rows: list[Row]) -> None:
    assert read_rows(text.encode()) == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'a,b\n"c,d\ne,f\n', "Line 2: a quotation mark is not closed"),
        (b"\xff\xfea\x00\n\x00b", "Line 2: this is not UTF-16-LE"),
        (b"a,b\n" + b"x" * 200_000, "Line 2: field larger than field limit (131072)"),
        (b"x" * 200_000, "Line 1: field larger than field limit (131072)"),
    ],
)
def test_the_error_for_an_unreadable_file_names_line_and_reason(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableSheet, match="^" + message.replace("(", r"\(").replace(")", r"\)")):
        read_rows(content)


cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12).map(str.strip)


@given(
    st.lists(st.tuples(cells, cells), max_size=5),
    st.sampled_from(",;\t"),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
)
def test_a_written_csv_file_is_read_back(
    rows: list[tuple[str, str]], delimiter: str, end: str, quoting: int, encoding: str
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # Python's writer does not quote line breaks of other kinds
        assume(all(len(cell.splitlines()) <= 1 for row in rows for cell in row))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([("email", "name"), *rows])  # type: ignore[arg-type]
    try:
        content = out.getvalue().encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    assume(encoding != "cp1252" or content.isascii() or not _is_utf8(content))
    assert [row.cells for row in read_rows(content)][1:] == [list(row) for row in rows if any(row)]


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.binary(max_size=200))
@example(b"\0")
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        rows = read_rows(content)
    except UnreadableSheet as error:
        line = error.line
    else:
        line = rows[0].line if rows else 1
        assert all(any(row.cells) for row in rows)
    assert 1 <= line <= len(content) + 1
