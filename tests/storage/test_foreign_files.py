"""Write-ahead logs and backups that do not belong to the SQLite database where they were put."""

import asyncio
import contextlib
import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from support.commands import run_talkd
from support.people import TALK, Person, data_of
from support.processes import Process
from support.running import Server
from talkd.storage.database import Database
from talkd.storage.migrate import migrate_sqlite, schema_of_sqlite
from talkd.storage.sqlite_generation import ForeignLog

NEW = 30
"""Messages sent after the backup: enough to fill several pages."""


def back_up(path: Path, copy: Path) -> None:
    """Make a backup as in docs/admin/backup.md, but with the server's library, because both run in one process."""
    with (
        contextlib.closing(apsw.Connection(str(path))) as source,
        contextlib.closing(apsw.Connection(str(copy))) as to,
        to.backup("main", source, "main") as copying,
    ):
        while not copying.done:
            with contextlib.suppress(apsw.BusyError):  # while the server writes
                copying.step()


def checkpoint(path: Path) -> None:
    """Copy the log into the file, as SQLite does when the log is long."""
    with contextlib.closing(apsw.Connection(str(path))) as file:
        file.set_busy_timeout(20_000)  # while the server reads or writes
        assert file.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()[0][0] == 0


@pytest.fixture
def server(databases: Any, new_server: Any) -> Server:
    made: Server = new_server(databases.config("sqlite"))
    return made


def count_on(server: Server) -> None:
    """Do what a server does every few seconds."""
    server.run(server.app.world.db.note_ids())


class Drill:
    """A database with a backup, and a log that was begun after the backup."""

    def __init__(self, server: Server) -> None:
        self.server, self.path = server, Path(server.config.data) / "talkd.db"
        self.backup = self.path.with_name("backup")
        self.ann = server.add_user("ann")
        self.token = self.ann.create_room()
        self.ann.say(self.token, "in the backup")
        count_on(server)
        back_up(self.path, self.backup)
        for _ in range(2):
            for number in range(NEW):
                self.ann.say(self.token, f"{number} " + "x" * 2000)
            count_on(server)
            checkpoint(self.path)
        count_on(server)
        self.ann.say(self.token, "newest")

    def said(self) -> set[str]:
        again = Person(self.server.client(self.ann.id), self.ann.id)
        return {each["message"] for each in again.get(f"v1/chat/{self.token}", lookIntoFuture=0, limit=200)}

    def copy_killed(self, folder: Path) -> Path:
        """Copy the files as a killed server leaves them."""
        folder.mkdir()
        for name in ("talkd.db", "talkd.db-wal"):
            shutil.copy(self.path.with_name(name), folder / name)
        return folder / "talkd.db"


@pytest.fixture
def drill(server: Server) -> Drill:
    return Drill(server)


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.suffix != ".db-shm"}


def test_an_old_log_beside_a_restored_database_is_refused(drill: Drill, tmp_path: Path) -> None:
    path = drill.copy_killed(tmp_path / "killed")
    assert schema_of_sqlite(path).revision, "its own log is accepted"
    path = drill.copy_killed(tmp_path / "restored")
    shutil.copy(drill.backup, path)
    before = contents(path.parent)
    for words in (["serve", "--port", "24899"], ["user", "list"], ["migrate"]):
        ran = run_talkd(*words, "--data", str(path.parent))
        assert ran.returncode == 1
        assert ran.stderr.startswith("talkd: talkd.db-wal in "), ran.stderr
        assert "move talkd.db-wal and talkd.db-shm away" in ran.stderr
        assert {name: before[name] for name in ("talkd.db", "talkd.db-wal")}.items() <= contents(path.parent).items()
    for rest in ("talkd.db-wal", "talkd.db-shm"):
        path.with_name(rest).unlink()
    assert schema_of_sqlite(path).revision


def test_a_log_of_another_database_is_refused(drill: Drill, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    migrate_sqlite(other)
    path = drill.copy_killed(tmp_path / "mixed")
    shutil.copy(other, path)
    with pytest.raises(ForeignLog):
        schema_of_sqlite(path)


def test_a_kill_during_a_checkpoint_does_not_make_the_log_foreign(drill: Drill, tmp_path: Path) -> None:
    before = drill.copy_killed(tmp_path / "before")
    for number in range(NEW):
        drill.ann.say(drill.token, f"{number} " + "y" * 2000)  # so that the file gets longer
    count_on(drill.server)
    killed = drill.copy_killed(tmp_path / "killed")
    checkpoint(drill.path)
    whole, old = drill.path.read_bytes(), before.read_bytes()
    for pages in (1, 2, 10, len(old) // 4096):  # SQLite writes the pages in order
        path = tmp_path / str(pages) / "talkd.db"
        shutil.copytree(killed.parent, path.parent)
        path.write_bytes(whole[: pages * 4096] + old[pages * 4096 :])
        assert schema_of_sqlite(path).revision
        with contextlib.closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert file.execute("SELECT count(*) FROM messages WHERE message LIKE '%yyy%'").fetchone() == (NEW,)


def test_a_backup_newer_than_the_start_of_the_log_is_undone_by_the_log(drill: Drill, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    back_up(drill.path, fresh)
    drill.ann.say(drill.token, "later")
    path = drill.copy_killed(tmp_path / "restored")
    shutil.copy(fresh, path)
    assert schema_of_sqlite(path).revision
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("SELECT message FROM messages ORDER BY id DESC").fetchone() == ("later",)


def write_over(backup: Path, path: Path) -> None:
    shutil.copy(backup, path)  # overwrites the file, like cp


def restore_into(backup: Path, path: Path) -> None:
    back_up(backup, path)


@pytest.mark.parametrize("how", [write_over, restore_into])
def test_a_backup_restored_under_a_running_server_stops_writes(
    how: Callable[[Path, Path], None], drill: Drill, caplog: pytest.LogCaptureFixture
) -> None:
    how(drill.backup, drill.path)
    with caplog.at_level(logging.INFO):
        drill.server.run(drill.server.app.world.db.watch())
    assert "database_overwritten" in {record.message for record in caplog.records}
    assert drill.ann.status("POST", f"v1/chat/{drill.token}", message="lost") == 503
    assert drill.server.client().get("/healthz").status_code == 503
    drill.server.stop()
    if how is write_over:
        with pytest.raises(ForeignLog):
            schema_of_sqlite(drill.path)
        for rest in ("talkd.db-wal", "talkd.db-shm"):
            drill.path.with_name(rest).unlink()
    drill.server.start()
    assert "in the backup" in drill.said()
    assert not {"newest", "lost"} & drill.said()


async def watch_while_counting(db: Database) -> None:
    """Check after each step of the event loop, so also between a commit and its acknowledgement."""
    counting = asyncio.create_task(db.note_ids())
    while not counting.done():
        await db.watch()
        await asyncio.sleep(0)
    await counting


@pytest.mark.parametrize("is_from_older_talkd", [False, True])
def test_the_servers_own_writes_are_not_taken_for_a_restore(is_from_older_talkd: bool, server: Server) -> None:
    if is_from_older_talkd:  # which stored no generation
        server.stop()
        with contextlib.closing(sqlite3.connect(Path(server.config.data) / "talkd.db")) as file:
            file.execute("PRAGMA user_version = 0")
            file.execute("PRAGMA application_id = 0")
        server.start()
    for _ in range(3):
        server.run(watch_while_counting(server.app.world.db))
        assert not server.app.world.db.damage
    server.add_user("ann").create_room()


def test_a_restore_under_a_running_server_is_noticed_within_a_second(tmp_path: Path) -> None:
    with Process(tmp_path) as process:
        admin = process.admin
        back_up(tmp_path / "talkd.db", tmp_path / "backup")
        room = data_of(admin.post(f"{TALK}v4/room", data={"roomType": 2, "roomName": "Room"}))["token"]
        begun = time.monotonic()
        while time.monotonic() < begun + 6:  # until the server has raised the number once
            data_of(admin.post(f"{TALK}v1/chat/{room}", data={"message": "x"}))
        back_up(tmp_path / "backup", tmp_path / "talkd.db")
        restored = time.monotonic()
        while (admin.get("/healthz")).status_code == 200:
            assert time.monotonic() < restored + 10
        assert '"event":"database_overwritten"' in process.output
