"""Uploads in pieces over WebDAV, with the requests of the apps (chunking version 2)."""

import hashlib
from email.utils import formatdate
from pathlib import Path

import pytest

from support.files import Files, assembling
from support.people import Person
from support.running import PASSWORD, Server
from support.time import set_date
from talkd.areas.dav import upload_model
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Limits

ANDROID_PIECE = 1_024_000


@pytest.fixture
def files(server: Server) -> Files:
    """The files of a new account."""
    return Files(server.add_user("dora"))


@pytest.fixture
def uploads(files: Files) -> Files:
    """The unfinished uploads of the same account."""
    return Files(files.person, files.root.replace("/files/", "/uploads/"))


def finish(uploads: Files, files: Files, name: str, target: str, **headers: str) -> int:
    """Move the pieces of an upload to their place, and return the status."""
    base = str(files.person.http.base_url).rstrip("/")
    return uploads.status("MOVE", f"/{name}/.file", Destination=f"{base}{files.root}{target}", **headers)


def stored(server: Server) -> set[str]:
    """Return the names of the objects in the storage, finished or not."""
    folder = Path(server.config.data) / "files"
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_android_sends_ranges_and_resumes(files: Files, uploads: Files) -> None:
    """The last range of Android ends with the size of the file (ChunkedFileUploader.kt)."""
    content = bytes(range(256)) * 9000
    name = hashlib.md5(content, usedforsecurity=False).hexdigest()
    starts = range(0, len(content) + 1, ANDROID_PIECE)
    ranges = {start: min(start + ANDROID_PIECE - 1, len(content)) for start in starts}
    assert uploads.status("MKCOL", f"/{name}") == 201
    assert uploads.status("MKCOL", f"/{name}") == 405
    for start, end in [*ranges.items()][::-1]:
        piece = content[start : end + 1]
        assert uploads.status("PUT", f"/{name}/{start:016}-{end:016}", piece) == 201
    listed = uploads.list(f"/{name}", 1, "d:displayname", "d:getcontentlength", "d:resourcetype")
    names = [each["displayname"] for each in listed.values()]
    assert names == [name, *(f"{start:016}-{end:016}" for start, end in ranges.items()), ".file"]
    assert listed[f"/{name}/"]["resourcetype"] != ""
    assert finish(uploads, files, name, "/Talk/film.mp4", Overwrite="T") == 409
    assert files.status("MKCOL", "/Talk") == 201
    assert finish(uploads, files, name, "/Talk/film.mp4", Overwrite="T") == 201
    assert files.get("/Talk/film.mp4") == content
    assert uploads.status("PROPFIND", f"/{name}") == 404


def test_a_file_that_ends_with_a_whole_piece_has_an_empty_one_after_it(files: Files, uploads: Files) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put(f"/x/{10:016}-{10:016}", b"")
    uploads.put(f"/x/{0:016}-{9:016}", b"0123456789")
    assert finish(uploads, files, "x", "/a") == 201
    assert files.get("/a") == b"0123456789"


def test_other_libraries_leave_the_last_byte_out_of_a_range(files: Files, uploads: Files) -> None:
    uploads.request("MKCOL", "/x")
    for start in range(0, 30, 10):
        uploads.put(f"/x/{start:015}-{start + 10:015}", b"0123456789")
    assert finish(uploads, files, "x", "/a") == 201
    assert files.get("/a") == b"0123456789" * 3


@pytest.mark.parametrize("first", [0, 1])
def test_numbered_pieces_are_sorted_as_numbers(files: Files, uploads: Files, first: int) -> None:
    """The web client and the desktop client count from 1, other libraries from 0."""
    base = str(files.person.http.base_url).rstrip("/")
    headers = {
        "Destination": f"{base}{files.root}/a.txt",
        "OC_Total_Length": "36",
        "X_OC_MTime": "1600000000",
    }
    assert uploads.status("MKCOL", "/web-file-upload-0123456789abcdef", **headers) == 201
    for number in range(11, -1, -1):
        piece = f"{number:03}".encode()
        assert uploads.status("PUT", f"/web-file-upload-0123456789abcdef/{number + first}", piece, **headers) == 201
    answer = uploads.request("MOVE", "/web-file-upload-0123456789abcdef/.file", **headers)
    assert answer.status_code == 201
    assert answer.headers["x-oc-mtime"] == "accepted"
    listed = files.list("/a.txt", 0, "oc:id", "d:getlastmodified", "d:getetag")["/a.txt"]
    assert (answer.headers["oc-fileid"], answer.headers["oc-etag"]) == (listed["id"], listed["getetag"])
    assert listed["getlastmodified"] == formatdate(1600000000, usegmt=True)
    assert files.get("/a.txt") == b"".join(f"{number:03}".encode() for number in range(12))


def test_a_piece_that_is_sent_again_replaces_the_first(server: Server, files: Files, uploads: Files) -> None:
    before = stored(server)
    uploads.request("MKCOL", "/x")
    assert uploads.status("PUT", "/x/1", b"wrong") == 201
    assert uploads.status("PUT", "/x/1", b"ri") == 204
    assert uploads.status("PUT", "/x/2", b"ght") == 201
    assert len(stored(server) - before) == 2
    assert uploads.list("/x", 1, "d:getcontentlength")["/x/1"]["getcontentlength"] == "2"
    assert finish(uploads, files, "x", "/a", OC_Total_Length="5") == 201
    assert files.get("/a") == b"right"
    assert len(stored(server) - before) == 1


def test_pieces_of_equal_contents_use_no_more_space(server: Server, files: Files, uploads: Files) -> None:
    files.put("/first", b"abcdef" * 10)
    before = stored(server)
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"abcdef" * 10)
    assert finish(uploads, files, "x", "/second") == 201
    assert not stored(server) - before
    assert files.status("DELETE", "/first") == 204
    server.run_job("delete_removed_files")
    assert files.get("/second") == b"abcdef" * 10


@pytest.mark.parametrize(
    "names",
    [
        ("1", "3"),
        ("2", "3"),
        ("1", "01"),
        ("0-3", "5-8"),
        ("0-3", "3-6"),
        ("0-3", "4-9"),
        ("4-7", "8-11"),
        ("0-3", "2"),
    ],
)
def test_an_upload_with_a_gap_makes_no_file(files: Files, uploads: Files, names: tuple[str, ...]) -> None:
    uploads.request("MKCOL", "/x")
    for name in names:
        uploads.put(f"/x/{name}", b"0123")
    assert finish(uploads, files, "x", "/a") == 400
    assert files.status("GET", "/a") == 404
    assert len(uploads.list("/x")) == 4


@pytest.mark.parametrize("name", ["x", "-1", "1-", "1-2-3", "1.5", "٣", ".file", "1/2"])
def test_pieces_have_numbers_as_names(uploads: Files, name: str) -> None:
    uploads.request("MKCOL", "/x")
    assert uploads.status("PUT", f"/x/{name}", b"1") in (400, 405)
    assert len(uploads.list("/x")) == 2


def test_a_wrong_size_or_checksum_makes_no_file(files: Files, uploads: Files) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"abc")
    uploads.put("/x/2", b"def")
    right = hashlib.sha1(b"abcdef", usedforsecurity=False).hexdigest()
    assert finish(uploads, files, "x", "/a", OC_Total_Length="7") == 400
    assert finish(uploads, files, "x", "/a", OC_Checksum=f"SHA1:{right[::-1]}") == 400
    assert files.status("GET", "/a") == 404
    assert finish(uploads, files, "x", "/a", OC_Checksum=f"SHA1:{right}", OC_Total_Length="6") == 201


def test_a_file_is_replaced_only_if_the_condition_holds(files: Files, uploads: Files) -> None:
    """The desktop client names the file that it knows in the header If."""
    tag = files.put("/a", b"old").headers["etag"]
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"new")
    assert finish(uploads, files, "x", "/a", Overwrite="F") == 412
    assert finish(uploads, files, "x", "/a", If_Match='"other"') == 412
    assert finish(uploads, files, "x", "/a", If=f'<{files.root}/a> (["other"])') == 412
    assert files.get("/a") == b"old"
    assert finish(uploads, files, "x", "/a", If=f"<{files.root}/a> ([{tag}])") == 204
    assert files.get("/a") == b"new"


def test_a_move_that_is_repeated_finds_no_upload(files: Files, uploads: Files) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"new")
    assert finish(uploads, files, "x", "/a") == 201
    assert finish(uploads, files, "x", "/a") == 404
    assert files.get("/a") == b"new"


def test_nobody_changes_an_upload_while_it_is_put_together(
    server: Server, files: Files, uploads: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"new")
    second = Files(Person(server.client(files.person.id), files.person.id), uploads.root)
    with assembling(monkeypatch, lambda: finish(second, files, "x", "/a")) as statuses:
        assert finish(uploads, files, "x", "/b") == 423
        assert uploads.status("PUT", "/x/1", b"other") == 423
        assert uploads.status("DELETE", "/x/1") == 423
        assert uploads.status("DELETE", "/x") == 423
        server.run_job("delete_abandoned_uploads")
    assert statuses == [201]
    assert files.get("/a") == b"new"
    assert set(files.list("/")) == {"/", "/a"}


def test_an_upload_is_cancelled(server: Server, files: Files, uploads: Files) -> None:
    before = stored(server)
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"new")
    uploads.put("/x/2", b"newer")
    assert uploads.status("DELETE", "/x/2") == 204
    assert set(uploads.list("/x")) == {"/x/", "/x/1", "/x/.file"}
    assert uploads.status("DELETE", "/x") == 204
    assert uploads.status("DELETE", "/x") == 404
    assert uploads.status("PUT", "/x/1", b"new") == 404
    assert finish(uploads, files, "x", "/a") == 404
    assert not stored(server) - before


def test_an_abandoned_upload_goes_after_a_day(server: Server, uploads: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored(server)
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"new")
    server.run_job("delete_abandoned_uploads")
    set_date(monkeypatch, 86_000)
    server.run_job("delete_abandoned_uploads")
    uploads.put("/x/2", b"new")
    set_date(monkeypatch, 2 * 86_000)
    server.run_job("delete_abandoned_uploads")
    assert len(uploads.list("/x")) == 4
    set_date(monkeypatch, 2 * 86_000 + 86_500)
    server.run_job("delete_abandoned_uploads")
    assert uploads.status("PROPFIND", "/x") == 404
    assert not stored(server) - before


def test_a_new_account_does_not_get_the_uploads_of_a_deleted_one(server: Server, uploads: Files) -> None:
    before = stored(server)
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"new")
    user_id = uploads.person.id
    server.admin.delete(f"/ocs/v2.php/cloud/users/{user_id}").raise_for_status()
    again = Files(server.add_account(user_id, "Dora"), uploads.root)
    assert again.status("PROPFIND", "/x") == 404
    server.run_job("delete_abandoned_uploads")
    assert not stored(server) - before


def test_unfinished_uploads_count_for_the_quota(files: Files, uploads: Files, limits: Contents) -> None:
    limits.limits = Limits(quota=100)
    files.put("/a", b"x" * 40)
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"x" * 40)
    assert uploads.status("PUT", "/x/2", b"x" * 21) == 507
    assert files.status("PUT", "/b", b"x" * 21) == 507
    assert uploads.status("PUT", "/x/2", b"x" * 20, OC_Total_Length="61") == 507
    assert uploads.status("PUT", "/x/2", b"x" * 20, OC_Total_Length="60") == 201
    assert finish(uploads, files, "x", "/b") == 201
    assert files.status("PUT", "/c", b"x") == 507
    limits.limits = Limits(quota=100, total=1)
    assert uploads.status("MKCOL", "/y") == 201
    assert uploads.status("PUT", "/y/1", b"xx") == 507


def test_an_upload_is_not_larger_than_a_file_may_be(server: Server, uploads: Files) -> None:
    server.config.files.max_file, before = 10, server.config.files.max_file
    try:
        uploads.request("MKCOL", "/x")
        uploads.put("/x/1", b"x" * 6)
        assert uploads.status("PUT", "/x/2", b"x" * 5) == 413
        assert uploads.status("PUT", "/x/2", b"x" * 4) == 201
    finally:
        server.config.files.max_file = before


def test_there_are_limits_for_pieces_and_uploads(uploads: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkd.areas.dav.upload_service.MAX_PIECES", 2)
    monkeypatch.setattr("talkd.areas.dav.upload_service.MAX_UPLOADS", 2)
    assert [uploads.status("MKCOL", f"/{name}") for name in "xyz"] == [201, 201, 403]
    assert [uploads.status("PUT", f"/x/{name}", b"1") for name in "1232"] == [201, 201, 400, 204]
    assert upload_model.MAX_PIECES == 10_000


def test_files_of_other_types_are_refused(files: Files, uploads: Files, limits: Contents) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"1")
    before = limits.limits
    limits.limits = Limits(types=("image/*",))
    try:
        assert finish(uploads, files, "x", "/a.txt") == 403
        assert finish(uploads, files, "x", "/a.png") == 201
    finally:
        limits.limits = before


def test_nobody_reaches_the_uploads_of_others(files: Files, uploads: Files, alice: Person) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"1")
    others = Files(alice, uploads.root)
    for method in ("MKCOL", "PROPFIND", "DELETE"):
        assert others.status(method, "/x") == 404, method
    assert others.status("PUT", "/x/1", b"2") == 404
    assert finish(others, Files(alice), "x", "/a") == 404
    own = Files(alice, Files(alice).root.replace("/files/", "/uploads/"))
    own.request("MKCOL", "/x")
    own.put("/x/1", b"1")
    assert finish(own, files, "x", "/a") == 403
    assert len(uploads.list("/x")) == 3


def test_only_the_whole_is_moved_and_only_to_a_file(files: Files, uploads: Files) -> None:
    uploads.request("MKCOL", "/x")
    uploads.put("/x/1", b"1")
    base = str(files.person.http.base_url).rstrip("/")
    assert uploads.status("MOVE", "/x/1", Destination=f"{base}{files.root}/a") == 405
    assert uploads.status("MOVE", "/x", Destination=f"{base}{files.root}/a") == 405
    assert uploads.status("MOVE", "/x/.file") == 400
    assert finish(uploads, files, "x", "/") == 405
    assert finish(uploads, files, "x", "/missing/a") == 409
    assert finish(uploads, files, "x", "/.htaccess") == 400
    assert uploads.status("MKCOL", "") == 405
    assert uploads.status("MKCOL", "/x/y") == 405
    assert finish(uploads, files, "x", "/missing/a", X_NC_WebDAV_Auto_Mkcol="1") == 201


def test_a_foreign_page_changes_no_files_with_the_cookie_of_a_browser(server: Server, files: Files) -> None:
    browser = server.browser()
    form = {"user": files.person.id, "password": PASSWORD}
    form["requesttoken"] = browser.get("/csrftoken").json()["token"]
    assert browser.post("/login", data=form).status_code == 303
    token = browser.get("/csrftoken").json()["token"]
    base = str(files.person.http.base_url).rstrip("/")
    upload = files.root.replace("/files/", "/uploads/") + "/x"
    steps: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("MKCOL", upload, {}),
        ("PUT", f"{upload}/1", {}),
        ("MOVE", f"{upload}/.file", {"Destination": f"{base}{files.root}/a"}),
        ("PUT", f"{files.root}/b", {}),
        ("DELETE", f"{files.root}/b", {}),
    )
    for method, path, headers in steps:
        assert browser.request(method, path, headers=headers).status_code == 412, method
        assert browser.request(method, path, headers=headers | {"requesttoken": token}).is_success, method
    assert set(files.list("/")) == {"/", "/a"}
