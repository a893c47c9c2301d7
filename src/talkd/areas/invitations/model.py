"""Lists of e-mail addresses, as people export them from elsewhere."""

import csv
import io

import msgspec

from talkd.areas.participants.model import is_address
from talkd.core.characters import is_text
from talkd.core.errors import Invalid
from talkd.core.names import cleaned

MAX_ROWS = 5_000
MAX_NAME_LENGTH = 255

_MESSAGES = {
    "file": "Uploading the file failed",
    "header-email": "Missing email field in header line",
    "header-name": "Missing name field in header line",
}


class Invitee(msgspec.Struct, frozen=True):
    """Somebody to invite; without a name it is the address."""

    address: str
    name: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """What a list holds: whom to invite, each once, and the numbers of lines that are of no use."""

    invitees: list[Invitee]
    repeated: int
    invalid_lines: list[int]


def refusal(reason: str) -> Invalid:
    """The error for a file that is no list of addresses."""
    return Invalid(reason, data={"error": reason, "message": _MESSAGES[reason]})


def parse(content: bytes) -> Sheet:
    """Read a CSV file with a header line that names the columns `email` and, when there are more, `name`.

    Lines count from 1, the header included; empty ones are passed over. Raises Invalid with the reason.
    """
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise refusal("file") from None
    if not rows or not rows[0] or len(rows) > MAX_ROWS + 1:
        raise refusal("file")
    header = [column.strip().lower() for column in rows[0]]
    if "email" not in header:
        raise refusal("header-email")
    if len(header) > 1 and "name" not in header:
        raise refusal("header-name")
    at, named = header.index("email"), header.index("name") if "name" in header else -1
    found: dict[str, Invitee] = {}
    repeated, invalid = 0, []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        address = row[at].strip() if at < len(row) else ""
        if not is_address(address) or not all(map(is_text, row)):
            invalid.append(number)
        elif address.lower() in found:
            repeated += 1
        else:
            name = cleaned(row[named][:MAX_NAME_LENGTH]) if 0 <= named < len(row) else ""
            found[address.lower()] = Invitee(address, name)
    return Sheet(list(found.values()), repeated, invalid)
