"""Mail on its way out."""

import msgspec

RETRY_SECONDS = (60, 300, 900, 3600, 3600 * 3, 3600 * 6, 3600 * 12, 3600 * 24)
"""Waits between attempts; after the last one a mail is given up."""
NEVER = 2**62
"""When a mail is due that is being handed over: only what comes of that decides whether it is tried again."""


class Mail(msgspec.Struct, frozen=True):
    """A mail in plain text. `attempts` counts those that failed."""

    id: int
    address: str
    subject: str
    body: str
    attempts: int


def next_attempt(attempts: int, now: int) -> int | None:
    """When to try again after so many failures; None for never."""
    return now + RETRY_SECONDS[attempts - 1] if attempts <= len(RETRY_SECONDS) else None
