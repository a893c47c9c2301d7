"""Headers of requests for parts of files."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return start and length of the part that a Range asks for, or None for the whole file.

    Several ranges, and forms that are not understood, ask for the whole file. Raises ValueError if it has no byte of
    the file.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        start, end = max(0, size - int(found[2])), size - 1
    else:
        start, end = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < start:
            return None
    if start >= size or end < start:
        raise ValueError
    return start, end - start + 1


def is_date_of(header: str, modified_at: int) -> bool:
    """Return True if the date of If-Range is that of the last change (RFC 9110)."""
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return False
    return date.replace(tzinfo=date.tzinfo or UTC).timestamp() == modified_at
