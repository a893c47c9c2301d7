"""What to say when a command is refused."""

import socket

import apsw
import asyncpg

from talkd.core.errors import Unavailable
from talkd.storage.database import DatabaseRefused


def explain(error: Exception) -> str | None:
    """A sentence for the person at the terminal; None for what is a mistake in talkd."""
    if isinstance(error, DatabaseRefused):
        return str(error)
    if isinstance(error, Unavailable) and isinstance(error.__cause__, Exception):
        return explain(error.__cause__)
    if isinstance(error, apsw.Error):
        return f"cannot use the database: {error}; check the data folder with `talkd doctor`"
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return f"cannot use PostgreSQL: {error}; check the address with `talkd doctor`"
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror):  # commands connect to nothing else
        reason = error.strerror or str(error) or "it does not answer"
        return f"cannot reach PostgreSQL: {reason}; check the address with `talkd doctor`"
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror or error}{where}"
    return None
