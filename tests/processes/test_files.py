"""Uploads at several processes that share a database and a data folder."""

from pathlib import Path

import pytest

from support.company import at
from support.files import Files, assembling
from support.running import Server
from support.time import pass_time
from talkd.areas.dav import upload_service
from talkd.areas.dav.upload_model import CLAIMED
from talkd.web.uploads import Uploads


def finish(uploads: Files, target: str) -> int:
    base = str(uploads.person.http.base_url).rstrip("/")
    to = f"{base}{uploads.root.replace('/uploads/', '/files/')}{target}"
    return uploads.status("MOVE", "/x/.file", Destination=to)


def uploads_of(server: Server, files: Files) -> Files:
    return Files(at(server, files.person), files.root.replace("/files/", "/uploads/"))


def test_nobody_changes_an_upload_that_another_process_puts_together(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    files = Files(first.add_user("dora"))
    here, there = uploads_of(first, files), uploads_of(second, files)
    here.request("MKCOL", "/x")
    there.put("/x/1", b"new")
    with assembling(monkeypatch, lambda: finish(here, "/a")) as statuses:
        assert finish(there, "/b") == 423
        assert there.status("PUT", "/x/1", b"other") == 423
        assert there.status("DELETE", "/x") == 423
    assert statuses == [201]
    assert Files(at(second, files.person)).get("/a") == b"new"


def test_a_process_that_died_locks_an_upload_for_a_minute_only(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    files = Files(first.add_user("dora"))
    here, there = uploads_of(first, files), uploads_of(second, files)
    here.request("MKCOL", "/x")
    here.put("/x/1", b"new")
    first.write(lambda tx: upload_service.claim_pieces(tx, files.person.id, "x", None, "of a process that dies"))
    assert finish(there, "/a") == 423
    pass_time(monkeypatch, CLAIMED + 1)
    assert finish(there, "/a") == 201


def test_a_failed_attempt_gives_the_upload_back_at_once(pair: tuple[Server, Server]) -> None:
    first, second = pair
    files = Files(first.add_user("dora"))
    here, there = uploads_of(first, files), uploads_of(second, files)
    here.request("MKCOL", "/x")
    here.put("/x/1", b"new")
    assert finish(here, "/no/such/folder") == 409
    assert finish(there, "/a") == 201


def test_a_start_leaves_what_another_process_receives(pair: tuple[Server, Server]) -> None:
    first, second = pair
    uploads = first.app.world[Uploads]
    unfinished = uploads.get_folder() / "unfinished"
    unfinished.write_bytes(b"half")
    left = Path(first.config.data) / "incoming" / "of-a-process-that-died"
    left.mkdir()
    (left / "unfinished").write_bytes(b"half")
    second.restart()
    assert unfinished.exists()
    assert not left.exists()
