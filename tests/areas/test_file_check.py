"""`talkd files`: what a check of the files finds and mends beside a running server."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from support.commands import run_command, run_talkd
from support.files import Files
from support.portraits import picture, set_of_room, set_own
from support.running import Server
from support.storages import folder_of, leave, stored
from support.time import stop_time
from talkd.areas.files import jobs
from talkd.config import Config
from talkd.core import clock
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, entries, storage_use
from talkd.storage.statements import Statement, bind

DAY = 86_400
OLD_KEY, NEW_KEY, UNFINISHED_KEY = "0a" + "1" * 30, "0b" + "2" * 30, "0c" + "3" * 30


@pytest.fixture(params=["sqlite", "postgres"])
def own(request: pytest.FixtureRequest, databases: Any, new_server: Callable[[Config], Server]) -> Server:
    """A server whose files no other test changes."""
    return new_server(databases.config(request.param))


@pytest.fixture
def files(own: Server) -> Files:
    """The files of Dora: `a`, and equal contents as `folder/b`."""
    made = Files(own.add_account("dora", "Dora"))
    made.put("/a", b"same")
    made.status("MKCOL", "/folder")
    made.put("/folder/b", b"same")
    made.put("/folder/c", b"other")
    return made


def check(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `talkd files check`."""
    where = {"DATA": server.config.data, "DATABASE_URL": server.config.database.url}
    settings = {name: value for name, value in where.items() if value}
    return run_talkd("files", "check", *words, **settings)


def found(server: Server, *words: str) -> dict[str, Any]:
    """Return what `talkd files check` finds, without what is in order."""
    report: dict[str, Any] = json.loads(check(server, "--json", *words).stdout)
    return {name: value for name, value in report.items() if value and name not in ("objects", "size")}


def change(server: Server, clause: sa.Executable, **values: Any) -> None:
    """Run a statement that makes the database wrong."""

    async def work(tx: Tx) -> None:
        await tx.run(Statement(clause), **values)

    server.write(work)


def key_of(server: Server, content: bytes) -> str:
    """Return the key of the contents with so many bytes."""

    async def work(tx: Tx) -> str:
        statement = Statement(sa.select(blobs.c.key).where(blobs.c.size == bind("size")))
        return str(await tx.value(statement, size=len(content)))

    return server.read(work)


def test_nothing_is_wrong_after_uploads_and_deletions(own: Server, files: Files) -> None:
    files.put("/a", b"changed")
    files.move("/folder", "/renamed")
    files.status("DELETE", "/renamed/c")
    own.run_job("delete_removed_files")
    done = check(own)
    assert (done.returncode, done.stdout) == (0, "2 in the storage, 11 B\nEverything is there.\n")


def test_contents_without_a_file_are_found_and_deleted_when_they_are_old(own: Server, files: Files) -> None:
    kept = stored(own.config)
    leave(own.config, OLD_KEY, age=3700)
    leave(own.config, UNFINISHED_KEY, is_finished=False, age=3700)
    leave(own.config, NEW_KEY, age=3500)
    done = check(own)
    assert done.returncode == 1
    assert f"1 without a file\n  {OLD_KEY}, 11 B\n1 unfinished\n  {UNFINISHED_KEY}, 11 B\n" in done.stdout
    assert "talkd files check --repair" in done.stdout
    assert set(stored(own.config)) == {*kept, OLD_KEY, UNFINISHED_KEY, NEW_KEY}
    done = check(own, "--repair")
    assert done.returncode == 0
    assert "1 without a file: deleted" in done.stdout
    assert set(stored(own.config)) == {*kept, NEW_KEY}
    assert check(own, "--repair", "--age", "0").returncode == 0
    assert stored(own.config) == kept
    assert files.get("/a") == files.get("/folder/b") == b"same"


def test_missing_contents_are_named_and_nothing_is_deleted(own: Server, files: Files) -> None:
    key = key_of(own, b"same")
    (folder_of(own.config) / key[:2] / key).unlink()
    for words in ((), ("--repair",)):
        done = check(own, *words)
        assert done.returncode == 1
        assert "2 whose contents are missing; restore them from a backup\n  dora: a\n  dora: folder/b\n" in done.stdout
    assert found(own)["missing"][0]["key"] == key
    assert set(files.list("/", 1)) == {"/", "/a", "/folder/"}
    assert files.status("GET", "/a") == 503


def test_missing_contents_of_pictures_are_named(own: Server, files: Files) -> None:
    token = files.person.create_room()
    set_own(files.person, picture())
    set_of_room(files.person, token, picture())
    [key] = set(stored(own.config)) - {key_of(own, b"same"), key_of(own, b"other")}
    assert check(own).returncode == 0
    assert "3 different contents" in (usage := run_command(own, "files", "usage"))
    assert usage.endswith("with 2 pictures of accounts and rooms\n")
    (folder_of(own.config) / key[:2] / key).unlink()
    assert f"  picture of the room {token}\n" in check(own).stdout
    assert f"  picture of {files.person.id}\n" in check(own, "--repair").stdout
    assert found(own)["missing"][0]["pictures"] == [
        {"user_id": "", "token": token},
        {"user_id": files.person.id, "token": ""},
    ]
    change(own, sa.delete(blobs).where(blobs.c.key == bind("key")), key=key)
    assert "2 without contents in the database\n  picture of the room" in check(own, "--repair").stdout


def test_contents_of_another_size_are_named(own: Server, files: Files) -> None:
    key = key_of(own, b"other")
    (folder_of(own.config) / key[:2] / key).write_bytes(b"oth")
    done = check(own, "--repair")
    assert done.returncode == 1
    assert "1 whose contents have a wrong size; restore them from a backup\n  dora: folder/c\n" in done.stdout
    assert files.status("GET", "/a") == 200


def test_a_wrong_sum_of_all_contents_is_corrected(own: Server, files: Files) -> None:
    uploads = Files(files.person, files.root.replace("/files/", "/uploads/"))
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"piece")
    assert not found(own)
    change(own, sa.update(storage_use).values(used=storage_use.c.used - 7))
    assert found(own) == {"wrong_use": -7}
    result = check(own, "--repair")
    assert result.returncode == 0
    assert "1 wrong sum of all contents: corrected\n  by -7 bytes\n" in result.stdout
    assert not found(own)


def test_folders_with_wrong_numbers_are_corrected(own: Server, files: Files) -> None:
    files.put("/folder/inner/d", b"four", X_NC_WebDAV_Auto_Mkcol="1")
    before = {path: each["size"] for path, each in files.list("/", "infinity", "oc:size").items()}
    wrong = {"size": entries.c.size + 5, "inside": entries.c.inside - 1}
    change(own, sa.update(entries).where((entries.c.name == "inner") | (entries.c.name == "dora")).values(**wrong))
    assert {place["path"] for place in found(own)["wrong_folders"]} == {"dora", "folder", "folder/inner"}
    result = check(own, "--repair")
    assert result.returncode == 0
    assert "3 with a wrong size or number of entries: corrected" in result.stdout
    assert not found(own)
    assert {path: each["size"] for path, each in files.list("/", "infinity", "oc:size").items()} == before


def test_wrong_counts_are_corrected(own: Server, files: Files) -> None:
    change(own, sa.update(blobs).where(blobs.c.size == bind("size")).values(uses=7), size=4)
    change(own, sa.update(blobs).where(blobs.c.size == bind("size")).values(uses=0), size=5)
    assert len(found(own)["wrong_counts"]) == 2
    assert check(own, "--repair").returncode == 0
    assert not found(own)
    for name in ("/a", "/folder/b"):
        files.status("DELETE", name)
    own.run_job("delete_removed_files")
    assert list(stored(own.config)) == [key_of(own, b"other")]
    assert files.get("/folder/c") == b"other"


def test_files_without_a_folder_are_recovered(own: Server, files: Files) -> None:
    files.put("/b", b"at the root")
    change(own, sa.delete(entries).where(entries.c.name == bind("name")), name="folder")
    assert {place["path"] for place in found(own)["lost"]} == {"b", "c"}
    done = check(own, "--repair")
    assert done.returncode == 0
    assert "2 in a folder that does not exist: moved to the folder Recovered files" in done.stdout
    assert not found(own)
    assert files.get("/Recovered files/b") == b"same"
    assert files.get("/Recovered files/c") == b"other"
    assert files.get("/b") == b"at the root"


def test_files_without_contents_in_the_database_are_named(own: Server, files: Files) -> None:
    change(own, sa.delete(blobs).where(blobs.c.size == bind("size")), size=5)
    done = check(own)
    assert done.returncode == 1
    assert "1 without contents in the database\n  dora: folder/c\n" in done.stdout
    assert files.status("GET", "/folder/c") == 404


def test_a_job_deletes_what_was_left_behind_more_than_a_day_ago(
    own: Server, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_time(monkeypatch, int(time.time()))
    kept, part = stored(own.config), jobs.get_part(clock.now())
    old, new, unfinished = (part + letter * 30 for letter in "abc")
    other = f"{(int(part, 16) + 128) % 256:02x}" + "d" * 30
    leave(own.config, old, age=DAY + 60)
    leave(own.config, unfinished, is_finished=False, age=DAY + 60)
    leave(own.config, new, age=DAY - 60)
    leave(own.config, other, age=DAY + 60)
    own.run_job("delete_contents_left_behind")
    assert set(stored(own.config)) == {*kept, new, other}
    assert files.get("/a") == b"same"


def test_a_job_looks_at_every_part_once_a_day() -> None:
    now = clock.now()
    looked_at = {jobs.get_part(now + number * jobs.PART_SECONDS) for number in range(256)}
    assert looked_at == {f"{number:02x}" for number in range(256)}
    assert 256 * jobs.PART_SECONDS <= DAY


def test_files_and_their_sizes_are_listed(own: Server, files: Files) -> None:
    own.add_account("erik", "Erik")
    Files(own.add_account("fred", "Fred")).put("/large", bytes(3 << 19))
    lines = run_command(own, "files", "list", "Dora").splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["a", "4", "B"], ["folder/", "9", "B"]] + [
        [name, size, "B"] for name, size in (("folder/b", "4"), ("folder/c", "5"))
    ]
    listed = json.loads(run_command(own, "files", "list", "dora", "--json"))
    assert [each["path"] for each in listed] == ["a", "folder", "folder/b", "folder/c"]
    assert run_command(own, "files", "list", "erik").splitlines() == ["NAME  SIZE  CHANGED"]
    usage = run_command(own, "files", "usage")
    assert [line.split() for line in usage.splitlines()] == [
        ["ACCOUNT", "FILES", "SIZE"],
        ["dora", "3", "13", "B"],
        ["fred", "1", "1.5", "MB"],
        ["3", "different", "contents,", "1.5", "MB", "in", "the", "storage"],
    ]
    assert json.loads(run_command(own, "files", "usage", "--json"))["size"] == (3 << 19) + 9
    assert "there is no account nobody" in run_talkd("files", "list", "nobody", DATA=own.config.data).stderr


def test_a_storage_that_cannot_be_reached_ends_the_check(own: Server) -> None:
    done = run_talkd("files", "check", DATA=own.config.data, FILES_STORAGE="s3://contents?endpoint=http://127.0.0.1:9")
    assert done.returncode == 1
    assert "S3 storage failed" in done.stderr
    assert "Traceback" not in done.stderr
