"""Failed transactions and failed commits: they do not affect other transactions of the same group."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
import sqlalchemy as sa

from talkd.areas.messages import effects
from talkd.areas.messages import service as messages
from talkd.areas.participants import service as participants
from talkd.areas.rooms import creation_service as creation
from talkd.areas.rooms.creation_model import NewRoom
from talkd.areas.sessions import join_service as joining
from talkd.areas.sessions.join_service import Device
from talkd.areas.users import service as users
from talkd.config import Config
from talkd.conversation import access, attendee_store, room_store
from talkd.conversation.participant import Participant
from talkd.conversation.room import Room
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import USERS, Actor
from talkd.core.constants import RoomType
from talkd.core.errors import NotFound, Unavailable
from talkd.core.events import CachesOutdated
from talkd.storage.database import AfterCommit, Database, Tx
from talkd.storage.postgres import PostgresDatabase
from talkd.storage.schema import app_config
from talkd.storage.sqlite import SqliteDatabase
from talkd.storage.statements import Statement, bind

ADD = Statement(sa.insert(app_config).values(app="test", key=bind("key"), value=bind("value")))
KEYS = Statement(sa.select(app_config.c.key).order_by(app_config.c.key))


class Connection:
    """A connection to SQLite that counts commits and can refuse them, like a full or broken disk."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.commits = 0
        self.refuse = 0

    def execute(self, text: str, *parameters: Any) -> apsw.Cursor:
        if text == "COMMIT":
            if self.refuse:
                self.refuse -= 1
                raise apsw.IOError("disk I/O error")
            self.commits += 1
        return self._connection.execute(text, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "talkd.db", durable=False)
    await database.open()
    yield database
    async with asyncio.timeout(10):
        await database.close()


@pytest.fixture
def connection(db: SqliteDatabase) -> Connection:
    spy = Connection(db._writer)
    db._writer = spy  # type: ignore[assignment]
    return spy


def add(key: str, value: str = "") -> Callable[[Tx], Any]:
    """Return a transaction that stores a key and emits an event."""

    async def work(tx: Tx) -> str:
        await tx.run(ADD, key=key, value=value)
        await tx.emit(CachesOutdated(key))
        return key

    return work


async def add_and_fail(tx: Tx) -> None:
    await tx.run(ADD, key="halfway", value="")
    await tx.emit(CachesOutdated("halfway"))
    raise LookupError("halfway")


def keys_into(announced: list[Any]) -> AfterCommit:
    """Return an effect that collects the keys of announced events."""
    return lambda happened: announced.extend(event.epoch for event in happened if isinstance(event, CachesOutdated))


async def keys(db: Database) -> list[str]:
    async def work(tx: Tx) -> list[str]:
        return [row[0] for row in await tx.all(KEYS)]

    return await db.read(work)


async def together(db: Database, *works: Callable[[Tx], Any]) -> list[Any]:
    """Run all transactions at once. Return their results and exceptions."""
    async with asyncio.timeout(10):
        return await asyncio.gather(*(db.write(work) for work in works), return_exceptions=True)


def assert_stored(results: list[Any], stored: list[str]) -> None:
    """Check that exactly the successful transactions are stored."""
    assert sorted(result for result in results if isinstance(result, str)) == stored


async def test_a_failed_transaction_does_not_undo_the_others_of_its_group(
    db: SqliteDatabase, connection: Connection
) -> None:
    announced: list[Any] = []
    db.after_commit = (keys_into(announced),)
    first, failed, last = await together(db, add("first"), add_and_fail, add("last"))
    assert (first, last) == ("first", "last")
    assert isinstance(failed, LookupError)
    assert connection.commits == 1
    assert await keys(db) == ["first", "last"]
    assert announced == ["first", "last"]


async def test_a_constraint_violation_fails_only_one_transaction(db: SqliteDatabase) -> None:
    results = await together(db, add("same"), add("same"), add("other"))
    assert results[0] == "same"
    assert isinstance(results[1], apsw.ConstraintError)
    assert results[2] == "other"
    assert await keys(db) == ["other", "same"]


async def test_transactions_of_a_failed_commit_run_once_more(db: SqliteDatabase, connection: Connection) -> None:
    announced: list[Any] = []
    db.after_commit = (keys_into(announced),)
    connection.refuse = 1
    one, two, failed = await together(db, add("one"), add("two"), add_and_fail)
    assert (one, two, type(failed)) == ("one", "two", LookupError)
    assert await keys(db) == announced == ["one", "two"]


async def test_a_commit_that_fails_twice_fails_only_its_transactions(
    db: SqliteDatabase, connection: Connection
) -> None:
    announced: list[Any] = []
    db.after_commit = (keys_into(announced),)
    connection.refuse = 3
    results = await together(db, add("one"), add("two"), add_and_fail)
    assert [type(result) for result in results] == [Unavailable, Unavailable, LookupError]
    assert await keys(db) == []
    assert announced == []
    assert await together(db, add("three")) == ["three"]
    assert await keys(db) == ["three"]


async def test_a_group_that_cannot_begin_fails_and_the_next_one_works(db: SqliteDatabase, tmp_path: Path) -> None:
    db._patience = 0.1
    with contextlib.closing(apsw.Connection(str(tmp_path / "talkd.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        results = await together(db, add("one"), add("two"))
        assert [type(result.__cause__) for result in results] == [apsw.BusyError] * 2
        other.execute("ROLLBACK")
    assert await together(db, add("three")) == ["three"]


async def test_a_full_disk_fails_only_transactions_that_do_not_fit(db: SqliteDatabase) -> None:
    pages = db._writer.pragma("page_count")
    db._writer.execute(f"PRAGMA max_page_count = {pages + 1}")
    small, large, late = await together(db, add("small"), add("large", "x" * 100_000), add("late"))
    assert isinstance(large.__cause__, apsw.FullError)
    assert (small, late) == ("small", "late"), "transactions that fit run again"
    assert await keys(db) == ["late", "small"]
    db._writer.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert await together(db, add("again", "x" * 100_000)) == ["again"]


async def test_a_rollback_by_sqlite_fails_the_transaction_and_later_ones_work(db: SqliteDatabase) -> None:
    """On some errors of disk or memory, SQLite rolls back the whole transaction with its savepoints."""

    async def broken(tx: Tx) -> None:
        db._writer.execute("ROLLBACK")
        raise apsw.IOError("disk I/O error")

    results = await together(db, add("before"), broken, add("after"))
    assert isinstance(results[1].__cause__, apsw.IOError)
    assert_stored(results, await keys(db))
    assert await together(db, add("next")) == ["next"]


async def test_a_transaction_that_awaits_anything_else_is_refused(db: SqliteDatabase) -> None:
    async def waits(tx: Tx) -> None:
        await tx.run(ADD, key="waits", value="")
        await asyncio.sleep(0)

    first, refused, last = await together(db, add("first"), waits, add("last"))
    assert (first, last) == ("first", "last")
    assert isinstance(refused, RuntimeError)
    assert await keys(db) == ["first", "last"]
    with pytest.raises(RuntimeError, match="awaited something other"):
        await db.read(waits_to_read)


async def waits_to_read(tx: Tx) -> None:
    await tx.all(KEYS)
    await asyncio.sleep(0)


async def test_a_cancelled_write_does_not_cancel_the_others_of_its_group(db: SqliteDatabase) -> None:
    impatient = asyncio.create_task(db.write(add("impatient")))
    patient = asyncio.create_task(db.write(add("patient")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "patient"
    assert "patient" in await keys(db)


async def test_a_failing_effect_after_the_commit_does_not_fail_the_write(db: SqliteDatabase) -> None:
    announced: list[Any] = []

    def broken(events: Any) -> None:
        raise ValueError(events)

    db.after_commit = (broken, keys_into(announced))
    assert await db.write(add("kept")) == "kept"
    assert announced == ["kept"]


# --- PostgreSQL -----------------------------------------------------------------------------
@pytest.fixture
async def postgres(databases: Any) -> AsyncIterator[PostgresDatabase]:
    config: Config = databases.config("postgres")
    database = PostgresDatabase(config.database.url, connections=5)
    await database.open()
    yield database
    await database.close()


async def make_room(tx: Tx) -> Room:
    for name in ("ada", "ben"):
        await users.create_account(tx, name, "")
    owner = Actor(USERS, "ada", "ada")
    new = NewRoom(type=RoomType.GROUP, name="Order")
    room = (await creation.create_shared(tx, owner, new, TalkSettings(), most=10)).room
    await participants.add_user(tx, room, owner, "ben", "ben", quiet=True)
    return room


async def say(tx: Tx, room: Room, name: str) -> int:
    me = await access.access_participant(tx, room.token, user_id=name, browser="", lock=True)
    return (await messages.send(tx, me, f"from {name}")).message.id


async def test_on_postgres_ids_become_visible_in_ascending_order(postgres: PostgresDatabase) -> None:
    """A client that has seen a message must never get an older one later."""
    postgres.react(effects.REACTIONS)
    room = await postgres.write(make_room)
    drawn, commit = asyncio.Event(), asyncio.Event()

    async def slow(tx: Tx) -> int:
        message_id = await say(tx, room, "ada")
        drawn.set()
        await commit.wait()
        return message_id

    async def poll() -> list[int]:
        page = await postgres.read(lambda tx: messages.get_news(tx, room.id, known=known, limit=100))
        return [message.id for message in page.messages]

    known = 0
    known = (await poll())[-1]
    async with asyncio.timeout(30):
        first = asyncio.create_task(postgres.write(slow))
        await drawn.wait()
        second = asyncio.create_task(postgres.write(lambda tx: say(tx, room, "ben")))
        await asyncio.sleep(0.3)
        assert not second.done()
        assert await poll() == []
        commit.set()
        ids = [await first, await second]
    assert ids == sorted(ids)
    assert await poll() == ids


@pytest.mark.parametrize("session", ["with a session", "without a session"])
async def test_on_postgres_a_writer_that_waited_for_the_room_sees_its_new_state(
    postgres: PostgresDatabase, session: str
) -> None:
    """What the guards checked must still be true when the operation acts."""
    room = await postgres.write(make_room)
    begun, commit = asyncio.Event(), asyncio.Event()

    async def open_room(tx: Tx) -> None:
        for name in ("ada", "ben"):
            await joining.join(tx, room.token, Device(browser="", user=Actor(USERS, name, name)), most_visitors=0)

    async def change(tx: Tx) -> None:
        ada = await access.access_participant(tx, room.token, user_id="ada", browser="", lock=True)
        ben = await attendee_store.find_attendee(tx, room.id, USERS, "ben")
        assert ben is not None
        await participants.remove(tx, room, ada.actor, ben)
        await attendee_store.set_attendee(tx, room.id, ada.attendee.id, "permissions", 1, 0)
        await room_store.set_field(tx, room.id, "name", "Anew")
        begun.set()
        await commit.wait()

    def see(name: str) -> asyncio.Task[Participant]:
        return asyncio.create_task(
            postgres.write(lambda tx: access.access_participant(tx, room.token, user_id=name, browser="", lock=True))
        )

    if session == "with a session":
        await postgres.write(open_room)
    async with asyncio.timeout(30):
        changing = asyncio.create_task(postgres.write(change))
        await begun.wait()
        ada, ben = see("ada"), see("ben")
        await asyncio.sleep(0.3)
        assert not ada.done()
        assert not ben.done()
        commit.set()
        await changing
        assert ((await ada).room.name, (await ada).attendee.permissions) == ("Anew", 1)
        with pytest.raises(NotFound):
            await ben


async def test_on_postgres_many_writers_in_one_room_wait_for_each_other(postgres: PostgresDatabase) -> None:
    postgres.react(effects.REACTIONS)
    room = await postgres.write(make_room)
    seen: list[int] = []

    async def look(tx: Tx) -> list[int]:
        page = await messages.get_news(tx, room.id, known=seen[-1] if seen else 0, limit=100)
        return [message.id for message in page.messages]

    writers = asyncio.gather(
        *(postgres.write(functools.partial(say, room=room, name=name)) for name in ("ada", "ben") * 20)
    )
    async with asyncio.timeout(30):
        while not writers.done():
            seen += await postgres.read(look)
        seen += await postgres.read(look)
        said = await writers
    assert set(said) <= set(seen), "a polling client has missed a message"
    assert seen == sorted(seen)
