"""Poolers such as PgBouncer, which lend a connection to PostgreSQL for each transaction only.

Nothing may outlive a transaction then: no prepared statement, no setting, and no lock of a session.
"""

from typing import Any

from talkd.storage.database import DatabaseRefused
from talkd.storage.postgres_hosts import connect

REFUSED = (
    "database.url leads to a pooler such as PgBouncer. The lock of the server and migrations need PostgreSQL itself: "
    "set database.direct_url to its own address"
)
NOT_DIRECT = "database.direct_url leads to a pooler such as PgBouncer: set it to the address of PostgreSQL itself"


async def is_pooled(url: str, *, timeout: float) -> bool:
    """Return True if the URL leads to a pooler. It tells clients another process id than that of PostgreSQL."""
    connection = await connect(url, timeout=timeout, statement_cache_size=0)
    try:
        async with connection.transaction():
            process: int = await connection.fetchval("SELECT pg_backend_pid()", timeout=timeout)
        return bool(process != connection.get_server_pid())
    finally:
        connection.terminate()


async def require_direct(url: str, direct_url: str, *, timeout: float) -> bool:
    """Return True if `url` leads to a pooler. Raises DatabaseRefused unless `direct_url` leads to PostgreSQL itself."""
    if await is_pooled(direct_url, timeout=timeout):
        raise DatabaseRefused(REFUSED if url == direct_url else NOT_DIRECT)
    return url != direct_url and await is_pooled(url, timeout=timeout)


def prologue_of(settings: dict[str, str]) -> str:
    """Return the statements with which a transaction over a pooler begins, instead of settings of the connection."""
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())


def options_of(settings: dict[str, str], *, is_pooled: bool) -> dict[str, Any]:
    """Return the options for connections that run transactions."""
    if is_pooled:
        return {"statement_cache_size": 0}
    return {"statement_cache_size": 1024, "server_settings": {"application_name": "talkd", **settings}}
