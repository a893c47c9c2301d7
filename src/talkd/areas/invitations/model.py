"""Read lists of e-mail addresses in CSV files."""

import msgspec

from talkd.areas.mail.address_model import is_address
from talkd.core.characters import is_text
from talkd.core.errors import Invalid
from talkd.core.names import cleaned
from talkd.core.sheets import Row, UnreadableSheet, read_rows

MAX_NAME_LENGTH = 255
ROW_BYTES = 1024
"""Maximum size of a file in bytes, for each row that is allowed."""
LINES = 2
"""Maximum number of lines, for each row that is allowed: lines may be blank, and cells may contain line breaks."""
EMAIL, NAME = "email", "name"
"""Names of the columns. Only the letters of a header count, in any case: `E-Mail` is the column `email`."""

_MESSAGES = {
    "file": "Uploading the file failed",
    "header-email": "Missing email field in header line",
    "header-name": "Missing name field in header line",
}


class Invitee(msgspec.Struct, frozen=True):
    """An address to invite, and the person's name."""

    address: str
    name: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """The people of a list, each once; how many lines repeat one; and the numbers of invalid lines."""

    invitees: list[Invitee]
    repeated: int
    invalid_lines: list[int]


def refusal(reason: str, message: str = "") -> Invalid:
    """Return the error for a file that is not a list of addresses."""
    return Invalid(reason, data={"error": reason, "message": message or _MESSAGES[reason]})


def parse(content: bytes, *, most: int) -> Sheet:
    """Read a CSV file whose header line has a column `email` and, if there are more columns, also `name`.

    Raises Invalid with the reason, also for more than `most` people.
    """
    if len(content) > (most + 1) * ROW_BYTES:
        raise refusal("file", f"A list of {most} people may have at most {(most + 1) * ROW_BYTES} bytes")
    try:
        rows = read_rows(content, most=LINES * (most + 1))
    except UnreadableSheet as error:
        raise refusal("file", str(error)) from None
    if not rows:
        raise refusal("file")
    if len(rows) > most + 1:
        raise refusal("file", f"Line {rows[most + 1].line}: a list may have {most} people at most")
    header = ["".join(filter(str.isalpha, cell.lower())) for cell in rows[0].cells]
    if EMAIL not in header:
        raise refusal("header-email")
    if len(list(filter(None, header))) > 1 and NAME not in header:
        raise refusal("header-name")
    at, named = header.index(EMAIL), header.index(NAME) if NAME in header else len(header)
    found: dict[str, Invitee] = {}
    repeated, invalid = 0, []
    for row in rows[1:]:
        address, name = _cell(row, at), _cell(row, named)
        if not is_address(address) or not all(map(is_text, row.cells)):
            invalid.append(row.line)
        elif address.lower() in found:
            repeated += 1
        else:
            found[address.lower()] = Invitee(address, cleaned(name[:MAX_NAME_LENGTH]))
    return Sheet(list(found.values()), repeated, invalid)


def _cell(row: Row, column: int) -> str:
    return row.cells[column] if column < len(row.cells) else ""
