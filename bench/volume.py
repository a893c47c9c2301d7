"""Fill a database with as many rooms and messages as a large installation has after years, with a few statements."""

import asyncio
import time
from pathlib import Path

import sqlalchemy as sa

from talkd.app import open_database
from talkd.config import Config
from talkd.storage.database import Database
from talkd.storage.statements import Statement

CROWD = 1_000
"""Accounts of the added rooms."""
MEMBERS = 10
"""Members of each added room."""
COMMON, RARE, NOWHERE = "meeting", "zephyr", "qqxqqw"
"""Words in most of the messages, in one message of every fiftieth room, and in none."""
PORTION = 20
"""Messages of each room that one transaction adds."""
NOW = 1_790_000_000
"""When the messages were written."""


def _statement(text: str, *names: str) -> Statement:
    return Statement(sa.text(text).bindparams(*(sa.bindparam(name, type_=sa.BigInteger) for name in names)))


_COUNT = "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :first + :count)"
_TEXT = (
    f"CASE WHEN (n.i * 31 + rooms.id * 17) % 10 < 7 THEN 'The {COMMON} of ' ELSE 'Some notes for ' END || rooms.name "
    "|| ', number ' || n.i "
    f"|| CASE WHEN n.i = 7 AND rooms.id % 50 = 3 THEN ' {RARE}' ELSE ' as we said before' END"
)
_ACCOUNTS = _statement(f"INSERT INTO users (id) {_COUNT} SELECT 'crowd' || i FROM n", "first", "count")
_ROOMS = _statement(
    "INSERT INTO rooms (token, type, name, last_activity, created_at) "
    f"{_COUNT} SELECT 'grown' || i, 2, 'Grown ' || i, {NOW}, {NOW} FROM n",
    "first",
    "count",
)
_ATTENDEES = _statement(
    "INSERT INTO attendees (room_id, actor_type, actor_id, display_name, type) "
    f"{_COUNT} SELECT rooms.id, 'users', 'crowd' || ((rooms.id * {MEMBERS} + n.i) % {CROWD}), "
    "'crowd' || n.i, CASE WHEN n.i = 0 THEN 1 ELSE 3 END FROM rooms CROSS JOIN n WHERE rooms.token LIKE 'grown%'",
    "first",
    "count",
)
_FIRST_MEMBER = "(SELECT min(a.actor_id) FROM attendees a WHERE a.room_id = rooms.id AND a.actor_type = 'users')"
_MESSAGES = (
    "INSERT INTO messages (room_id, actor_type, actor_id, actor_name, kind, message, reference_id, countable, "
    f"created_at) {_COUNT} SELECT rooms.id, 'users', writer.actor_id, writer.actor_id, 'comment', {_TEXT}, "
    "'grown-' || rooms.id || '-' || n.i, 1, "
    f"{NOW} + n.i FROM n CROSS JOIN rooms JOIN (SELECT rooms.id, {_FIRST_MEMBER} AS actor_id FROM rooms) writer "
    "ON writer.id = rooms.id WHERE writer.actor_id IS NOT NULL"
)
_SCATTERED = "(rooms.id * 7919) % 10007"
"""An order of rooms in which those of one user are not beside each other."""
_IN_ALL = _statement(f"{_MESSAGES} ORDER BY n.i, {_SCATTERED}", "first", "count")
_IN_ONE = _statement(
    f"{_MESSAGES} AND rooms.id = (SELECT id FROM rooms WHERE name = 'Archive') ORDER BY n.i", "first", "count"
)
_NEWEST = (
    "(SELECT coalesce(max(m.id), 0) FROM messages m WHERE m.room_id = rooms.id)",
    "(SELECT coalesce(max(m.id), 0) FROM messages m WHERE m.room_id = attendees.room_id)",
)
_LAST = _statement(f"UPDATE rooms SET last_message_id = {_NEWEST[0]}, notified_id = {_NEWEST[0]}")
_READ = _statement(f"UPDATE attendees SET last_read = {_NEWEST[1]}")
_INDEXED = _statement(
    "INSERT INTO messages_search(rowid, text) SELECT id, message || char(10, 10) FROM messages "
    "WHERE id > (SELECT upto FROM messages_searchable) AND countable = 1"
)
_UP_TO = _statement("UPDATE messages_searchable SET upto = (SELECT max(id) FROM messages)")
_INDEX = "SELECT indexdef FROM pg_indexes WHERE indexname = 'messages_search'"
_TOTAL = _statement("SELECT count(*) FROM messages")


async def grow(folder: Path, url: str, rooms: int, messages: int) -> int:
    """Add rooms and messages: a tenth of them to the room called Archive, then the rest to all rooms in turn.

    Return how many messages there are. No server may use the database yet.
    """
    config = Config(data=str(folder))
    config.database.url, config.database.durable = url, False
    config.database.statement_timeout = config.database.lock_timeout = 3600
    db = open_database(config)
    await db.open()
    try:
        await _run(db, _ACCOUNTS, first=0, count=CROWD)
        await _run(db, _ROOMS, first=0, count=rooms)
        await _run(db, _ATTENDEES, first=0, count=MEMBERS)
        index = await _drop_index(url) if url else ""
        each = messages * 9 // 10 // rooms
        await _run(db, _IN_ONE, first=each, count=messages // 10)
        for start in range(0, each, PORTION):
            began = time.monotonic()
            await _run(db, _IN_ALL, first=start, count=min(PORTION, each - start))
            print(f"messages up to number {start + PORTION} of each room: {time.monotonic() - began:.0f} s", flush=True)
        await _run(db, _LAST)
        await _run(db, _READ)
        if not url:
            await _run(db, _INDEXED)
            await _run(db, _UP_TO)
        else:
            await _finish(url, index)
        return int(await db.read(lambda tx: tx.value(_TOTAL)))
    finally:
        await db.close()


async def _run(db: Database, statement: Statement, **parameters: int) -> None:
    await db.write(lambda tx: tx.run(statement, **parameters))


async def _drop_index(url: str) -> str:
    """Drop the index for searches, which is made faster for all rows at once. Return its definition."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        definition = str(await connection.fetchval(_INDEX))
        await connection.execute("DROP INDEX messages_search")
    finally:
        await connection.close()
    return definition


async def _finish(url: str, index: str) -> None:
    """Make the index again, and let PostgreSQL tidy the tables as it does by itself in time."""
    import asyncpg

    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET maintenance_work_mem = '512MB'")
        await asyncio.wait_for(connection.execute(index), 3600)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
