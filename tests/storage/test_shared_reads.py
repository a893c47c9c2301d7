"""Reads of PostgreSQL that share statements and connections."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from talkd.conversation import attendee_store, room_store
from talkd.storage.database import Tx
from talkd.storage.postgres import PostgresDatabase


@pytest.fixture
async def postgres(databases: Any) -> AsyncIterator[PostgresDatabase]:
    """A database with one connection for reads."""
    database = PostgresDatabase(databases.config("postgres").database.url, connections=3)
    await database.open()
    yield database
    await database.close()


async def test_reads_that_have_all_connections_do_not_wait_for_another(postgres: PostgresDatabase) -> None:
    async def look(tx: Tx) -> None:
        assert await room_store.get_room(tx, "nowhere") is None
        assert await attendee_store.find_user(tx, "nowhere", "nobody", "") is None

    async with asyncio.timeout(5):  # a read waits for a connection for ten seconds
        await asyncio.gather(*(postgres.read(look) for _ in range(20)))
