"""How many bytes and entries there may be, and how deep. What is checked does not grow with what is there."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from support.files import Files, send
from support.people import GROUP
from support.raw import connection, head, statuses
from support.running import Server
from talkd.areas.files import moving_service
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import MAX_DEPTH, Limits
from talkd.config import Config
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs, storage_use, uploads
from talkd.storage.statements import Statement

NewServer = Callable[[Config], Server]
SECONDS = 30

_USED = Statement(sa.select(storage_use.c.used))
_BLOBS = Statement(sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size), 0)))
_PIECES = Statement(sa.select(sa.func.coalesce(sa.func.sum(uploads.c.size), 0)))


@pytest.fixture
def files(server: Server) -> Files:
    """The files of a new account."""
    return Files(server.add_user("dora"))


@pytest.fixture(params=["sqlite", "postgres"])
def config(request: pytest.FixtureRequest, databases: Any) -> Config:
    """Settings for a new server, on each database."""
    made: Config = databases.config(request.param)
    return made


def uploads_of(files: Files) -> Files:
    """Return the unfinished uploads of an account."""
    return Files(files.person, files.root.replace("/files/", "/uploads/"))


def finish(files: Files, name: str, target: str) -> int:
    """Move the pieces of an upload to their place, and return the status."""
    base = str(files.person.http.base_url).rstrip("/")
    return uploads_of(files).status("MOVE", f"/{name}/.file", Destination=f"{base}{files.root}{target}")


async def get_use(tx: Tx) -> tuple[int, int]:
    """Return the bytes in use as they are noted, and as they are."""
    return int(await tx.value(_USED)), int(await tx.value(_BLOBS)) + int(await tx.value(_PIECES))


# --- bytes of all files ---------------------------------------------------------------------
def test_uploads_at_once_do_not_pass_the_total(config: Config, new_server: NewServer) -> None:
    config.files.total = 1000
    server = new_server(config)
    people = [Files(server.add_user("dora")) for _ in range(8)]
    with ThreadPoolExecutor(len(people)) as pool:
        statuses = pool.map(lambda each: each[1].status("PUT", "/a", bytes([each[0]]) * 300), enumerate(people))
    assert sorted(statuses) == [201] * 3 + [507] * 5
    assert server.read(get_use) == (900, 900)


def test_pieces_at_once_do_not_pass_the_total(config: Config, new_server: NewServer) -> None:
    config.files.total = 1000
    server = new_server(config)
    people = [Files(server.add_user("dora")) for _ in range(8)]
    for each in people:
        assert uploads_of(each).status("MKCOL", "/x") == 201
    with ThreadPoolExecutor(len(people)) as pool:
        statuses = pool.map(lambda each: uploads_of(each).status("PUT", "/x/1", bytes(300)), people)
    assert sorted(statuses) == [201] * 3 + [507] * 5
    assert server.read(get_use) == (900, 900)


def test_all_that_is_stored_is_counted_until_it_is_deleted(config: Config, new_server: NewServer) -> None:
    config.files.total = 1000
    server = new_server(config)
    files = Files(server.add_user("dora"))
    files.put("/a", b"a" * 400)
    files.put("/same", b"a" * 400)
    pieces = uploads_of(files)
    for name in "xyz":
        pieces.request("MKCOL", f"/{name}")
    pieces.put("/x/1", b"b" * 300)
    pieces.put("/x/1", b"c" * 600)
    assert files.status("PUT", "/b", b"b") == 507
    assert finish(files, "x", "/c") == 201
    assert server.read(get_use) == (1000, 1000)
    assert pieces.status("PUT", "/y/1", b"1") == 507
    assert files.status("DELETE", "/c") == 204
    server.run_job("delete_removed_files")
    assert server.read(get_use) == (400, 400)
    pieces.put("/y/1", b"d" * 100)
    pieces.put("/y/2", b"d" * 100)
    pieces.put("/z/1", b"d" * 100)
    assert pieces.status("DELETE", "/y/1") == 204
    assert pieces.status("DELETE", "/z") == 204
    assert server.read(get_use) == (500, 500)


@pytest.mark.parametrize("limit", [Limits(quota=1_000_000), Limits(total=1_000_000)])
def test_what_has_no_place_is_refused_when_it_is_too_much_and_not_at_its_end(
    server: Server, files: Files, limits: Contents, limit: Limits
) -> None:
    """The size is not announced, and the request never ends."""
    used = server.read(get_use)[0]
    limits.limits = Limits(limit.quota, limit.total and limit.total + used)
    token = files.person.create_room(GROUP)
    assert uploads_of(files).status("MKCOL", "/x") == 201
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    chat = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/attachment/send"
    for method, path, kind, start, refused in (
        ("PUT", f"{files.root}/a", "text/plain", b"", 507),
        ("PUT", f"{uploads_of(files).root}/x/1", "text/plain", b"", 507),
        ("POST", chat, "multipart/form-data; boundary=x", form, 413),
    ):
        headers = ("Transfer-Encoding: chunked", f"Content-Type: {kind}")
        content = start + bytes(2_500_000)
        with connection(server) as made:
            made.sendall(head(method, path, *headers, user=files.person) + b"%x\r\n%b\r\n" % (len(content), content))
            assert statuses(made.recv(1000)) == [refused]


# --- files and folders ----------------------------------------------------------------------
def test_a_file_in_a_form_is_not_larger_than_a_file_may_be(
    server: Server, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = files.person.create_room(GROUP)
    monkeypatch.setattr(server.config.files, "max_file", 1000)
    address = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/attachment/send"
    large = {"file": ("a.txt", b"x" * 1001)}
    assert files.person.http.post(address, files=large, headers={"OCS-APIRequest": "true"}).status_code == 413
    send(files.person, token, b"x" * 1000)


def test_an_account_has_a_limited_number_of_entries(files: Files, limits: Contents) -> None:
    limits.limits = Limits(entries=4)
    files.put("/a", b"")
    assert files.status("MKCOL", "/folder") == 201
    files.put("/folder/b", b"")
    assert files.status("PUT", "/x/c", b"", X_NC_WebDAV_Auto_Mkcol="1") == 507
    assert files.status("PROPFIND", "/x") == 404
    assert files.move("/folder", "/copy", "COPY") == 507
    assert files.move("/folder", "/copy", "COPY", Depth="0") == 201
    assert files.status("MKCOL", "/more") == 507
    assert files.status("PUT", "/more", b"") == 507
    files.put("/a", b"replaced")
    assert files.move("/folder", "/moved") == 201
    assert files.move("/moved/b", "/a", "COPY") == 204
    assert files.status("DELETE", "/moved") == 204
    files.put("/c", b"")
    files.put("/d", b"")
    assert files.status("PUT", "/e", b"") == 507


def test_pieces_count_as_entries(files: Files, limits: Contents) -> None:
    limits.limits = Limits(entries=4)
    files.put("/a", b"")
    pieces = uploads_of(files)
    pieces.request("MKCOL", "/x")
    for name in "123":
        pieces.put(f"/x/{name}", b"")
    assert pieces.status("PUT", "/x/4", b"") == 507
    pieces.put("/x/3", b"again")
    assert finish(files, "x", "/b") == 201
    pieces.request("MKCOL", "/y")
    pieces.put("/y/1", b"")


def test_files_in_rooms_count_as_entries(files: Files, limits: Contents) -> None:
    token = files.person.create_room(GROUP)
    limits.limits = Limits(entries=3)
    refused = files.person.http.post(
        f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/attachment/send",
        files={"file": ("a.txt", b"1")},
        headers={"OCS-APIRequest": "true"},
    )
    assert refused.status_code == 507
    limits.limits = Limits(entries=5)
    send(files.person, token)


@pytest.mark.parametrize("most", [Limits(entries=5), Limits(quota=2000)], ids=["entries", "bytes"])
def test_a_file_for_a_room_that_comes_again_needs_no_space(
    server: Server, files: Files, limits: Contents, monkeypatch: pytest.MonkeyPatch, most: Limits
) -> None:
    """A bot repeats a request if it got no answer, and its account may be full by then."""
    token = files.person.create_room(GROUP)
    monkeypatch.setattr(server.config.server, "max_body", 500)
    address = f"/ocs/v2.php/apps/spreed/api/v1/chat/{token}/attachment/send"
    limits.limits = most

    def send_again(reference_id: str) -> httpx.Response:
        return files.person.http.post(
            address,
            params={"referenceId": reference_id, "format": "json"},
            files={"file": ("a.txt", b"x" * 1500)},
            headers={"OCS-APIRequest": "true"},
        )

    first, second = send_again("one"), send_again("one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["ocs"]["data"]["id"] == first.json()["ocs"]["data"]["id"]
    assert send_again("two").status_code == 507


def test_a_folder_with_too_much_is_not_copied_at_once(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving_service, "MAX_COPIED", 3)
    files.put("/a/b/c", b"1", X_NC_WebDAV_Auto_Mkcol="1")
    files.put("/a/d", b"2")
    assert files.move("/a", "/three", "COPY") == 201
    files.put("/a/b/e", b"3")
    assert files.move("/a", "/four", "COPY") == 400
    assert files.status("PROPFIND", "/four") == 404
    assert files.move("/a", "/alone", "COPY", Depth="0") == 201
    assert files.move("/a", "/moved") == 201


# --- folders inside each other --------------------------------------------------------------
def make_line(files: Files, name: str, levels: int) -> str:
    """Create folders inside each other, and return the path of the innermost."""
    path = "/".join(["", name, *["d"] * (levels - 1)])
    files.put(f"{path}/file", b"x", X_NC_WebDAV_Auto_Mkcol="1")
    return path


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_nothing_gets_deeper_than_paths_reach(files: Files, method: str) -> None:
    deep = make_line(files, "a", 40)
    make_line(files, "b", 40)
    before = files.list("/", 0, "d:getetag", "oc:size")
    assert files.move("/b", f"{deep}/b", method) == 400
    assert files.list("/", 0, "d:getetag", "oc:size") == before
    room = "/".join(deep.split("/")[: MAX_DEPTH - 40])
    assert files.move("/b", f"{room}/b", method) == 201
    assert files.get("/".join([f"{room}/b", *["d"] * 39, "file"])) == b"x"
    assert files.move(f"{room}/b", f"{room}/d/bb", method) == 400
    assert files.move(f"{room}/b", f"{room}/bb", method) == 201


# --- deleting accounts ----------------------------------------------------------------------
def test_an_account_is_deleted_while_its_folders_are_copied(
    config: Config, new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite one transaction runs after the other, so only the result counts."""
    config.database.lock_timeout = 1
    server = new_server(config)
    files, reader = Files(server.add_user("dora")), server.add_user("erik")
    token = files.person.create_room(GROUP)
    files.person.add(token, reader)
    file_id = send(files.person, token)["messageParameters"]["file"]["id"]
    files.put("/a/b", b"kept", X_NC_WebDAV_Auto_Mkcol="1")
    files.put("/c/d", b"replaced", X_NC_WebDAV_Auto_Mkcol="1")
    copying, goes_on = threading.Event(), threading.Event()
    copy_inside = moving_service._copy_inside

    async def copy_slowly(tx: Tx, *args: Any) -> None:
        await copy_inside(tx, *args)
        copying.set()
        while config.database.url and not goes_on.is_set():
            await tx.value(Statement(sa.select(sa.func.pg_sleep(0.01))))

    monkeypatch.setattr(moving_service, "_copy_inside", copy_slowly)
    with ThreadPoolExecutor(1) as pool:
        copied = pool.submit(files.move, "/a", "/c", "COPY")
        assert copying.wait(SECONDS)
        try:
            deleted = server.admin.delete(f"/ocs/v2.php/cloud/users/{files.person.id}")
        finally:
            goes_on.set()
        assert deleted.status_code == 200, deleted.text
        assert copied.result() in ((404,) if config.database.url else (204,))
    assert reader.http.get(f"/f/{file_id}").status_code == 404
    again = Files(server.add_account(files.person.id, "Dora"))
    assert set(again.list("/", "infinity")) == {"/"}
    server.run_job("end_shares")
    server.run_job("delete_removed_files")
    assert server.read(get_use) == (0, 0)
