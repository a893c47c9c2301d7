"""Mail in the outbox."""

import msgspec

RETRY_SECONDS = (60, 300, 900, 3600, 3600 * 3, 3600 * 6, 3600 * 12, 3600 * 24)
"""Seconds to wait after each failed attempt. After the last one, a mail is given up."""
NEVER = 2**62
"""Due time of a mail that is being sent. The outcome sets another one, or the mail is deleted."""


class Mail(msgspec.Struct, frozen=True):
    """A mail in plain text. `attempts` is the number of failed attempts."""

    id: int
    address: str
    subject: str
    body: str
    attempts: int


def next_attempt(attempts: int, now: int) -> int | None:
    """Return when to try again after this many failed attempts, or None to give up."""
    return now + RETRY_SECONDS[attempts - 1] if attempts <= len(RETRY_SECONDS) else None
