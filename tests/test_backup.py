"""`talkd backup` and `talkd restore`: what is in a backup, and what a restored server answers."""

import asyncio
import contextlib
import itertools
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from support.commands import run_talkd
from support.files import Files, send
from support.migrations import bring_sqlite_to
from support.people import Person
from support.portraits import of_room, own, picture, set_of_room, set_own
from support.running import LoopThread, Server, unique
from support.s3 import KEYS, S3, running_s3
from support.safekeeping import (
    PAIRS,
    SEVEN,
    TEXT,
    Tables,
    done,
    fill_every_table,
    read_archive,
    rewrite,
    run_on,
    settings_of,
    with_schema,
)
from support.searching import found
from support.storages import folder_of, stored
from talkd.backups import backup
from talkd.backups.archive_reader import verify
from talkd.backups.model import Head, Manifest
from talkd.backups.progress import Advance
from talkd.blobs.interface import Blobs
from talkd.cli.data_folder import lock_data
from talkd.config import Config
from talkd.storage.migrate import REVISIONS, schema_of_sqlite
from talkd.storage.schema import metadata

Start = Callable[[Config], Server]


class Talking:
    """A conversation with everything that people put into one, in which somebody goes on writing."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.alice, self.bob = server.add_user("alice"), server.add_user("bob")
        self.token = self.alice.create_room(name="Hafen ⚓")
        self.alice.add(self.token, self.bob)
        self.first: int = self.bob.say(self.token, f"Größe {TEXT} @{self.alice.id}")["id"]
        self.alice.say(self.token, "a reply", replyTo=self.first)
        self.alice.post(f"v1/reaction/{self.token}/{self.first}", reaction="👍")
        poll = self.bob.post(
            f"v1/poll/{self.token}", question="When?", options=["now", "later"], resultMode=0, maxVotes=1
        )
        self.poll: int = poll["id"]
        send(self.alice, self.token, b"shared contents", "plan.txt")
        Files(self.bob).put("/kept", b"kept contents")
        assert set_own(self.alice, picture(1)).is_success
        assert set_of_room(self.alice, self.token, picture(2)).is_success
        self.acknowledged: list[int] = []
        self._is_over = threading.Event()
        self._writer = threading.Thread(target=self._write)

    def _write(self) -> None:
        for number in itertools.count(1):
            self.acknowledged.append(self.bob.say(self.token, f"Nr. {number}")["id"])
            if self._is_over.is_set():
                return

    def __enter__(self) -> Self:
        self._writer.start()
        self.server.wait_for(lambda: len(self.acknowledged) > 5)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._writer.join()

    def shown(self, server: Server) -> dict[str, Any]:
        """Return what a server shows of the conversation, to Alice, without the messages."""
        alice, bob = (Person(server.client(each.id), each.id) for each in (self.alice, self.bob))
        return {
            "people": {each: person["displayName"] for each, person in alice.participants(self.token).items()},
            "found": found(alice, "größe"),
            "poll": alice.get(f"v1/poll/{self.token}/{self.poll}"),
            "reactions": alice.get(f"v1/reaction/{self.token}/{self.first}"),
            "kept": Files(bob).get("/kept"),
            "shared": Files(alice).list("/", "infinity"),
            "pictures": (own(alice).content, of_room(alice, self.token).content),
        }

    def messages(self, server: Server) -> list[dict[str, Any]]:
        """Return all messages as a server shows them to Alice, oldest first."""
        alice = Person(server.client(self.alice.id), self.alice.id)
        shown: list[dict[str, Any]] = []
        last = 0
        asked = {"lookIntoFuture": 1, "limit": 200, "timeout": 0, "setReadMarker": 0}
        while page := alice.get(f"v1/chat/{self.token}", lastKnownMessageId=last, **asked):
            shown += page
            last = page[-1]["id"]
        return shown


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
def test_a_restored_server_answers_as_the_one_that_was_backed_up(
    origin: str, goal: str, databases: Any, new_server: Start, tmp_path: Path
) -> None:
    before, after = databases.config(origin), databases.config(goal, empty=True)
    server = new_server(before)
    file = tmp_path / "talkd.tar"
    with Talking(server) as talking:
        acknowledged = list(talking.acknowledged)
        done(before, "backup", file)
    everything = talking.messages(server)
    server.run(server.app.world.db.catch_up())
    shown = talking.shown(server)

    done(after, "restore", file)
    restored = new_server(after)
    assert talking.shown(restored) == shown
    kept = talking.messages(restored)
    assert kept == everything[: len(kept)], "a restored message is not as it was, or one before it is missing"
    assert set(acknowledged) <= {each["id"] for each in kept}, "an acknowledged message is missing"
    bob = Person(restored.client(talking.bob.id), talking.bob.id)
    assert bob.say(talking.token, "after")["id"] > everything[-1]["id"], "an id was used twice"


# --- every table ----------------------------------------------------------------------------
@pytest.mark.parametrize(("origin", "goal"), PAIRS)
def test_every_column_of_every_table_is_restored(
    origin: str, goal: str, databases: Any, loop_thread: LoopThread, tmp_path: Path
) -> None:
    before, after = databases.config(origin), databases.config(goal, empty=True)
    tables, restored = Tables(loop_thread, before), Tables(loop_thread, after)
    fill_every_table(tables)
    done(before, "backup", "--without-files", tmp_path / "a.tar")
    done(after, "restore", tmp_path / "a.tar")
    _, manifest, _, _ = read_archive(tmp_path / "a.tar")
    assert {name: tally.rows for name, tally in manifest.tables.items()} == dict.fromkeys(metadata.tables, 1)
    kept = restored.read()
    assert kept == tables.read()
    for table in metadata.sorted_tables:
        [row] = kept[table.name]
        assert len(row) == len(table.columns), f"a column of {table.name} was forgotten"
        assert None not in row


@pytest.mark.parametrize(("origin", "goal"), PAIRS)
def test_no_table_uses_an_id_twice(
    origin: str, goal: str, databases: Any, loop_thread: LoopThread, tmp_path: Path
) -> None:
    before, after = databases.config(origin), databases.config(goal, empty=True)
    tables, restored = Tables(loop_thread, before), Tables(loop_thread, after)
    fill_every_table(tables)
    counters = tables.counters()
    with_ids = {table.name for table in metadata.sorted_tables if table.autoincrement_column is not None}
    assert counters.keys() == with_ids
    tables.run(*((f"INSERT INTO {name} DEFAULT VALUES", ()) for name in ("blobs", "mail_outbox")))
    tables.run(*((f"DELETE FROM {name}", ()) for name in ("blobs", "mail_outbox")))
    used = {name: max(last, SEVEN) for name, last in tables.counters().items()}
    assert used["blobs"] > 0
    done(before, "backup", "--without-files", tmp_path / "a.tar")
    done(after, "restore", tmp_path / "a.tar")
    assert {name: restored.counters()[name] for name in used} == {
        **used,
        **{name: tables.counters()[name] for name in ("blobs", "mail_outbox")},
    }


_MESSAGE = (
    "INSERT INTO messages (room_id, id, actor_type, actor_id, actor_name, kind, message, countable, created_at) "
    "VALUES (7, 9, 'guests', 'x', 'Gast', 'comment', 'Apfel', 1, 5)"
)


# --- schemas --------------------------------------------------------------------------------
@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
@pytest.mark.parametrize("revision", ["0001", "0005", "0015", "0024"])
def test_a_backup_of_an_older_talkd_is_restored_and_upgraded(
    goal: str, revision: str, databases: Any, new_server: Start, loop_thread: LoopThread, tmp_path: Path
) -> None:
    before, after = databases.config("sqlite", empty=True), databases.config(goal, empty=True)
    bring_sqlite_to(Path(before.data) / "talkd.db", revision)
    Tables(loop_thread, before).run(
        ("INSERT INTO rooms (id, token, type, last_message_id) VALUES (7, 'abcd2345', 3, 9)", ()),
        (_MESSAGE, ()),
    )
    done(before, "backup", tmp_path / "a.tar")
    assert schema_of_sqlite(Path(before.data) / "talkd.db").revision == revision, "a backup changes nothing"
    done(after, "restore", tmp_path / "a.tar")
    server = new_server(after)
    visitor = server.visitor()
    visitor.join("abcd2345")
    assert visitor.texts("abcd2345") == ["Apfel"]
    ada = server.add_user("ada")
    ada.join("abcd2345")
    assert found(ada, "apfel") == ["Apfel"]


@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
def test_a_backup_of_a_newer_talkd_is_refused(goal: str, databases: Any, tmp_path: Path) -> None:
    before, after = databases.config("sqlite"), databases.config(goal, empty=True)
    done(before, "backup", tmp_path / "a.tar")
    rewrite(tmp_path / "a.tar", with_schema("9999"))
    refused = run_on(after, "restore", tmp_path / "a.tar")
    assert refused.returncode == 4
    assert "schema 9999" in refused.stderr
    assert f"up to {REVISIONS[-1]}" in refused.stderr
    assert is_empty(after)


def is_empty(config: Config) -> bool:
    """Return True if there is nothing in a database but what talkd makes at a first start: no table at all."""
    if not config.database.url:
        return not list(Path(config.data).glob("talkd.db*"))
    refused = run_talkd("backup", str(Path(config.data) / "x"), **settings_of(config))
    return refused.returncode == 5 and "no tables of talkd" in refused.stderr


@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
def test_nothing_is_restored_over_data(goal: str, databases: Any, new_server: Start, tmp_path: Path) -> None:
    config = databases.config(goal)
    done(config, "backup", tmp_path / "a.tar")
    done(config, "restore", tmp_path / "a.tar")  # only the tables are there
    server = new_server(config)
    with contextlib.nullcontext() if config.database.url else lock_data(Path(config.data)):  # as `talkd serve` does
        in_use = run_on(config, "restore", tmp_path / "a.tar")
    assert (in_use.returncode, "another talkd" in in_use.stderr) == (5, True)
    alice = server.add_user("alice")
    token = alice.create_room(name="kept")
    server.stop()
    refused = run_on(config, "restore", tmp_path / "a.tar")
    assert (refused.returncode, "has data already" in refused.stderr) == (5, True)
    server.start()
    assert Person(server.client(alice.id), alice.id).room(token)["name"] == "kept"


# --- contents of files ----------------------------------------------------------------------
@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server


@pytest.fixture(params=["disk", "s3"])
def storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Config], Config]:
    """Returns settings with a storage of files on the disk, or with a folder of their own on S3."""
    if request.param == "disk":
        return lambda config: config
    server: S3 = request.getfixturevalue("s3")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def choose(config: Config) -> Config:
        config.files.storage = server.url(unique("folder"))
        return config

    return choose


def test_contents_of_files_are_in_the_backup(
    storage: Callable[[Config], Config], databases: Any, new_server: Start, tmp_path: Path
) -> None:
    before, after = storage(databases.config("sqlite")), storage(databases.config("sqlite", empty=True))
    server = new_server(before)
    ada = server.add_user("ada")
    contents = {"/empty": b"", "/small": b"small", "/large": os.urandom(7_000_001)}
    for path, content in contents.items():
        Files(ada).put(path, content)
    assert "3 contents of files" in done(before, "backup", tmp_path / "a.tar")
    done(after, "restore", tmp_path / "a.tar")
    restored = Files(Person(new_server(after).client(ada.id), ada.id))
    assert {path: restored.get(path) for path in contents} == contents
    assert done(after, "files", "check").endswith("Everything is there.\n")


def test_contents_that_are_there_stay_as_they_are(databases: Any, new_server: Start, tmp_path: Path) -> None:
    before, after = databases.config("sqlite"), databases.config("sqlite", empty=True)
    server = new_server(before)
    Files(server.add_user("ada")).put("/a", b"contents")
    done(before, "backup", tmp_path / "a.tar")
    [key] = stored(before)
    cut = folder_of(after) / key[:2] / key
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"cont")
    done(after, "restore", tmp_path / "a.tar")
    assert cut.read_bytes() == b"contents"
    again = databases.config("postgres", empty=True)
    again.data = after.data
    touched = cut.stat().st_mtime_ns
    done(again, "restore", tmp_path / "a.tar")
    assert cut.stat().st_mtime_ns == touched


def test_a_backup_without_files_says_what_is_missing(databases: Any, new_server: Start, tmp_path: Path) -> None:
    before, after = databases.config("sqlite"), databases.config("sqlite", empty=True)
    server = new_server(before)
    Files(server.add_user("ada")).put("/a", b"contents")
    assert "no files" in done(before, "backup", "--without-files", tmp_path / "a.tar")
    assert "put the storage of files back" in done(after, "restore", tmp_path / "a.tar")
    assert read_archive(tmp_path / "a.tar")[3] == {}


def test_lost_and_damaged_contents_are_reported(databases: Any, new_server: Start, tmp_path: Path) -> None:
    before, after = databases.config("sqlite"), databases.config("sqlite", empty=True)
    server = new_server(before)
    files = Files(server.add_user("ada"))
    for name in ("gone", "wrong", "cut", "right"):
        files.put(f"/{name}", name.encode() * 3)
    places = {path.read_bytes(): path for path in folder_of(before).rglob("*") if path.is_file()}
    places[b"gone" * 3].unlink()
    places[b"wrong" * 3].write_bytes(b"WRONG" * 3)
    places[b"cut" * 3].write_bytes(b"cut")
    ended = run_on(before, "backup", tmp_path / "a.tar")
    assert ended.returncode == 3
    assert "lacks 3 contents of files" in ended.stderr
    assert read_archive(tmp_path / "a.tar")[3] == {places[b"right" * 3].name: b"right" * 3}
    assert run_on(before, "backup", "--verify", tmp_path / "a.tar").returncode == 3
    assert run_on(after, "restore", tmp_path / "a.tar").returncode == 3
    assert "3 whose contents are missing" in run_on(after, "files", "check").stdout


def test_a_file_that_is_deleted_while_the_backup_is_made_is_no_loss(
    databases: Any, new_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = databases.config("sqlite")
    server = new_server(config)
    files = Files(server.add_user("ada"))
    for name in ("kept", "deleted"):
        files.put(f"/{name}", name.encode())
    from talkd.backups import contents

    read_before = contents.store

    async def store(wanted: contents.Named, blobs: Blobs, writer: Any) -> bool:
        """Delete a file when the rows are in the backup, and contents are not yet."""
        if await asyncio.to_thread(files.status, "PROPFIND", "/deleted") == 207:
            await asyncio.to_thread(files.status, "DELETE", "/deleted")
            await asyncio.to_thread(server.run_job, "delete_removed_files")
        return await read_before(wanted, blobs, writer)

    monkeypatch.setattr(contents, "store", store)
    said = done(config, "backup", tmp_path / "a.tar")
    assert "without 1 that were deleted while it was made" in said
    assert list(read_archive(tmp_path / "a.tar")[3].values()) == [b"kept"]


def test_a_backup_that_is_not_read_as_it_was_written_is_refused(
    databases: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify_wrongly(path: Path, advance: Advance) -> tuple[Head, Manifest]:
        head, manifest = verify(path, advance)
        return head, msgspec.structs.replace(manifest, tables={})

    monkeypatch.setattr(backup, "verify", verify_wrongly)
    ended = run_on(databases.config("sqlite"), "backup", tmp_path / "a.tar")
    assert (ended.returncode, "is not read as it was written" in ended.stderr) == (6, True)
    assert not list(tmp_path.iterdir())


# --- the command ----------------------------------------------------------------------------
def test_a_backup_prints_one_line_and_only_its_owner_can_read_it(databases: Any, tmp_path: Path) -> None:
    config = databases.config("sqlite")
    file = tmp_path / "a.tar"
    said = done(config, "backup", file)
    assert said.count("\n") == 1
    assert str(file) in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert done(config, "backup", "-q", file) == ""
    assert done(config, "backup", "--verify", file).startswith(f"talkd: {file} is complete")
    assert list(tmp_path.iterdir()) == [file]


def test_no_password_of_the_database_is_printed(databases: Any, tmp_path: Path) -> None:
    config = databases.config("sqlite")
    done(config, "backup", tmp_path / "a.tar")
    url = "postgresql://talkd:secret-word@127.0.0.1:1/talkd"
    for words in (
        ("backup", str(tmp_path / "b.tar"), "--database", url),
        ("restore", str(tmp_path / "a.tar"), "--database", url),
        ("copy", "--from", f"sqlite://{config.data}", "--to", url),
    ):
        ended = run_talkd(*words, DATA=str(tmp_path / "data"))
        assert ended.returncode == 1, ended
        assert "cannot reach PostgreSQL" in ended.stderr
        assert "secret-word" not in ended.stdout + ended.stderr


def test_only_a_backup_is_replaced(databases: Any, tmp_path: Path) -> None:
    config = databases.config("sqlite")
    database = Path(config.data) / "talkd.db"
    before = database.read_bytes()
    refused = run_on(config, "backup", database)
    assert (refused.returncode, "is no backup" in refused.stderr) == (5, True)
    assert database.read_bytes() == before
    done(config, "backup", tmp_path / "a.tar")
    done(config, "backup", tmp_path / "a.tar")


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    ended = run_talkd("backup", str(tmp_path / "a.tar"), DATA=str(tmp_path / "nothing"))
    assert ended.returncode == 5
    assert "there is no database" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_missing_backup_is_named(databases: Any, tmp_path: Path) -> None:
    config = databases.config("sqlite", empty=True)
    for words in (("restore",), ("backup", "--verify")):
        ended = run_on(config, *words, tmp_path / "nothing.tar")
        assert (ended.returncode, "nothing.tar" in ended.stderr) == (1, True)
