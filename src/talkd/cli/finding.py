"""The result of one check."""

import msgspec

OK, WARN, FAIL = "ok", "warn", "fail"


class Finding(msgspec.Struct, frozen=True):
    """`state` is ok, warn or fail; `advice` says what to do about it, and is empty for ok."""

    state: str
    subject: str
    found: str
    advice: str = ""
