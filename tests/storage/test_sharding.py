"""The tables can be distributed by room, as docs/adr/0021-sharding.md says for each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from support.sharding import KEYS, PLACES, REFUSED
from talkd.storage.migrate import migrate_sqlite
from talkd.storage.schema import metadata

MAY_REFER = {
    ("room", "room"),
    ("room", "everywhere"),
    ("everywhere", "everywhere"),
    ("one", "everywhere"),
    ("one", "one"),
}
"""From where to where a foreign key may lead."""


@pytest.fixture
async def postgres(databases: Any) -> AsyncIterator[asyncpg.Connection]:
    """A database with the tables that the migrations make."""
    connection = await asyncpg.connect(databases.config("postgres").database.url)
    yield connection
    await connection.close()


TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
UNIQUE = """
    SELECT class.relname AS "table", named.relname AS "index",
        array(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS part(number, place)
            JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number ORDER BY place) AS columns
    FROM pg_index JOIN pg_class AS class ON class.oid = indrelid JOIN pg_class AS named ON named.oid = indexrelid
    WHERE indisunique AND class.relnamespace = 'public'::regnamespace
"""
FOREIGN = """
    SELECT conname AS "name", conrelid::regclass::text AS "from", confrelid::regclass::text AS "to",
        confdeltype::text AS "deletes",
        array(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS part(number, place)
            JOIN pg_attribute ON attrelid = conrelid AND attnum = part.number ORDER BY place) AS "columns",
        array(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS part(number, place)
            JOIN pg_attribute ON attrelid = confrelid AND attnum = part.number ORDER BY place) AS "others"
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
OTHERS = """
    SELECT tgrelid::regclass::text AS "table", 'a trigger' AS "what" FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT conrelid::regclass::text, 'an exclusion constraint' FROM pg_constraint WHERE contype = 'x'
    UNION ALL SELECT attrelid::regclass::text, 'numbers that are no bigint' FROM pg_attribute
        WHERE attidentity <> '' AND atttypid <> 'bigint'::regtype
    UNION ALL SELECT adrelid::regclass::text, 'a default that draws from a sequence' FROM pg_attrdef
        WHERE pg_get_expr(adbin, adrelid) LIKE 'nextval%'
    UNION ALL SELECT inhrelid::regclass::text, 'a parent table' FROM pg_inherits
"""
"""What a table that is distributed or on every machine must not have."""


async def test_every_table_has_a_place(postgres: asyncpg.Connection) -> None:
    made = {row[0] for row in await postgres.fetch(TABLES)}
    described = set(metadata.tables) | {"alembic_version"}
    assert made == described
    assert not made - set(PLACES), "docs/adr/0021-sharding.md does not say where these tables are"
    assert not set(PLACES) - made, "docs/adr/0021-sharding.md has these tables, which do not exist"


async def test_a_table_of_rooms_has_the_room_in_every_unique_index(postgres: asyncpg.Connection) -> None:
    faults = {
        row["index"]: row["table"]
        for row in await postgres.fetch(UNIQUE)
        if row["table"] in KEYS and KEYS[row["table"]] not in row["columns"]
    }
    assert not faults.keys() - REFUSED, f"without the column of the room: {faults.keys() - REFUSED}"
    assert faults.keys() == REFUSED, "docs/adr/0021-sharding.md lists indexes that are no problem"


async def test_the_primary_key_of_a_table_of_rooms_begins_with_the_room(postgres: asyncpg.Connection) -> None:
    keys = {row["index"]: row["columns"] for row in await postgres.fetch(UNIQUE)}
    assert {table: keys[f"{table}_pkey"][0] for table in KEYS} == KEYS


def test_on_sqlite_a_unique_index_of_a_table_of_rooms_begins_with_the_room(tmp_path: Path) -> None:
    migrate_sqlite(tmp_path / "talkd.db")
    file = apsw.Connection(str(tmp_path / "talkd.db"))
    for table, key in KEYS.items():
        indexes = [row[1] for row in file.execute(f"PRAGMA index_list({table})") if row[2]]
        firsts = [next(iter(file.execute(f"PRAGMA index_info({index})")))[2] for index in indexes]
        firsts += [row[1] for row in file.execute(f"PRAGMA table_info({table})") if row[5] == 1]
        assert key in firsts, f"{table} has no key that begins with {key}"
    file.close()


async def test_foreign_keys_stay_on_one_machine(postgres: asyncpg.Connection) -> None:
    found = await postgres.fetch(FOREIGN)
    assert found
    for row in found:
        table, other = row["from"], row["to"]
        places = PLACES[table], PLACES[other]
        assert places in MAY_REFER, f"{row['name']} leads from {table} ({places[0]}) to {other} ({places[1]})"
        if places == ("room", "room"):
            pairs = list(zip(row["columns"], row["others"], strict=True))
            assert (KEYS[table], KEYS[other]) in pairs, f"{row['name']} does not contain the room"
            assert row["deletes"] in ("a", "r", "c"), f"{row['name']} would empty the column of the room"


async def test_distributed_tables_have_nothing_that_cannot_be_distributed(postgres: asyncpg.Connection) -> None:
    faults = [f"{row[0]} has {row[1]}" for row in await postgres.fetch(OTHERS) if PLACES.get(row[0], "one") != "one"]
    assert not faults
