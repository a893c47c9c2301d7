"""No statement reads a whole table or room of a large database. The tests check its plan on both databases.

What a statement reads must not grow with the history. A lookup by a selective value uses an index of this value, not
one of the room alone. Statements that must read a whole room or table are listed in `WHOLE` with the reason.
"""

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from support.statements import STATEMENTS
from talkd.areas.rooms.admin_store import ORDERS
from talkd.storage.postgres import PostgresDatabase
from talkd.storage.postgres_batches import Together
from talkd.storage.schema import metadata
from talkd.storage.sqlite import SqliteDatabase
from talkd.storage.statements import STAMP, Statement

SMALL = {
    "forgotten_accounts",
    "login_flows",
    "messages_searchable",
    "meta",
    "phone_numbers",
    "throttle",
    "user_groups",
    "web_sessions",
}
"""Tables that do not grow with the messages, and that no request reads completely."""

OF_ROOMS = {
    "attendees",
    "bans",
    "invited_browsers",
    "messages",
    "notifications",
    "poll_votes",
    "polls",
    "reactions",
    "reminders",
    "sessions",
    "signaling_messages",
}
"""Tables in which a room can have many rows."""

READING = {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"}
PARTIAL = {"blobs_unused", "entries_detached", "rooms_calling", "rooms_cleared", "rooms_listable", "rooms_lobby_timer"}
"""Indexes of few rows, which are meant to be read completely."""
ROOM_ALONE = re.compile(r"\(\(?(\w+\.)?room_id = (ANY \()?[\w.$]+\)?\)?\)")

ROOM = "it needs all rows of the room"
JOB = "a job or command that runs seldom"
ACCOUNTS = "it finds accounts by a part of a name, for which there is no index"
ADMINISTRATION = "administrators who look at all rooms ask it, aside of other requests"
PROCESSES = "there are as many rows as processes"
FIRST = "it stops after a fixed number of rows in the order of the index"

WHOLE = {
    "areas.announcements.store._NEWEST": FIRST,
    "areas.announcements.store._PROCESSES": PROCESSES,
    "areas.signaling.home_store._FORGET_ROOMS": JOB,
    "areas.dav.upload_store._REMOVE_CLAIMS": "a server that starts alone runs it once",
    "areas.signaling.home_store._SESSIONS": ROOM,
    "areas.signaling.home_store._UNSERVED": JOB,
    "conversation.ban_store._ALL": ROOM,
    "conversation.ban_store._PRESENT_ADDRESSES": ROOM,
    "areas.avatars.picture_store._OF[user][4]": FIRST,
    "areas.avatars.picture_store._OF[room][4]": FIRST,
    "areas.avatars.picture_store._REMOVE_ALL_OF_ROOMS": "`talkd serve --dev` deletes all rooms",
    "areas.calls.store._COUNT": ROOM,
    "areas.calls.store._PARTICIPANTS": ROOM,
    "areas.chat.change_store._RESET_MARKERS": ROOM,
    "areas.chat.change_store._CLOSINGS": "the index contains only closed polls",
    **{
        f"areas.files.examination_store.{name}": "the command `talkd files check` asks it, in portions if it can"
        for name in (
            *("_WRONG_COUNTS", "_SET_COUNTS", "_LOST", "_EMPTY", "_USERS_OF", "_FILES", "_NUMBER"),
            *("_WRONG_USE", "_SET_USE", "_LOCK_USE", "_WRONG_FOLDERS", "_CORRECT_FOLDERS"),
            *("_EMPTY_PICTURES", "_PICTURES_OF", "_PICTURE_NUMBER", "_IN_DATABASE[0]", "_IN_DATABASE[1]"),
        )
    },
    "areas.files.store._DELETE_DETACHED": "the index contains only what is being deleted",
    "areas.files.store._DETACHED_FOLDER": "the index contains only what is being deleted",
    "areas.files.store._DELETE_UNUSED": "the index contains only what is being deleted",
    "areas.mentions.store._MENTIONING": FIRST,
    "areas.mentions.store._MARKED": "it runs after a message was deleted or has expired; there is no index of mentions",
    "areas.mentions.store._MARK_ALL": ROOM,
    "conversation.message_store._NEWEST_COUNTABLE": FIRST,
    "conversation.message_store._LAST_ID": FIRST,
    "areas.mentions.suggestion_store._SEARCH": FIRST,
    "areas.notifications.outbox_store._ROOMS": JOB,
    "areas.operations.store._ACCOUNTS": JOB,
    "areas.operations.store._FILES": JOB,
    "areas.operations.store._FILE_BYTES": JOB,
    "areas.operations.store._SESSIONS": JOB,
    **{
        f"areas.files.examination_store.{name}": JOB
        for name in ("_WRONG_COUNTS", "_SET_COUNTS", "_LOST", "_EMPTY", "_USERS_OF", "_FILES", "_NUMBER", "_ROOTS")
    },
    "conversation.attendee_store._ALL": ROOM,
    **{
        f"conversation.attendee_store._BY_TEXT[{field}]": "a telephone bridge asks it for each caller, which are few"
        for field in ("pin", "phone_number", "call_id")
    },
    "conversation.attendee_store._COUNT": ROOM,
    "conversation.attendee_store._COUNT_USERS": ROOM,
    "conversation.attendee_store._RESET_PERMISSIONS": ROOM,
    "areas.polls.store._DRAFTS": "drafts are few, and every poll of the room is one row",
    "areas.older.member_store._OF_ONE": ROOM,
    **{f"areas.rooms.admin_store._BY_ORDER[{order}]": ADMINISTRATION for order in ORDERS},
    "areas.rooms.member_store._ADDING": "unfinished changes are few",
    "areas.rooms.member_store._RESTING": "unfinished changes are few",
    "areas.rooms.member_store._REMOVING": "unfinished changes are few",
    "areas.older.member_store._OF_USER": ROOM,
    "conversation.modified_store._NAMING": "after a rename it reads one message of each room",
    "areas.removal.room_store._ATTENDEES": ROOM,
    "areas.removal.room_store._DELETE_ATTENDEES": ROOM,
    "areas.removal.room_store._DELETE_REST[0]": FIRST,
    "areas.removal.room_store._DELETE_REST[1]": FIRST,
    "areas.removal.room_store._DELETE_REST[2]": FIRST,
    "areas.removal.room_store._DELETE_REST[3]": FIRST,
    "areas.removal.room_store._DELETE_ROOM": "SQLite looks for data of the room; all of it has been deleted",
    "areas.removal.room_store._HIDE_MESSAGES": FIRST,
    "areas.removal.room_store._SESSIONS": ROOM,
    "conversation.room_store._ADD": "SQLite plans what a conflict would delete; there is no conflict",
    "areas.search.store._COUNT": FIRST,
    "areas.search.store._SEQUENCES": FIRST,
    "conversation.session_store._END_CALL": ROOM,
    "conversation.session_store._OF_ROOM": ROOM,
    "conversation.session_store._USERS_OUTSIDE": "it runs after a change of a setting that affects all sessions",
    "conversation.session_store._WITH_ATTENDEES": ROOM,
    "storage.numbering._LAST_ACTIVITY": "once at each start",
    "areas.settings.store._LATEST": FIRST,
    "areas.users.store._EVERY_ID": "administrators who look at failed attempts ask it, aside of other requests",
    "areas.users.store._SEARCH": ACCOUNTS,
    "areas.users.store._SEARCH_RECENT": ACCOUNTS,
    "areas.users.suggestion_store._USERS": ACCOUNTS,
}
"""Statements that read a whole room or table, with the reason."""

WHOLE_ON_POSTGRES = {
    **WHOLE,
    "areas.signaling.home_store._CLAIM": PROCESSES,
    "conversation.attendee_store._GUESTS_WITH": "ids in any case have no index among the attendees of a room",
    "areas.attachments.store._RECEIVED": "a user may be in most of the rooms",
    "areas.attachments.store._VALID_IDS": JOB,
    "areas.mentions.store._MARK_SOME": "a large group may have more members than the room has people",
    "areas.notifications.delivery_store._CALL": ROOM,
    "areas.removal.room_store._DELETE_CLEARED[3]": "polls of a room are few beside its messages",
}


GROWN = """
SET session_replication_role = replica;
INSERT INTO users (id, display_name, email) SELECT 'user' || n, 'User ' || n, n || '@example.org' FROM
    generate_series(1, 5000) n;
INSERT INTO user_groups (id) SELECT 'group' || n FROM generate_series(1, 200) n;
INSERT INTO group_members (group_id, user_id) SELECT 'group' || g, 'user' || (g * 7 + n) % 5000 + 1 FROM
    generate_series(1, 200) g, generate_series(1, 100) n;
INSERT INTO rooms (token, user_b) SELECT 'token' || n, CASE WHEN n % 9 = 0 THEN 'user' || n END FROM
    generate_series(1, 20000) n;
INSERT INTO attendees (room_id, actor_type, actor_id)
    SELECT r * 300, 'users', 'user' || (r * 50 + n) % 5000 + 1 FROM generate_series(1, 60) r, generate_series(1, 1000) n
    ORDER BY md5(r || '-' || n);
INSERT INTO sessions (room_id, attendee_id, session_id, browser, last_ping) SELECT room_id, id, 'session' ||
    id, 'browser' || id, id FROM attendees WHERE id % 3 = 0;
INSERT INTO messages (room_id, actor_type, actor_id, message, countable) SELECT n % 60 * 300 + 300, 'users', 'user' ||
    n % 400, 'Hello ' || n, CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END FROM generate_series(1, 100000) n;
INSERT INTO reactions (room_id, message_id, actor_type, actor_id, reaction) SELECT room_id, id, 'users', 'user'
    || id % 400, '+' FROM messages WHERE id % 3 = 0;
INSERT INTO polls (room_id, message_id, actor_type, actor_id) SELECT room_id, id, 'users', 'user' || id % 400
    FROM messages WHERE id % 9 = 0;
INSERT INTO poll_votes (room_id, poll_id, actor_type, actor_id) SELECT room_id, id, 'users', 'user' || n FROM
    polls, generate_series(1, 3) n;
INSERT INTO notifications (room_id, message_id, user_id, object_type) SELECT room_id, id, 'user' || id % 400 +
    1, 'chat' FROM messages WHERE id % 4 = 0;
INSERT INTO reminders (room_id, attendee_id, message_id, remind_at) SELECT room_id, id % 60000 + 1, id, id
    FROM messages WHERE id % 7 = 0;
INSERT INTO invited_browsers (room_id, attendee_id, browser) SELECT room_id, id, 'browser' || id FROM attendees
    WHERE id % 3 = 0;
INSERT INTO bans (room_id, actor_type, actor_id, moderator_type, moderator_id) SELECT room_id, 'users',
    'banned' || id, 'users', 'user' || id % 400 FROM attendees WHERE id % 4 = 0;
INSERT INTO signaling_messages (room_id, recipient) SELECT room_id, session_id FROM sessions;
INSERT INTO mail_outbox (address, next_at) SELECT n || '@example.org', n FROM generate_series(1, 3000) n;
INSERT INTO web_sessions (fingerprint, user_id) SELECT n, 'user' || n % 5000 FROM generate_series(1, 10000) n;
INSERT INTO app_passwords (user_id, fingerprint) SELECT 'user' || n % 5000 + 1, n FROM generate_series(1,
    10000) n;
INSERT INTO phone_numbers (number, user_id) SELECT n, 'user' || n FROM generate_series(1, 5000) n;
INSERT INTO room_avatars (room_id, image) SELECT n, '' FROM generate_series(1, 2000) n;
INSERT INTO user_avatars (user_id, image) SELECT id, '' FROM users;
INSERT INTO room_pictures (room_id, blob_id) SELECT n, n FROM generate_series(1, 2000) n;
INSERT INTO user_pictures (user_id, blob_id) SELECT 'user' || n, n * 17 FROM generate_series(1, 5000) n;
INSERT INTO blobs (sha256, key, size, uses) SELECT n, 'key' || n, n, 1 FROM generate_series(1, 90000) n;
INSERT INTO entries (user_id, parent_id, name) SELECT 'user' || n, 0, 'user' || n FROM generate_series(1, 5000) n;
INSERT INTO entries (user_id, parent_id, name) SELECT 'user' || n, n, 'Talk' FROM generate_series(1, 5000) n;
INSERT INTO entries (user_id, parent_id, name, blob_id) SELECT 'user' || n % 5000 + 1, n % 5000 + 5001, 'file' || n, n
    FROM generate_series(1, 90000) n;
INSERT INTO uploads (user_id, name, active_at) SELECT 'user' || n, n, n FROM generate_series(1, 3000) n;
INSERT INTO upload_parts (upload_id, name, key) SELECT id, n, 'part' || id || '-' || n FROM uploads,
    generate_series(1, 30) n;
INSERT INTO previews (blob_id, form, key) SELECT id, 'small', 'preview' || id FROM blobs WHERE id % 2 = 0;
INSERT INTO shares (room_id, entry_id, message_id, user_id, name) SELECT n % 60 * 300 + 300, n + 10000, n, 'user' || n %
    5000 + 1, 'file' || n FROM generate_series(1, 80000) n;
INSERT INTO user_config (user_id, app, key) SELECT id, 'spreed', 'key' FROM users;
ANALYZE
"""
"""Creates large rooms, so that PostgreSQL's statistics know them."""


def test_every_statement_is_found() -> None:
    """In a process of its own: tests make statements too."""
    script = "from support import statements; assert not statements.others(), statements.others()"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[1], timeout=120)


def test_every_exception_names_a_statement() -> None:
    assert set(WHOLE_ON_POSTGRES) <= set(STATEMENTS)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "talkd.db", durable=False)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def postgres(databases: Any) -> AsyncIterator[asyncpg.Connection]:
    url = databases.config("postgres").database.url
    database = PostgresDatabase(url)
    await database.open()
    await database.close()
    connection = await asyncpg.connect(url)
    await connection.execute(GROWN)
    # Without sequential scans, only plans that must read a whole table do. Generic plans do not depend on values.
    await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    yield connection
    await connection.close()


_READS = re.compile(r"(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?(?:INDEX \w+|INTEGER PRIMARY KEY))?(?: \((.*)\))?")


def aliases(text: str) -> dict[str, str]:
    """The tables by the names that a statement gives them."""
    named = re.findall(r"\b(?:FROM|JOIN|,|UPDATE|INTO)\s+(\w+) AS (\w+)", text)
    return {alias: table for table, alias in named}


def sqlite_faults(text: str, plan: list[str]) -> Iterator[str]:
    """The lines of a plan that read a table or a room from one end to the other."""
    tables = set(metadata.tables)
    renamed = aliases(text)
    for line in plan:
        match = _READS.match(line)
        table = match and renamed.get(match[2], match[2])
        if not match or table not in tables or table in SMALL:
            continue
        by = match[3] or ""
        is_range_of_room = by in ("room_id=?", "room_id=? AND id>?", "room_id=? AND id<?")
        if (
            not by
            or (table in OF_ROOMS and by == "room_id=?")
            or (table == "messages" and is_range_of_room and "LIMIT" not in text and "count(" not in text)
        ):
            yield line


async def test_sqlite_reads_no_whole_table_or_room(sqlite: SqliteDatabase) -> None:
    faults: dict[str, list[str]] = {}
    for name, statement in STATEMENTS.items():
        if name.startswith("storage.postgres") or isinstance(statement, Together):
            continue
        text, _ = statement.for_sqlite({STAMP: 0})
        values = dict.fromkeys(re.findall(r"(?<!:):(\w+)", text))
        explain = Statement(sa.text("EXPLAIN QUERY PLAN " + text.replace("::", "\\:\\:")))
        rows = await sqlite.read(lambda tx, explain=explain, values=values: tx.all(explain, **values))  # type: ignore[misc]
        found = list(sqlite_faults(text, [row[3] for row in rows]))
        if found and name not in WHOLE:
            faults[name] = found
    assert not faults, "\n".join(f"{name}: {line}" for name, lines in faults.items() for line in lines)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A step of a plan and all below it."""
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def postgres_faults(plan: dict[str, Any]) -> Iterator[str]:
    """The steps of a plan that read a table or a room from one end to the other."""
    of_index = ""
    for node in nodes(plan):
        of_index = node.get("Relation Name", of_index)
        table, index, by = of_index, node.get("Index Name"), node.get("Index Cond", "")
        if node["Node Type"] not in READING or table in SMALL or index in PARTIAL:
            continue
        if not by or (table in OF_ROOMS and ROOM_ALONE.fullmatch(by)):
            yield f"{node['Node Type']} {table} {index} {by}"


async def test_postgres_reads_no_whole_table_or_room(postgres: asyncpg.Connection) -> None:
    faults: dict[str, list[str]] = {}
    for name, statement in STATEMENTS.items():
        if name.startswith("storage.sqlite"):
            continue
        text, names, _ = statement.compile_postgres()
        await postgres.execute("PREPARE known AS " + text)
        values = f"({', '.join(['NULL'] * len(names))})" if names else ""
        plan = json.loads(await postgres.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE known{values}"))
        await postgres.execute("DEALLOCATE known")
        found = list(postgres_faults(plan[0]["Plan"]))
        if found and name not in WHOLE_ON_POSTGRES:
            faults[name] = found
    assert not faults, "\n".join(f"{name}: {line}" for name, lines in faults.items() for line in lines)
