"""A backup that was cut off, damaged or made by somebody else is refused in a sentence, and does no harm."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.safekeeping import (
    Tables,
    done,
    fill_every_table,
    read_archive,
    rewrite,
    run_on,
    write_archive,
)
from support.storages import folder_of
from talkd.backups import archive
from talkd.backups.archive import HEAD, header
from talkd.backups.archive_reader import verify
from talkd.backups.model import ArchiveRefused, Head
from talkd.config import Config

Rows = dict[str, list[tuple[Any, ...]]]
KEY = "ab" * 16


@pytest.fixture(scope="module")
def backup(databases: Any, loop_thread: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup with a row in every table and contents of a file."""
    folder = tmp_path_factory.mktemp("backup")
    config = databases.config("sqlite")
    fill_every_table(Tables(loop_thread, config))
    done(config, "backup", "--without-files", folder / "a.tar")
    head, _, rows, _ = read_archive(folder / "a.tar")
    write_archive(folder / "b.tar", msgspec.structs.replace(head, has_files=True), rows, {KEY: b"contents" * 200})
    return (folder / "b.tar").read_bytes()


def reason_against(content: bytes, folder: Path) -> str:
    """Return why a backup is refused."""
    path = folder / "x.tar"
    path.write_bytes(content)
    with pytest.raises(ArchiveRefused) as refused:
        verify(path, lambda _: None)
    return str(refused.value)


def refused(config: Config, path: Path, status: int = 4) -> str:
    """Restore a backup, which must be refused, and leave nothing. Return the sentence."""
    ended = run_on(config, "restore", path)
    assert ended.returncode == status, ended
    assert ended.stderr.count("\n") == 1
    assert not list(Path(config.data).glob("talkd.db*"))
    return ended.stderr


def test_every_cut_is_noticed(backup: bytes, tmp_path: Path) -> None:
    sizes = {*range(0, len(backup), 4096), *range(0, 2048, 100), *range(len(backup) - 2048, len(backup), 100)}
    for size in sorted(sizes - {len(backup)}):
        assert reason_against(backup[:size], tmp_path)
    assert "its end is missing" in reason_against(backup[: len(backup) // 2], tmp_path)


@settings(max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_changed_bit_is_noticed(
    backup: bytes, tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    changed = bytearray(backup)
    changed[int(place * len(backup))] ^= 1 << bit
    assert reason_against(bytes(changed), tmp_path_factory.getbasetemp())


def test_something_after_the_end_is_noticed(backup: bytes, tmp_path: Path) -> None:
    assert reason_against(backup + b"x", tmp_path)
    assert reason_against(backup + bytes(512), tmp_path)
    assert reason_against(backup + backup, tmp_path)


def tar_of(*members: tuple[str, bytes]) -> bytes:
    """Return a tar file as other programs write it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as file:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"x" * 100_000,
        bytes(100_000),
        gzip.compress(b"x"),
        tar_of(("etc/passwd", b"x")),
        tar_of((HEAD, b"{}")),
    ],
    ids=["empty", "a byte", "text", "zeros", "gzip", "another tar", "no head"],
)
def test_other_files_are_no_backups(content: bytes, tmp_path: Path) -> None:
    assert "is not a usable backup" in reason_against(content, tmp_path)


def test_a_folder_and_a_pipe_are_no_backups(databases: Any, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    config = databases.config("sqlite", empty=True)
    assert "it is not a file" in refused(config, tmp_path / "pipe")
    assert run_on(config, "restore", tmp_path).returncode == 2


@pytest.mark.parametrize(
    "name", ["files/../../x", "/etc/passwd", f"files/{KEY}/..", f"files/{KEY.upper()}", "files/x", "tables/rooms/1"]
)
def test_no_name_in_a_backup_becomes_a_path(name: str, backup: bytes, databases: Any, tmp_path: Path) -> None:
    old, new = f"files/{KEY}".encode(), name.encode()
    place = backup.index(old + b"\0")
    moment = tarfile.TarInfo.frombuf(backup[place : place + 512], "utf-8", "strict").mtime
    changed = backup[:place] + header(name, 1600, int(moment)) + backup[place + 512 :]
    assert new in changed
    path = tmp_path / "x.tar"
    path.write_bytes(changed)
    config = databases.config("sqlite", empty=True)
    assert "damaged or changed" in refused(config, path)
    assert not (Path(config.data) / "files").exists()


def test_links_and_devices_in_a_backup_are_refused(backup: bytes, tmp_path: Path) -> None:
    place = backup.index(f"files/{KEY}".encode() + b"\0")
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
        info = tarfile.TarInfo.frombuf(backup[place : place + 512], "utf-8", "strict")
        info.type, info.linkname = kind, "/etc/passwd"
        assert reason_against(backup[:place] + info.tobuf(tarfile.GNU_FORMAT) + backup[place + 512 :], tmp_path)


def test_a_portion_that_unpacks_to_too_much_is_refused(
    backup: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tar").write_bytes(backup)
    with monkeypatch.context() as patch:
        patch.setattr(archive, "MAX_PORTION", 1 << 40)
        rewrite(tmp_path / "a.tar", large)
    assert (tmp_path / "a.tar").stat().st_size < 10_000_000
    assert "damaged or changed" in reason_against((tmp_path / "a.tar").read_bytes(), tmp_path)


def large(head: Head, rows: Rows) -> Head:
    """Put a text of 100 MB into a row."""
    [room] = rows["rooms"]
    [table] = [table for table in head.tables if table.name == "rooms"]
    values = list(room)
    values[table.names.index("description")] = "x" * 100_000_000
    rows["rooms"] = [tuple(values)]
    return head


def renamed_table(head: Head, rows: Rows) -> Head:
    rows["sqlite_master"] = rows.pop("rooms")
    tables = [
        msgspec.structs.replace(each, name="sqlite_master") if each.name == "rooms" else each for each in head.tables
    ]
    return msgspec.structs.replace(head, tables=tuple(tables))


def without_a_table(head: Head, _: Rows) -> Head:
    return msgspec.structs.replace(head, tables=tuple(each for each in head.tables if each.name != "rooms"))


def without_a_column(head: Head, rows: Rows) -> Head:
    first, *others = head.tables
    rows[first.name] = [row[1:] for row in rows[first.name]]
    return msgspec.structs.replace(head, tables=(msgspec.structs.replace(first, columns=first.columns[1:]), *others))


def with_a_statement_as_a_name(head: Head, rows: Rows) -> Head:
    [table] = [table for table in head.tables if table.name == "rooms"]
    column = msgspec.structs.replace(table.columns[0], name='a"); DROP TABLE users; --')
    changed = msgspec.structs.replace(table, columns=(column, *table.columns[1:]))
    return msgspec.structs.replace(head, tables=tuple(changed if each is table else each for each in head.tables))


def with_another_type(head: Head, rows: Rows) -> Head:
    rows["rooms"] = [("text", *row[1:]) for row in rows["rooms"]]
    return head


def with_a_twin(head: Head, rows: Rows) -> Head:
    rows["rooms"] *= 2
    return head


def with_an_orphan(head: Head, rows: Rows) -> Head:
    del rows["rooms"]
    return head


def of_no_schema(head: Head, _: Rows) -> Head:
    return msgspec.structs.replace(head, schema="base")


@pytest.mark.parametrize("goal", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "change",
    [
        renamed_table,
        without_a_table,
        without_a_column,
        with_a_statement_as_a_name,
        with_another_type,
        with_a_twin,
        with_an_orphan,
        of_no_schema,
    ],
)
def test_rows_that_do_not_fit_are_refused_and_leave_nothing(
    change: Callable[[Head, Rows], Head], goal: str, backup: bytes, databases: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(backup)
    rewrite(path, change)
    config = databases.config(goal, empty=True)
    ended = run_on(config, "restore", path)
    assert ended.returncode in (4, 5), ended
    assert ended.stderr.count("\n") == 1
    path.write_bytes(backup)
    done(config, "restore", path)


def test_contents_without_a_row_are_only_stored(backup: bytes, databases: Any, tmp_path: Path) -> None:
    """A job of the server deletes them after a day, as everything that no row names."""
    path = tmp_path / "a.tar"
    path.write_bytes(backup)
    config = databases.config("sqlite", empty=True)
    done(config, "restore", path)
    assert {each.name: each.read_bytes() for each in folder_of(config).rglob("*") if each.is_file()} == {
        KEY: b"contents" * 200
    }
