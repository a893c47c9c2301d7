"""Connecting to PostgreSQL at one of several addresses, at a pace that a server without free connections survives."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from talkd.storage.postgres_errors import FAILURES

CONNECT_SECONDS = 5.0
"""PostgreSQL must accept a connection within this time."""
AGAIN_SECONDS = 2.0
"""The host that was used last must accept a connection within this time. Otherwise all hosts are tried."""
PACE_SECONDS = 0.1
"""After a failed attempt, the next one to connect is made this much later. Attempts until then fail like it."""
TARGET = "target_session_attrs"


class NotConnected(ConnectionError):
    """No connection could be made, so no statement has run. `__cause__` says why."""


def list_addresses(url: str) -> list[str]:
    """Return a URL for each host of a URL. With several hosts, only a primary fits if the URL says nothing else."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [url]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    query = urlencode({TARGET: "primary", **options})
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{host}", query=query)) for host in hosts.split(",")]


async def connect(url: str, *, timeout: float = CONNECT_SECONDS, **options: Any) -> Any:
    """Return a connection to one of the hosts of the URL. Raises the errors of asyncpg, and TimeoutError."""
    connection, _ = await _connect_to_any(list_addresses(url), timeout=timeout, **options)
    return connection


async def _connect_to_any(addresses: Sequence[str], *, timeout: float, **options: Any) -> tuple[Any, str]:
    """Return a connection and its address. Raises the error of the first address if none fits.

    All are tried at once, so that one that does not answer delays no other.
    """
    if len(addresses) == 1:
        return await asyncpg.connect(addresses[0], timeout=timeout, **options), addresses[0]
    chosen: list[Any] = []

    async def attempt(address: str) -> tuple[Any, str]:
        connection = await asyncpg.connect(address, timeout=timeout, **options)
        if chosen:  # another one was faster
            connection.terminate()
        chosen.append(connection)
        return connection, address

    attempts = [asyncio.ensure_future(attempt(each)) for each in addresses]
    try:
        for done in asyncio.as_completed(attempts):
            try:
                return await done
            except FAILURES:
                continue
    finally:
        for each in attempts:
            each.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
    return attempts[0].result()


class Connector:
    """Makes the connections of a process to one URL. It stays with a host as long as that accepts connections."""

    def __init__(self, url: str) -> None:
        self._addresses = list_addresses(url)
        self._used = ""
        """The address of the last connection."""
        self._failure: Exception | None = None
        self._fails_until = 0.0

    async def connect(self, *_url: str, timeout: float = CONNECT_SECONDS, **options: Any) -> Any:
        """Return a connection. Raises NotConnected. The signature is the one that pools of asyncpg need."""
        loop = asyncio.get_running_loop()
        if self._failure is not None and loop.time() < self._fails_until:
            raise NotConnected(str(self._failure)) from self._failure
        try:
            connection = await self._connect(timeout, options)
        except Exception as error:
            self._failure, self._fails_until = error, loop.time() + PACE_SECONDS
            raise NotConnected(str(error) or "no answer") from error
        self._failure = None
        return connection

    async def _connect(self, timeout: float, options: dict[str, Any]) -> Any:
        used = self._used
        if used and len(self._addresses) > 1:
            try:
                return await asyncpg.connect(used, timeout=min(timeout, AGAIN_SECONDS), **options)
            except FAILURES:
                self._used = ""
        connection, self._used = await _connect_to_any(self._addresses, timeout=timeout, **options)
        return connection
