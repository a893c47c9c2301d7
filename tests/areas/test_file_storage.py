"""What uploads leave in the storage: on S3, on a full disk, with a scanner, and when something fails."""

import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.files import Files
from support.running import Server, free_port
from support.s3 import KEYS, S3, running_s3
from support.scanner import VIRUS, Daemon, running_scanner
from talkd.blobs.disk import DiskDraft
from talkd.blobs.s3 import PART
from talkd.config import Config

NewServer = Callable[[Config], Server]
MEGABYTE = 1 << 20


@pytest.fixture(params=["sqlite", "postgres"])
def config(request: pytest.FixtureRequest, databases: Any) -> Config:
    """Settings for a new server, on each database."""
    made: Config = databases.config(request.param)
    return made


def files_of(server: Server) -> Files:
    """Return the files of a new account."""
    return Files(server.add_user("dora"))


def put_in_pieces(files: Files, path: str, *pieces: bytes) -> int:
    """Upload a file in pieces, and return the status of the last request."""
    uploads = Files(files.person, files.root.replace("/files/", "/uploads/"))
    uploads.request("MKCOL", "/pieces")
    for number, piece in enumerate(pieces, 1):
        uploads.put(f"/pieces/{number}", piece)
    base = str(files.person.http.base_url).rstrip("/")
    return uploads.status("MOVE", "/pieces/.file", Destination=f"{base}{files.root}{path}")


def refusals(server: Server) -> dict[str, int]:
    """Return how many uploads were refused, by reason."""
    found = re.findall(r'talkd_uploads_refused_total\{reason="(\w+)"\} (\d+)', server.admin.get("/metrics").text)
    return {reason: int(count) for reason, count in found}


def stored(config: Config) -> list[Path]:
    """Return the files in the storage on the disk, with unfinished ones."""
    return [path for path in (Path(config.data) / "files").rglob("*") if path.is_file()]


# --- S3 -------------------------------------------------------------------------------------
@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 server whose credentials are in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with running_s3() as server:
        yield server


def test_files_are_kept_on_s3(config: Config, new_server: NewServer, s3: S3) -> None:
    config.files.storage = s3.url("talkd")
    server = new_server(config)
    files = files_of(server)
    large = os.urandom(PART * 2 + 100)
    files.put("/a.txt", b"first")
    files.put("/large", large)
    files.put("/copy", large)
    files.put("/empty", b"")
    assert files.get("/a.txt") == b"first"
    assert files.get("/empty") == b""
    assert files.get("/large") == files.get("/copy") == large
    assert files.get("/large", Range=f"bytes={PART}-{PART + 9}") == large[PART : PART + 10]
    server.wait_for(lambda: sorted(s3.list_objects("talkd").values()) == [0, 5, len(large)])
    assert not stored(config)
    assert files.status("DELETE", "/large") == 204
    assert files.get("/copy") == large
    assert files.status("DELETE", "/copy") == 204
    server.run_job("delete_removed_files")
    assert sorted(s3.list_objects("talkd").values()) == [0, 5]


def test_pieces_on_s3_become_a_file(config: Config, new_server: NewServer, s3: S3) -> None:
    config.files.storage = s3.url("talkd")
    files = files_of(new_server(config))
    pieces = (os.urandom(PART + 7), b"", os.urandom(1000))
    assert put_in_pieces(files, "/a", *pieces) == 201
    assert files.get("/a") == b"".join(pieces)
    assert list(s3.list_objects("talkd").values()) == [PART + 1007]
    s3.stop()
    uploads = Files(files.person, files.root.replace("/files/", "/uploads/"))
    assert uploads.status("MKCOL", "/x") == 201
    assert uploads.status("PUT", "/x/1", b"1") == 503
    s3.start()
    assert uploads.status("DELETE", "/x") == 204
    assert put_in_pieces(files, "/b", *pieces) == 201


def test_an_unreachable_storage_refuses_uploads_and_downloads_for_now(
    config: Config, new_server: NewServer, s3: S3
) -> None:
    config.files.storage = s3.url("talkd")
    files = files_of(new_server(config))
    files.put("/a.txt", b"first")
    s3.stop()
    for refused in (files.request("PUT", "/b.txt", b"second"), files.request("GET", "/a.txt")):
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
    assert files.status("GET", "/b.txt") == 404
    s3.start()
    files.put("/b.txt", b"second")
    assert files.get("/b.txt") == b"second"


# --- a full disk ----------------------------------------------------------------------------
@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 503)])
def test_an_upload_that_the_disk_does_not_take_leaves_nothing(
    config: Config, new_server: NewServer, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    server = new_server(config)
    files = files_of(server)
    files.put("/old", b"old")
    kept, write = stored(config), DiskDraft._write

    def write_a_part(draft: DiskDraft, content: bytes) -> None:
        write(draft, content[:1000])
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(DiskDraft, "_write", write_a_part)
        assert files.status("PUT", "/new", bytes(MEGABYTE)) == status
        assert files.status("PUT", "/old", bytes(MEGABYTE)) == status
    assert stored(config) == kept
    assert files.status("GET", "/new") == 404
    assert files.get("/old") == b"old"
    assert files.put("/new", b"new").status_code == 201


# --- a scanner ------------------------------------------------------------------------------
@pytest.fixture(params=["tcp", "unix"])
def scanner(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A scanner on a port, or on a Unix socket, whose path must be short."""
    with tempfile.TemporaryDirectory() as folder, running_scanner(_path(folder, request.param)) as daemon:
        yield daemon


def _path(folder: str, kind: str) -> Path | None:
    return Path(folder) / "clamd.ctl" if kind == "unix" else None


@pytest.fixture
def scanned(databases: Any, new_server: NewServer, scanner: Daemon) -> Server:
    """A server with the scanner."""
    config: Config = databases.config("sqlite")
    config.files.scanner = scanner.address
    return new_server(config)


def test_a_clean_file_is_kept_after_the_scanner_has_seen_it(scanned: Server, scanner: Daemon) -> None:
    files, content = files_of(scanned), os.urandom(2 * MEGABYTE + 5)
    files.put("/a", content)
    files.put("/empty", b"")
    assert scanner.received == [content, b""]
    assert files.get("/a") == content


def test_a_file_with_a_virus_is_refused_and_not_kept(scanned: Server) -> None:
    files = files_of(scanned)
    answer = files.request("PUT", "/a", bytes(MEGABYTE) + VIRUS)
    assert answer.status_code == 403
    assert "virus scanner" in answer.text
    assert files.status("GET", "/a") == 404
    assert not stored(scanned.config)


def test_a_virus_in_two_pieces_is_found(scanned: Server, scanner: Daemon) -> None:
    files = files_of(scanned)
    assert put_in_pieces(files, "/a", bytes(10) + VIRUS[:9], VIRUS[9:]) == 403
    assert scanner.received == [bytes(10) + VIRUS]
    assert files.status("GET", "/a") == 404
    uploads = Files(files.person, files.root.replace("/files/", "/uploads/"))
    assert uploads.status("DELETE", "/pieces") == 204
    assert not stored(scanned.config)


@pytest.mark.parametrize("answer", [None, b"INSTREAM size limit exceeded. ERROR\0", b"stream: \0"])
def test_a_file_is_refused_for_now_if_the_scanner_fails(scanned: Server, scanner: Daemon, answer: bytes | None) -> None:
    files = files_of(scanned)
    scanner.answer = answer
    for size in (10, 3 * MEGABYTE):
        assert files.status("PUT", "/a", bytes(size)) == 503
    assert files.status("GET", "/a") == 404
    assert not stored(scanned.config)
    scanner.answer = b""
    files.put("/a", b"later")


def test_a_file_is_refused_for_now_if_there_is_no_scanner(databases: Any, new_server: NewServer) -> None:
    config: Config = databases.config("sqlite")
    config.files.scanner = f"127.0.0.1:{free_port()}"
    files = files_of(new_server(config))
    answer = files.request("PUT", "/a", b"x")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert not stored(config)


# --- figures --------------------------------------------------------------------------------
def test_refused_uploads_are_counted_by_reason(
    databases: Any, new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_scanner() as scanner:
        config: Config = databases.config("sqlite")
        config.files.scanner, config.files.quota, config.files.types = scanner.address, 10, ["text/*"]
        server = new_server(config)
        files, before = files_of(server), refusals(server)
        assert files.status("PUT", "/a.txt", bytes(11)) == 507
        assert files.status("PUT", "/a.html", VIRUS[-40:]) == 507
        assert files.status("PUT", "/a.png", b"x") == 403
        assert files.status("PUT", "/a.txt", b"EICAR") == 403
        scanner.answer = None
        assert files.status("PUT", "/a.txt", b"x") == 503
        scanner.answer = b""

        def fail(_draft: DiskDraft) -> None:
            raise OSError(errno.EIO, "input/output error")

        monkeypatch.setattr(DiskDraft, "_finish", fail)
        assert files.status("PUT", "/a.txt", b"x") == 503
        after = refusals(server)
    assert {reason: after[reason] - before[reason] for reason in after} == {
        "space": 2,
        "type": 1,
        "virus": 1,
        "scanner": 1,
        "storage": 1,
    }
