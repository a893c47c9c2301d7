"""The files of the data folder: their permissions, and what talkd does if they were changed."""

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.commands import run_talkd
from support.parts import FOREIGN_FILES
from support.people import Person
from support.processes import Process
from support.running import Server
from talkd.cli import data_folder
from talkd.cli.data_folder import AlreadyRunning, ForeignLock, find_owner, lock_data
from talkd.storage.sqlite import SqliteDatabase
from talkd.storage.sqlite_files import DatabaseIncomplete


# --- permissions ----------------------------------------------------------------------------
@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}


async def test_only_the_owner_can_read_the_files(tmp_path: Path, open_umask: None) -> None:
    folder = tmp_path / "data"
    for _ in range(2):
        with lock_data(folder):
            database = SqliteDatabase(folder / "talkd.db")
            await database.open()
            found = modes(folder)
            await database.close()
        assert found == {
            "data": 0o700,
            "talkd.lock": 0o600,
            "talkd.db": 0o600,
            "talkd.db-wal": 0o600,
            "talkd.db-shm": 0o600,
        }
        (folder / "talkd.db").chmod(0o644)  # as older versions created it
        (folder / "talkd.lock").chmod(0o644)


# --- the lock file --------------------------------------------------------------------------
def link_to(path: Path, target: Path) -> None:
    path.symlink_to(target)


def second_name_of(path: Path, target: Path) -> None:
    path.hardlink_to(target)


def copy_of(path: Path, target: Path) -> None:
    shutil.copy(target, path)


def pipe(path: Path, _target: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, _target: Path) -> None:
    path.mkdir()


def listening_socket(path: Path, _target: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def of_another_user(path: Path, _target: Path) -> None:
    if os.geteuid():
        FOREIGN_FILES.skip()
    path.write_text("4711")
    os.chown(path, 12345, -1)


@pytest.mark.parametrize("put", [link_to, second_name_of, copy_of, pipe, folder, listening_socket, of_another_user])
def test_a_path_that_is_not_a_lock_file_is_not_changed(put: Callable[[Path, Path], None], tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("do not lose this")
    data = tmp_path / "data"
    data.mkdir()
    put(data / "talkd.lock", precious)
    before = (data / "talkd.lock").lstat()
    with pytest.raises(ForeignLock, match="does not use it"):
        lock_data(data)
    with pytest.raises(ForeignLock):
        find_owner(data)
    assert precious.read_text() == "do not lose this"
    after = (data / "talkd.lock").lstat()
    assert (after.st_mode, after.st_size, after.st_mtime_ns) == (before.st_mode, before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize("content", ["", "4711", str(os.getppid()), "1\n"])
def test_a_stale_lock_file_is_taken_over(content: str, tmp_path: Path) -> None:
    (tmp_path / "talkd.lock").write_text(content)
    with lock_data(tmp_path):
        assert (tmp_path / "talkd.lock").read_text() == str(os.getpid())
    assert find_owner(tmp_path) is None


def test_a_folder_that_another_process_uses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "GRACE", 0.1)
    with lock_data(tmp_path):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            lock_data(tmp_path)
        assert find_owner(tmp_path) == str(os.getpid())


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_folder, "GRACE", 0.1)
    path = tmp_path / "talkd.lock"
    with lock_data(tmp_path) as lock:
        assert not lock.keep()
        for content in (None, "4711"):
            path.unlink()
            if content:
                path.write_text(content)
            assert lock.keep()
            assert path.read_text() == str(os.getpid())
            with pytest.raises(AlreadyRunning):
                lock_data(tmp_path)
        path.unlink()
        path.symlink_to(tmp_path / "precious")
        assert not lock.keep(), "a file that is not talkd's is not changed"
        path.unlink()
        with lock_data(tmp_path), pytest.raises(AlreadyRunning):
            lock.keep()
        assert lock.keep()


async def test_a_server_stops_if_another_one_takes_its_removed_lock_file(tmp_path: Path) -> None:
    with Process(tmp_path) as process:
        (tmp_path / "talkd.lock").unlink()
        until = time.monotonic() + 10
        while find_owner(tmp_path) is None and time.monotonic() < until:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)
        assert find_owner(tmp_path) == str(process.popen.pid)
        (tmp_path / "talkd.lock").unlink()
        with lock_data(tmp_path):  # a second server takes the lock first
            assert await asyncio.to_thread(process.popen.wait, 20) == 1
    assert "another talkd now uses this database" in process.output


def test_a_start_with_a_foreign_lock_file_is_refused_with_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "talkd.lock")
    ran = run_talkd("serve", "--data", str(tmp_path), "--port", "18899")
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"talkd: {tmp_path}/talkd.lock is not a plain file"), ran.stderr


# --- missing files --------------------------------------------------------------------------
@pytest.fixture
def server(databases: Any, new_server: Any) -> Server:
    made: Server = new_server(databases.config("sqlite"))
    return made


@contextlib.contextmanager
def removed(path: Path) -> Iterator[None]:
    aside = path.with_name("aside")
    path.rename(aside)
    yield
    aside.rename(path)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[None]:
    aside = path.with_name("aside")
    path.rename(aside)
    shutil.copy(aside, path)
    yield
    aside.replace(path)


@contextlib.contextmanager
def emptied(path: Path) -> Iterator[None]:
    content = path.read_bytes()
    os.truncate(path, 0)
    yield
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("trouble", "name", "word"),
    [
        (removed, "talkd.db", "was removed"),
        (replaced, "talkd.db", "was replaced"),
        (emptied, "talkd.db", "was emptied"),
        (removed, "talkd.db-wal", "was removed"),
    ],
)
def test_a_missing_file_stops_writes(
    trouble: Any, name: str, word: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    ann.say(token, "before")
    with trouble(Path(server.config.data) / name):
        answer = ann.request("POST", f"v1/chat/{token}", message="lost")
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert server.client().get("/healthz").status_code == 503
    said = [record.__dict__["values"]["reason"] for record in caplog.records if record.message == "database_displaced"]
    assert len(said) == 1
    assert word in said[0]
    ann.say(token, "after")
    until = time.monotonic() + 20
    while server.client().get("/healthz").status_code != 200:
        assert time.monotonic() < until, "the server does not notice that the file is back"
        time.sleep(0.05)


def test_a_missing_file_is_noticed_without_a_write(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with removed(Path(server.config.data) / "talkd.db"):
        until = time.monotonic() + 20
        while "database_displaced" not in [record.message for record in caplog.records]:
            assert time.monotonic() < until, "the server does not notice that the file is missing"
            time.sleep(0.05)


def test_a_corrupt_file_is_noticed(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    for number in range(300):
        ann.say(token, f"{number} " + "x" * 1000)
    server.stop()
    path = Path(server.config.data) / "talkd.db"
    with path.open("r+b") as file:
        for page in range(path.stat().st_size // 4096):
            file.seek(page * 4096)
            if b"x" * 900 in file.read(4096):  # a page of messages, which a start does not read
                file.seek(page * 4096)
                file.write(b"\xff" * 4096)
    with caplog.at_level(logging.INFO):
        server.start()
        again = Person(server.client(ann.id), ann.id)
        codes = {again.status("GET", f"v1/chat/{token}", lookIntoFuture=0, limit=200) for _ in range(3)}
    assert codes == {503}
    assert [record.message for record in caplog.records].count("database_corrupt") == 1
    assert server.client().get("/healthz").status_code == 503


async def wal_of_new(path: Path) -> bytes:
    """Create a database. Return the content of its log before it was closed."""
    database = SqliteDatabase(path)
    await database.open()
    kept = path.with_name("talkd.db-wal").read_bytes()
    await database.close()
    return kept or b"changes"


@pytest.mark.parametrize("how", ["no database", "an empty one", "an empty one alone"])
def test_a_start_with_an_incomplete_database_is_refused(how: str, tmp_path: Path) -> None:
    path = tmp_path / "talkd.db"
    kept = asyncio.run(wal_of_new(path))
    if how != "an empty one alone":
        path.with_name("talkd.db-wal").write_bytes(kept)
    if how == "no database":
        path.unlink()
    else:
        os.truncate(path, 0)
    before = sorted((file.name, file.stat().st_size) for file in tmp_path.iterdir())
    with pytest.raises(DatabaseIncomplete, match="restore a backup"):
        asyncio.run(SqliteDatabase(path).open())
    assert sorted((file.name, file.stat().st_size) for file in tmp_path.iterdir()) == before


def be_cut_off(path: Path) -> None:
    os.truncate(path, 1)


def have_no_tables(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("VACUUM")


def be_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def be_on_a_missing_disk(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "disk" / "talkd.db")


def be_a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize("how", [be_cut_off, have_no_tables, be_a_folder, be_on_a_missing_disk, be_a_link_to_itself])
def test_a_start_does_not_replace_a_damaged_database(how: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "talkd.db"
    asyncio.run(wal_of_new(path))
    how(path)
    before = path.lstat().st_ino
    with pytest.raises(DatabaseIncomplete, match=r"talkd\.db (is|has)"):
        asyncio.run(SqliteDatabase(path).open())
    assert path.lstat().st_ino == before
