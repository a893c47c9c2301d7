"""Servers of two versions work side by side on one database, while one after another is replaced.

CONTRIBUTING.md, section Migrations, has the rule that these tests hold.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from support.migrations import NEXT, Old, alembic, bring_to_next, upgrade
from support.narrowing import list_narrowed, list_tables
from support.people import Person
from support.predecessor import Predecessor, Texts
from support.processes import Process
from support.running import Server
from support.statements import STATEMENTS
from talkd.config import Config
from talkd.storage.database import DatabaseTooNew
from talkd.storage.migrate import REVISIONS
from talkd.storage.postgres_batches import Together
from talkd.storage.sqlite import SqliteDatabase
from talkd.storage.statements import STAMP, Statement

FIRST = "0027"
"""The first migration that says which talkd may use its tables."""
DECLARING = REVISIONS[REVISIONS.index(FIRST) :]


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, databases: Any) -> Old:
    return Old(databases.config(request.param, empty=True))


# --- what migrations say ----------------------------------------------------------------------
def usable_by(revision: str) -> str:
    """The oldest revision whose talkd may use the tables after a migration, as it says itself."""
    script = ScriptDirectory.from_config(alembic()).get_revision(revision)
    return str(getattr(script.module, "usable_by", ""))


def before(revision: str) -> str:
    """The revision before."""
    return REVISIONS[REVISIONS.index(revision) - 1]


@pytest.mark.parametrize("revision", DECLARING)
def test_a_migration_says_which_talkd_may_use_its_tables(revision: str) -> None:
    says = usable_by(revision)
    assert says in REVISIONS, f"{revision} needs `usable_by`: the oldest revision whose talkd may use its tables"
    assert says < revision, f"no two versions can run side by side while {revision} is brought to a server"
    if revision != FIRST:
        assert says >= usable_by(before(revision)), "tables cannot become usable for an older talkd again"


@pytest.mark.parametrize("revision", DECLARING)
def test_a_migration_that_takes_something_away_says_so(revision: str, old: Old) -> None:
    old.bring_to(before(revision))
    tables = old.on(list_tables)
    old.on(lambda connection: upgrade(connection, revision))
    faults = list_narrowed(tables, old.on(list_tables))
    if faults:
        earlier = usable_by(before(revision)) or before(FIRST)
        assert usable_by(revision) > earlier, (
            f"{revision} takes something from the talkd of {earlier}: {faults}. Leave it until no supported version "
            "names it, then raise `usable_by` to the first revision whose talkd does not"
        )


def test_the_database_says_which_talkd_may_use_it(old: Old) -> None:
    old.bring_to(before(FIRST))
    stored = "SELECT value FROM meta WHERE key = 'usable_by'"
    assert old.run(stored) == []
    old.bring_up_to_date()
    assert old.run(stored) == [(usable_by(REVISIONS[-1]),)]


NARROWING = {
    "DROP TABLE throttle": "throttle is gone",
    "ALTER TABLE polls DROP COLUMN status": "polls.status is gone",
    "ALTER TABLE polls RENAME COLUMN status TO state": "polls.status is gone",
    "CREATE UNIQUE INDEX once ON polls (room_id, question)": "polls has the new unique index of question, room_id",
}
NARROWING_POSTGRES = {
    "ALTER TABLE polls ADD COLUMN extra text NOT NULL": "polls.extra is new and needs a value",
    "ALTER TABLE polls ALTER COLUMN status TYPE integer": "polls.status was BIGINT and is INTEGER",
    "ALTER TABLE polls ALTER COLUMN message_id SET NOT NULL": "polls.message_id may be NULL no longer",
    "ALTER TABLE polls ALTER COLUMN status DROP DEFAULT": "polls.status has no default any more",
    "ALTER TABLE polls ADD CHECK (max_votes < 5)": "polls has the new rule max_votes < 5",
    "ALTER TABLE uploads ADD FOREIGN KEY (user_id) REFERENCES users": "uploads has the new rule user_id -> users",
}
WIDENING = (
    "CREATE TABLE later (id INTEGER PRIMARY KEY)",
    "ALTER TABLE polls ADD COLUMN later TEXT",
    "ALTER TABLE polls ADD COLUMN later_count INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX later_polls ON polls (question)",
    "DROP INDEX sessions_session",
    "CREATE UNIQUE INDEX sessions_session ON sessions (session_id, browser, room_id)",
)


def test_changes_that_take_something_away_are_noticed(old: Old) -> None:
    old.bring_up_to_date()
    for change, fault in (NARROWING | (NARROWING_POSTGRES if old.is_postgres else {})).items():

        def work(connection: sa.Connection, change: str = change) -> list[str]:
            tables = list_tables(connection)
            with connection.begin_nested() as undone:
                connection.execute(sa.text(change))
                faults = list_narrowed(tables, list_tables(connection))
                undone.rollback()
            return faults

        assert fault in old.on(work), change


def test_changes_that_add_something_are_allowed(old: Old) -> None:
    old.bring_up_to_date()
    tables = old.on(list_tables)
    for change in WIDENING:
        old.run(change)
    assert list_narrowed(tables, old.on(list_tables)) == []


# --- this talkd on the tables of the next -----------------------------------------------------
def test_a_server_works_on_tables_of_a_later_version(old: Old, new_server: Callable[[Config], Server]) -> None:
    bring_to_next(old, REVISIONS[-1])
    server = new_server(old.config)
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.say(token, "from the version before")
    assert bob.texts(token)[-1] == "from the version before"
    assert old.run("SELECT version_num FROM alembic_version") == [(NEXT,)]


@pytest.mark.parametrize("oldest", [None, "9998"], ids=["says nothing", "excludes this one"])
def test_a_server_refuses_tables_of_a_later_version_that_does_not_allow_it(
    old: Old, new_server: Callable[[Config], Server], oldest: str | None
) -> None:
    bring_to_next(old, oldest)
    with pytest.raises(DatabaseTooNew, match=f"schema {NEXT}, this talkd knows schemas up to {REVISIONS[-1]}"):
        new_server(old.config)


def texts() -> Iterator[Texts]:
    """The statements of this talkd, as `Predecessor.list_statements` has those of the one before."""
    for name, statement in STATEMENTS.items():
        is_for_postgres = name.startswith("storage.postgres") or isinstance(statement, Together)
        on_sqlite = None if is_for_postgres else statement.for_sqlite({STAMP: 0})[0]
        yield name, on_sqlite, None if name.startswith("storage.sqlite") else statement.compile_postgres()[0]


def list_refused(old: Old, statements: Iterator[Texts]) -> dict[str, str]:
    """Return the statements that a database does not take, with its reason."""
    refused_by = _refused_by_postgres if old.is_postgres else _refused_by_sqlite
    return asyncio.run(refused_by(old, statements))


async def _refused_by_postgres(old: Old, statements: Iterator[Texts]) -> dict[str, str]:
    refused: dict[str, str] = {}
    connection = await asyncpg.connect(old.config.database.url)
    for name, _, text in statements:
        if text is None:
            continue
        try:
            await connection.prepare(text)
        except asyncpg.PostgresError as error:
            refused[name] = str(error)
    await connection.close()
    return refused


async def _refused_by_sqlite(old: Old, statements: Iterator[Texts]) -> dict[str, str]:
    refused: dict[str, str] = {}
    database = SqliteDatabase(Path(old.config.data) / "talkd.db", durable=False)
    await database.open()
    for name, text, _ in statements:
        if text is None:
            continue
        values = dict.fromkeys(re.findall(r"(?<!:):(\w+)", text))
        explain = Statement(sa.text("EXPLAIN " + text.replace("::", "\\:\\:")))
        try:
            await database.read(lambda tx, explain=explain, values=values: tx.all(explain, **values))  # type: ignore[misc]
        except Exception as error:
            refused[name] = str(error)
    await database.close()
    return refused


def test_every_statement_works_on_tables_of_a_later_version(old: Old) -> None:
    bring_to_next(old, REVISIONS[-1])
    assert list_refused(old, texts()) == {}


def test_a_migration_that_waits_for_a_table_lets_others_go_on(databases: Any, threads: ThreadPoolExecutor) -> None:
    old = Old(databases.config("postgres", empty=True))
    old.bring_to(before(FIRST))

    async def work() -> None:
        reader, other = [await asyncpg.connect(old.config.database.url) for _ in range(2)]
        async with reader.transaction():
            await reader.fetch("SELECT * FROM sessions")  # as a long search does, until the transaction ends
            migrating = threads.submit(old.bring_up_to_date)
            while not await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode LIKE 'Access%'"):
                assert not migrating.done(), migrating.result()
                await asyncio.sleep(0.01)
            await other.execute("SET statement_timeout = '30s'")
            await other.fetch("SELECT * FROM sessions")
            assert not migrating.done()
        await asyncio.wrap_future(migrating)
        await reader.close()
        await other.close()

    asyncio.run(work())
    assert old.run("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


# --- older talkds on these tables --------------------------------------------------------------
OLDEST = usable_by(REVISIONS[-1]) or REVISIONS[-2]
"""The oldest revision whose talkd may use the tables of today."""


@pytest.fixture(scope="module", params=sorted({OLDEST, REVISIONS[-2]}))
def predecessor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Predecessor:
    return Predecessor(tmp_path_factory.mktemp("predecessor"), request.param)


def test_every_statement_of_an_older_version_works_on_these_tables(old: Old, predecessor: Predecessor) -> None:
    old.bring_up_to_date()
    statements = list(predecessor.list_statements())
    assert len(statements) > 400
    assert list_refused(old, iter(statements)) == {}


def test_a_server_of_an_older_version_goes_on_while_the_tables_are_migrated(databases: Any, tmp_path: Path) -> None:
    program = Predecessor(tmp_path, OLDEST).program
    old = Old(databases.config("postgres", empty=True))
    with Process(tmp_path / "before", program=program, DATABASE_URL=old.config.database.url) as running:
        alice = Person(running.admin, "admin")
        token = alice.create_room()
        alice.say(token, "before the migration")
        assert old.run("SELECT version_num FROM alembic_version") == [(OLDEST,)]
        old.bring_up_to_date()
        alice.say(token, "after the migration")
        assert alice.texts(token) == ["before the migration", "after the migration"]
    with Process(tmp_path / "after", DATABASE_URL=old.config.database.url) as running:
        alice = Person(running.admin, "admin")
        alice.say(token, "from the new version")
        assert alice.texts(token) == ["before the migration", "after the migration", "from the new version"]


def test_a_server_of_the_version_before_starts_on_these_tables(old: Old, tmp_path: Path) -> None:
    old.bring_up_to_date()
    program = Predecessor(tmp_path, REVISIONS[-2]).program
    settings = {"DATABASE_URL": old.config.database.url} if old.is_postgres else {}
    with Process(Path(old.config.data), program=program, **settings) as running:
        alice = Person(running.admin, "admin")
        token = alice.create_room()
        alice.say(token, "after going back")
        assert alice.texts(token) == ["after going back"]
        assert "newer_schema" in running.output
    assert old.run("SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
