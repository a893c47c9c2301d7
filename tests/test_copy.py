"""`talkd copy`: the copy is the same, and one that was interrupted goes on where it stopped."""

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from support.people import Person
from support.running import LoopThread, Server
from support.safekeeping import PAIRS, Tables, done, fill_every_table, run_on, url_of
from support.searching import found
from talkd.backups import copying
from talkd.backups.postgres_target import PostgresTarget
from talkd.backups.sqlite_target import SqliteTarget
from talkd.cli.data_folder import lock_data
from talkd.cli.places import place_at
from talkd.config import Config
from talkd.storage.postgres_lock import ServingLock

Start = Callable[[Config], Server]


class Interrupted(BaseException):
    """Stands for the end of the process at some step."""


def copy(origin: Config, goal: Config, *words: str) -> str:
    """Run `talkd copy`, which must succeed."""
    return done(origin, "copy", "--from", url_of(origin), "--to", url_of(goal), *words)


def refusal(origin: Config, goal: Config, status: int) -> str:
    """Run `talkd copy`, which must fail with a status, and return what it says."""
    ended = run_on(origin, "copy", "--from", url_of(origin), "--to", url_of(goal))
    assert ended.returncode == status, ended
    return ended.stderr


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
def test_a_server_on_the_copy_answers_as_before(origin: str, goal: str, databases: Any, new_server: Start) -> None:
    before, after = databases.config(origin), databases.config(goal, empty=True)
    server = new_server(before)
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(name="Hafen")
    alice.add(token, bob)
    first = bob.say(token, "Schöne Grüße")["id"]
    for text in ("about the harbour", "and a harbour again"):
        bob.say(token, text)
    alice.post(f"v1/reaction/{token}/{first}", reaction="👍")
    shown, rooms = alice.history(token), set(alice.rooms())
    server.stop()
    said = copy(before, after)
    assert "contents of files stay where they are" in said
    moved = new_server(after)
    alice = Person(moved.client(alice.id), alice.id)
    assert alice.history(token) == shown
    assert set(alice.rooms()) == rooms
    assert found(alice, "harbour") == ["and a harbour again", "about the harbour"]
    assert found(alice, "grüße") == ["Schöne Grüße"]
    assert alice.say(token, "after")["id"] > shown[0]["id"]
    server.start()  # the fixture stops it


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
def test_every_column_of_every_table_is_copied(origin: str, goal: str, databases: Any, loop_thread: LoopThread) -> None:
    before, after = databases.config(origin), databases.config(goal, empty=True)
    tables, copied = Tables(loop_thread, before), Tables(loop_thread, after)
    fill_every_table(tables)
    rows = tables.read()
    assert {name: len(each) for name, each in rows.items()} == dict.fromkeys(rows, 1)
    copy(before, after)
    assert copied.read() == rows
    assert copied.counters() == {name: max(7, last) for name, last in tables.counters().items()}


def interrupt_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Raise Interrupted at the beginning of a step of the copy, counted from 0."""
    numbers = itertools.count()
    for kind in (SqliteTarget, PostgresTarget):
        for name in ("create", "load", "run_deferred", "set_counters", "publish"):
            before = getattr(kind, name)

            async def interrupted(*given: Any, before: Any = before, **more: Any) -> Any:
                if next(numbers) == step:
                    raise Interrupted
                return await before(*given, **more)

            patch.setattr(kind, name, interrupted)


@pytest.mark.timeout(300)  # it copies half a dozen times
@pytest.mark.parametrize(
    ("origin", "goal"),
    [pytest.param(*each, marks=() if each[0] != each[1] else pytest.mark.variant, id="-".join(each)) for each in PAIRS],
)
def test_a_copy_goes_on_after_an_interruption_at_any_step(
    origin: str, goal: str, databases: Any, loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = databases.config(origin), databases.config(goal, empty=True)
    tables, copied = Tables(loop_thread, before), Tables(loop_thread, after)
    fill_every_table(tables)
    add_messages(tables, range(100, 130))
    rows = tables.read()
    monkeypatch.setattr(copying, "AT_ONCE", 4)
    monkeypatch.setattr("talkd.backups.source.BATCH", 3)
    said = ""
    interruptions = itertools.count()
    for step in itertools.count(9, 9):
        with monkeypatch.context() as patch:
            interrupt_at(patch, step)
            with contextlib.suppress(Interrupted):
                said = copy(before, after)
        if said:
            break
        if not next(interruptions):
            assert "unfinished" in run_on(after, "backup", Path(after.data) / "a.tar").stderr
    assert next(interruptions) > 3
    again = re.search(r"\((\d+) of them before it was interrupted\)", said)
    assert again
    assert int(again[1]) > 40
    assert copied.read() == rows


def add_messages(tables: Tables, ids: Sequence[int]) -> None:
    """Add messages to the room of `fill_every_table`."""
    tables.run(*(("INSERT INTO messages (room_id, id, message) VALUES (7, ?, 'text')", (number,)) for number in ids))


@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
def test_an_unfinished_copy_is_not_served_and_goes_on_with_the_same_database_only(
    goal: str, databases: Any, loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, other, after = databases.config("sqlite"), databases.config("sqlite"), databases.config(goal, empty=True)
    tables = Tables(loop_thread, before)
    fill_every_table(tables)
    add_messages(tables, range(100, 120))
    with monkeypatch.context() as patch:
        interrupt_at(patch, 20)
        with pytest.raises(Interrupted):
            copy(before, after)
    refused = run_on(after, "serve", "--port", "21099")
    assert refused.returncode == 1
    assert "`talkd copy` again" in refused.stderr
    assert "unfinished copy of another database" in refusal(other, after, 5)
    add_messages(tables, [200])
    assert "before it was changed" in refusal(before, after, 5)
    tables.run(
        ("DELETE FROM messages WHERE id = 200", ()),
        ("UPDATE sqlite_sequence SET seq = 119 WHERE name = 'messages'", ()),
    )
    copy(before, after)


@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
def test_a_difference_between_both_is_found(
    goal: str, databases: Any, loop_thread: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = databases.config("sqlite"), databases.config(goal, empty=True)
    fill_every_table(Tables(loop_thread, before))
    kind = PostgresTarget if goal == "postgres" else SqliteTarget
    load = kind.load

    async def forgetful(self: Any, table: Any, rows: Sequence[Any]) -> None:
        if table.name == "reminders":
            rows = [(*row[:-1], row[-1] + 1) for row in rows]
        await load(self, table, rows)

    monkeypatch.setattr(kind, "load", forgetful)
    assert "the table reminders is not the same" in refusal(before, after, 6)
    assert run_on(after, "backup", Path(after.data) / "a.tar").returncode == 5, "it must not be taken for a good one"


@contextlib.contextmanager
def served(config: Config, loop: LoopThread) -> Iterator[None]:
    """Reserve a database as `talkd serve` does."""
    if not config.database.url:
        with lock_data(Path(config.data)):
            yield
        return
    lock = ServingLock(config.database.url)
    loop.run(lock.take())
    yield
    loop.run(lock.release())


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
def test_neither_database_may_be_served(origin: str, goal: str, databases: Any, loop_thread: LoopThread) -> None:
    before, after = databases.config(origin), databases.config(goal)
    for config in (before, after):
        with served(config, loop_thread):
            assert "another talkd" in refusal(before, after, 5)
    copy(before, after)


@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
def test_nothing_is_copied_over_data(goal: str, databases: Any, loop_thread: LoopThread) -> None:
    before, after = databases.config("sqlite"), databases.config(goal)
    tables = Tables(loop_thread, after)
    tables.run(("INSERT INTO users (id) VALUES ('ada')", ()))
    rows = tables.read()
    assert "has data already" in refusal(before, after, 5)
    assert tables.read() == rows


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_is_not_copied_into_itself(kind: str, databases: Any) -> None:
    config = databases.config(kind)
    assert "the same database" in refusal(config, config, 5)


def test_a_database_that_is_not_there_is_named_and_nothing_is_created(databases: Any, tmp_path: Path) -> None:
    missing, before = tmp_path / "mistyped", databases.config("sqlite")
    before.data = str(missing)
    assert f"there is no database {missing}/talkd.db" in refusal(before, databases.config("sqlite", empty=True), 5)
    assert not missing.exists()


@pytest.mark.parametrize("origin", ["sqlite", "postgres"])
def test_nobody_writes_to_the_database_while_it_is_copied(origin: str, databases: Any, loop_thread: LoopThread) -> None:
    config = databases.config(origin)
    place = place_at(url_of(config))

    async def work() -> None:
        async with place.open_source(keeps_writers_out=True):
            if config.database.url:
                import asyncpg

                other = await asyncpg.connect(config.database.url)
                await other.execute("SET lock_timeout = 50")
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await other.execute("INSERT INTO meta (key, value) VALUES ('a', 'b')")
                assert await other.fetchval("SELECT count(*) FROM meta") >= 1, "others can read"
                await other.close()
            else:
                file = apsw.Connection(str(Path(config.data) / "talkd.db"))
                with pytest.raises(apsw.BusyError):
                    file.execute("INSERT INTO meta (key, value) VALUES ('a', 'b')")
                assert int(file.execute("SELECT count(*) FROM meta").get) >= 1, "others can read"
                file.close()

    loop_thread.run(work())


def test_a_text_that_postgresql_cannot_store_is_named(databases: Any, loop_thread: LoopThread) -> None:
    before, after = databases.config("sqlite"), databases.config("postgres", empty=True)
    Tables(loop_thread, before).run(("INSERT INTO users (id, display_name) VALUES ('a', ?)", ("a\0b",)))
    assert "a row of users cannot be stored" in refusal(before, after, 5)


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite://", "/var/lib/talkd"])
def test_other_addresses_are_refused(url: str, databases: Any) -> None:
    config = databases.config("sqlite")
    ended = run_on(config, "copy", "--from", url_of(config), "--to", url)
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite:///var/lib/talkd", "/var/lib/talkd"),
        ("sqlite:////var/lib/talkd", "/var/lib/talkd"),
        ("sqlite:///var/lib/talkd/talkd.db", "/var/lib/talkd"),
        ("sqlite://data", "data"),
    ],
)
def test_a_file_and_its_folder_are_the_same_database(url: str, folder: str) -> None:
    assert place_at(url).folder == Path(folder)
