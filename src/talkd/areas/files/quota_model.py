"""Quotas, and the texts in which clients and commands write them."""

import re

import msgspec

from talkd.core.errors import Invalid

UNLIMITED = -3
"""What clients take for a quota without a limit, and for unknown free space."""
NONE, DEFAULT = "none", "default"
"""Quotas of accounts that are no number of bytes: no limit, and that of the setting `files.quota`."""
_FORM = re.compile(r"(\d{1,15})(?:[.,](\d{1,3}))? *([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_UNITS = " KMGTP"


class Space(msgspec.Struct, frozen=True):
    """What an account uses, and what it may use."""

    used: int
    """Bytes of its files."""
    quota: int
    """Bytes, or UNLIMITED."""

    @property
    def free(self) -> int:
        """Return the bytes that are left, or UNLIMITED."""
        return UNLIMITED if self.quota == UNLIMITED else max(0, self.quota - self.used)


def parse_quota(text: str) -> str:
    """Return a quota in the form that is stored: bytes, NONE or DEFAULT. Raises Invalid("quota").

    Clients write `5 GB`, `500MB` or a number of bytes. Units are powers of 1024.
    """
    wanted = text.strip().lower()
    if wanted in (NONE, DEFAULT):
        return wanted
    found = _FORM.fullmatch(wanted)
    if found is None:
        raise Invalid("quota", message=f"Invalid quota value: {text[:40]}")
    unit = 1024 ** _UNITS.index(found[3].upper() or " ")
    size = int(found[1]) * unit + int(found[2] or 0) * unit // 10 ** len(found[2] or "")
    if size >= 1 << 62:
        raise Invalid("quota", message=f"Invalid quota value: {text[:40]}")
    return str(size)
