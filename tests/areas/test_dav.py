"""Folders and files over WebDAV."""

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.files import DAV, Files, properties_of
from support.people import Person
from support.running import Server
from talkd.areas.dav.search_model import like
from talkd.areas.files import service as tree
from talkd.areas.files.model import numbered, require_name


@pytest.fixture
def files(server: Server) -> Files:
    """The files of a new account."""
    return Files(server.add_user("dora"))


def test_a_file_is_read_as_it_was_written(files: Files) -> None:
    assert files.put("/a.txt", b"first").status_code == 201
    assert files.get("/a.txt") == b"first"
    assert files.put("/a.txt", b"second, longer").status_code == 204
    assert files.get("/a.txt") == b"second, longer"
    assert files.put("/empty", b"").status_code == 201
    assert files.get("/empty") == b""


def test_the_answer_to_an_upload_names_the_file(files: Files) -> None:
    answer = files.put("/a.txt", b"first", X_OC_MTime="1600000000")
    listed = files.list("/a.txt", 0, "d:getetag", "oc:id", "oc:fileid", "d:getlastmodified")["/a.txt"]
    assert answer.headers["etag"] == answer.headers["oc-etag"] == listed["getetag"]
    assert answer.headers["oc-fileid"] == listed["id"]
    assert int(listed["fileid"]) == int(listed["id"][:8])
    assert answer.headers["x-oc-mtime"] == "accepted"
    assert listed["getlastmodified"] == formatdate(1600000000, usegmt=True)


def test_contents_have_a_new_tag_after_every_change(files: Files) -> None:
    tags = {files.put("/a.txt", content).headers["etag"] for content in (b"1", b"2", b"1")}
    assert len(tags) == 3


def test_an_upload_happens_only_if_its_condition_holds(files: Files) -> None:
    tag = files.put("/a.txt", b"1", If_None_Match="*").headers["etag"]
    assert files.status("PUT", "/a.txt", b"2", If_None_Match="*") == 412
    assert files.status("PUT", "/a.txt", b"2", If_Match='"other"') == 412
    assert files.status("PUT", "/b.txt", b"2", If_Match=tag) == 412
    assert files.status("PUT", "/a.txt", b"2", If_Match=tag) == 204
    assert files.get("/a.txt") == b"2"
    assert files.status("GET", "/b.txt") == 404


def test_a_wrong_checksum_refuses_the_upload(files: Files) -> None:
    right = hashlib.sha1(b"abc", usedforsecurity=False).hexdigest()
    assert files.status("PUT", "/a.txt", b"abc", OC_Checksum=f"SHA1:{right}") == 201
    assert files.status("PUT", "/a.txt", b"abd", OC_Checksum=f"SHA1:{right}") == 400
    assert files.get("/a.txt") == b"abc"


def test_a_checksum_is_told_to_the_clients_of_the_account_that_sent_it(files: Files, alice: Person) -> None:
    right = hashlib.sha1(b"abc", usedforsecurity=False).hexdigest()
    files.put("/a.txt", b"abc", OC_Checksum=f"sha1:{right.upper()}")
    assert files.move("/a.txt", "/b.txt", "COPY") == 201
    assert f"<oc:checksums><oc:checksum>SHA1:{right}</oc:checksum></oc:checksums>" in checksums(files, "/b.txt")
    assert files.request("HEAD", "/b.txt").headers["oc-checksum"] == f"SHA1:{right}"
    Files(alice).put("/a.txt", b"abc")
    assert "<oc:checksums/>" in checksums(Files(alice), "/a.txt")
    files.put("/b.txt", b"abcd")
    assert "<oc:checksums/>" in checksums(files, "/b.txt")


def checksums(files: Files, path: str) -> str:
    body = '<d:propfind xmlns:d="DAV:"><d:prop><c:checksums xmlns:c="http://owncloud.org/ns"/></d:prop></d:propfind>'
    return files.request("PROPFIND", path, body, Depth="0").text


def test_folders_are_made_one_by_one(files: Files) -> None:
    assert files.status("MKCOL", "/a/b") == 409
    assert files.status("MKCOL", "/a") == 201
    assert files.status("MKCOL", "/a/b") == 201
    assert files.status("MKCOL", "/a") == 405
    assert files.status("MKCOL", "/c", b"<x/>", Content_Type="application/xml") == 415
    assert files.status("PUT", "/missing/a.txt", b"") == 409
    assert files.status("PUT", "/a", b"") == 409
    assert files.status("PUT", "/x/y/a.txt", b"1", X_NC_WebDAV_Auto_Mkcol="1") == 201
    assert set(files.list("/x")) == {"/x/", "/x/y/"}


def test_libraries_find_folders_with_head(files: Files) -> None:
    files.status("MKCOL", "/a")
    assert [files.status("HEAD", path) for path in ("", "/", "/a", "/a/", "/b")] == [200, 200, 200, 200, 404]
    assert files.status("GET", "/a") == 405


def test_no_part_of_a_file_is_taken_for_the_whole(files: Files) -> None:
    """Old libraries send files in parts to the folder itself, and say so in a header."""
    assert files.status("PUT", "/a.bin-chunking-1-3-0", b"1", OC_Chunked="1") == 400
    assert files.status("PUT", "/a.bin", b"1", Content_Range="bytes 0-0/3") == 400
    assert len(files.list("/")) == 1


def test_a_file_above_the_limit_is_refused_in_the_language_of_webdav(
    server: Server, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.config.files, "max_file", 3)
    answer = files.request("PUT", "/a.txt", b"1234")
    assert (answer.status_code, ET.fromstring(answer.content).tag) == (413, f"{DAV}error")
    assert files.status("PUT", "/a.txt", b"123") == 201


def test_folders_have_the_size_of_everything_in_them(files: Files) -> None:
    files.put("/a/b/one", b"123", X_NC_WebDAV_Auto_Mkcol="1")
    files.put("/a/two", b"45678")
    assert files.list("/a", 0, "oc:size")["/a/"]["size"] == "8"
    before = files.list("/", 0, "d:getetag")["/"]["getetag"]
    files.put("/a/two", b"4")
    assert files.list("/a", 0, "oc:size")["/a/"]["size"] == "4"
    assert files.list("/", 0, "d:getetag")["/"]["getetag"] != before
    assert files.status("DELETE", "/a/b") == 204
    assert files.list("/a", 0, "oc:size")["/a/"]["size"] == "1"
    assert files.list("/", 0, "d:quota-used-bytes")["/"]["quota-used-bytes"] == "1"


def test_a_listing_has_what_the_apps_ask_for(files: Files) -> None:
    files.put("/pic.jpg", b"x" * 9)
    names = "d:displayname d:getcontenttype d:getcontentlength d:resourcetype oc:permissions oc:size oc:favorite"
    names += (
        " oc:owner-id oc:owner-display-name oc:comments-unread nc:is-encrypted nc:mount-type nc:has-preview nc:note"
    )
    listed = files.list("/", 1, *names.split())
    assert listed["/pic.jpg"] == {
        "displayname": "pic.jpg",
        "getcontenttype": "image/jpeg",
        "getcontentlength": "9",
        "resourcetype": "",
        "permissions": "RGDNVW",
        "size": "9",
        "favorite": "0",
        "owner-id": files.person.id,
        "owner-display-name": "Dora",
        "comments-unread": "0",
        "is-encrypted": "0",
        "mount-type": "",
        "has-preview": "true",
        "note": "",
    }
    assert listed["/"]["resourcetype"] == [f"{DAV}collection"]
    assert set(files.list("/", 0)) == {"/"}


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=4-", 206, b"456789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=3-1", 200, b"0123456789"),
        ("bytes=0-1,4-5", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_a_part_of_a_file_is_served(files: Files, header: str, status: int, content: bytes) -> None:
    files.put("/a", b"0123456789")
    answer = files.request("GET", "/a", Range=header)
    assert (answer.status_code, answer.content) == (status, content)
    assert (answer.headers.get("content-range") is not None) == (status != 200)


def test_a_client_that_has_the_file_gets_no_contents(files: Files) -> None:
    tag = files.put("/a", b"0123456789").headers["etag"]
    assert files.request("GET", "/a", If_None_Match=tag).status_code == 304
    assert files.request("GET", "/a", Range="bytes=2-3", If_Range=tag).content == b"23"
    assert files.request("GET", "/a", Range="bytes=2-3", If_Range='"old"').content == b"0123456789"
    head = files.request("HEAD", "/a")
    assert (head.headers["content-length"], head.content) == ("10", b"")


def test_entries_are_moved_and_copied(files: Files) -> None:
    files.put("/a/one", b"1", X_NC_WebDAV_Auto_Mkcol="1")
    assert files.move("/a", "/b") == 201
    assert files.move("/b", "/copy", "COPY") == 201
    assert files.move("/b", "/flat", "COPY", Depth="0") == 201
    assert set(files.list("/flat")) == {"/flat/"}
    files.put("/copy/one", b"2")
    assert (files.get("/b/one"), files.get("/copy/one")) == (b"1", b"2")
    assert files.status("GET", "/a/one") == 404
    assert files.move("/b/one", "/copy/one", Overwrite="F") == 412
    assert files.move("/b/one", "/copy/one") == 204
    assert files.get("/copy/one") == b"1"
    assert files.move("/copy", "/copy/inside") == 403
    assert files.move("/copy", "/missing/x") == 409
    assert files.move("/nothing", "/x") == 404
    assert files.list("/", 0, "oc:size")["/"]["size"] == "1"


@pytest.mark.parametrize("name", ["..", ".", "a\\b", ".htaccess", "x.part", "n" * 251, "€" * 86])
def test_no_entry_gets_a_forbidden_name(files: Files, name: str) -> None:
    files.put("/known")
    quoted = "".join(f"%{byte:02X}" for byte in name.encode())
    url = f"{files.person.http.base_url}{files.root}/{quoted}"
    assert files.person.http.request("PUT", url, content=b"x").status_code in (400, 405)
    assert files.person.http.request("MKCOL", url).status_code in (400, 405)
    assert files.move("/known", f"/{name}") in (400, 403)
    assert set(files.list("/")) == {"/", "/known"}


@pytest.mark.parametrize("name", ["Ünïcode ✓", "a b+c&d#e?f", "100%", "<script>", "'\"", " x "])
def test_any_other_name_works(files: Files, name: str) -> None:
    files.put(f"/{name}", b"1")
    assert files.list("/", 1, "d:displayname")[f"/{_shown(name)}"]["displayname"] == name
    assert files.get(f"/{name}") == b"1"
    assert files.status("DELETE", f"/{name}") == 204


def _shown(name: str) -> str:
    return quote(name, safe="!$&'()*+,;=:@~")


def test_nobody_reaches_the_files_of_others(files: Files, alice: Person) -> None:
    files.put("/secret", b"1")
    others = Files(alice, files.root)
    for method in ("GET", "HEAD", "PROPFIND", "DELETE", "MKCOL", "PUT", "PROPPATCH"):
        assert others.status(method, "/secret") == 404, method
    assert others.move("/secret", "/mine") == 404
    base = str(alice.http.base_url).rstrip("/")
    Files(alice).put("/own", b"2")
    assert Files(alice).status("MOVE", "/own", Destination=f"{base}{files.root}/x") == 403
    assert files.get("/secret") == b"1"


def test_the_answer_to_a_move_names_the_entry(files: Files) -> None:
    made = files.put("/a", b"1").headers["oc-fileid"]
    base = str(files.person.http.base_url).rstrip("/")
    moved = files.request("MOVE", "/a", Destination=f"{base}{files.root}/b")
    copied = files.request("COPY", "/b", Destination=f"{base}{files.root}/c")
    listed = files.list("/", 1, "oc:id", "d:getetag")
    assert moved.headers["oc-fileid"] == listed["/b"]["id"] == made
    assert copied.headers["oc-fileid"] == listed["/c"]["id"] != made
    assert (moved.headers["etag"], copied.headers["etag"]) == (listed["/b"]["getetag"], listed["/c"]["getetag"])


def test_everything_in_all_folders_is_listed_if_a_client_asks(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/a/b/c", "/a/d", "/e"):
        files.put(path, b"1", X_NC_WebDAV_Auto_Mkcol="1")
    listed = files.request("PROPFIND", "/", Depth="infinity")
    assert set(properties_of(listed.content, files.root)) == {"/", "/a/", "/a/b/", "/a/b/c", "/a/d", "/e"}
    monkeypatch.setattr("talkd.areas.dav.service.MAX_LISTED", 3)
    assert files.status("PROPFIND", "/", Depth="infinity") == 403
    assert files.status("PROPFIND", "/", Depth="1") == 207


def test_the_old_address_has_the_same_files(files: Files) -> None:
    files.put("/a", b"1")
    old = Files(files.person, "/remote.php/webdav")
    assert old.get("/a") == b"1"
    assert set(old.list("/")) == {"/", "/a"}
    assert old.move("/a", "/b") == 201
    assert files.get("/b") == b"1"


def test_a_file_is_found_by_its_id(files: Files, alice: Person) -> None:
    files.put("/x/deep name", b"1", X_NC_WebDAV_Auto_Mkcol="1")
    number = files.list("/x/deep name", 0, "oc:fileid")["/x/deep%20name"]["fileid"]
    query = (
        '<d:searchrequest xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:basicsearch><d:select><d:prop>'
        "<d:displayname/></d:prop></d:select><d:from><d:scope><d:href>/files/x</d:href><d:depth>infinity</d:depth>"
        "</d:scope></d:from><d:where><d:eq><d:prop><oc:fileid/></d:prop><d:literal>"
        f"{number}</d:literal></d:eq></d:where></d:basicsearch></d:searchrequest>"
    )
    answer = files.person.http.request("SEARCH", f"{files.person.http.base_url}/remote.php/dav/", content=query)
    assert answer.status_code == 207
    assert f"{files.root}/x/deep%20name" in answer.text
    stranger = alice.http.request("SEARCH", f"{alice.http.base_url}/remote.php/dav/", content=query)
    assert stranger.status_code == 207
    assert "href" not in stranger.text


def test_nobody_searches_the_files_of_others(files: Files, alice: Person) -> None:
    files.put("/secret", b"1")
    searches = {
        user: (
            '<d:searchrequest xmlns:d="DAV:"><d:basicsearch><d:from><d:scope><d:href>'
            f"/files/{user}</d:href></d:scope></d:from><d:where><d:like><d:prop><d:displayname/></d:prop>"
            "<d:literal>%secret%</d:literal></d:like></d:where></d:basicsearch></d:searchrequest>"
        )
        for user in (files.person.id, alice.id)
    }
    url = "/remote.php/dav/"
    assert f"{files.root}/secret" in files.person.http.request("SEARCH", url, content=searches[files.person.id]).text
    assert alice.http.request("SEARCH", url, content=searches[files.person.id]).status_code == 404
    Files(alice).put("/own", b"1")
    assert "href" not in alice.http.request("SEARCH", url, content=searches[alice.id]).text


@pytest.mark.parametrize("where", ["", "<d:where/>", "<d:where><d:near/></d:where>", "<d:where><d:not/></d:where>"])
def test_other_searches_are_refused(files: Files, where: str) -> None:
    body = f'<d:searchrequest xmlns:d="DAV:"><d:basicsearch>{where}</d:basicsearch></d:searchrequest>'
    assert files.person.http.request("SEARCH", "/remote.php/dav/", content=body).status_code == 400


@given(st.text("ab%_", max_size=8), st.text("ab", max_size=8))
def test_patterns_of_searches_mean_what_they_mean_in_sql(pattern: str, text: str) -> None:
    form = "".join({"%": ".*", "_": "."}.get(character, character) for character in pattern)
    assert like(pattern)(text) == (re.fullmatch(form, text) is not None)


def test_the_time_of_the_last_change_can_be_set(files: Files) -> None:
    files.put("/a", b"1")
    body = (
        '<propertyupdate xmlns="DAV:"><set><prop><lastmodified>1500000000</lastmodified></prop></set></propertyupdate>'
    )
    assert " 200 OK" in files.request("PROPPATCH", "/a", body).text
    assert files.list("/a", 0, "d:getlastmodified")["/a"]["getlastmodified"] == formatdate(1500000000, usegmt=True)
    other = '<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>'
    assert " 403 " in files.request("PROPPATCH", "/a", other).text


def test_xml_with_a_doctype_is_refused(files: Files) -> None:
    body = '<!DOCTYPE x [<!ENTITY a "aaaa">]><propfind xmlns="DAV:"><prop><x>&a;</x></prop></propfind>'
    answer = files.request("PROPFIND", "/", body)
    assert answer.status_code == 400
    assert "s:exception" in answer.text


def test_deep_and_long_documents_are_refused(files: Files) -> None:
    deep = f'<propfind xmlns="DAV:">{"<prop>" * 900}{"</prop>" * 900}</propfind>'
    assert files.status("PROPFIND", "/", deep) == 400
    long = f'<propfind xmlns="DAV:"><prop>{"<displayname/>" * 2001}</prop></propfind>'
    assert files.status("PROPFIND", "/", long) == 400
    condition = "<eq><prop><displayname/></prop><literal>a</literal></eq>"
    where = f"<where><and>{condition * 21}</and></where>"
    scope = f"<from><scope><href>/files/{files.person.id}</href></scope></from>"
    search = f'<searchrequest xmlns="DAV:"><basicsearch>{scope}{where}</basicsearch></searchrequest>'
    assert files.person.http.request("SEARCH", "/remote.php/dav/", content=search).status_code == 400


def test_a_page_of_this_server_is_never_made_of_a_file(files: Files) -> None:
    files.put("/page.html", "<script>alert(1)</script>")
    answer = files.request("GET", "/page.html")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_file_is_renamed_to_a_type_that_is_not_allowed(databases: Any, new_server: Callable[..., Server]) -> None:
    config = databases.config("sqlite")
    config.files.types = ["image/*", "text/plain"]
    files = Files(new_server(config).add_user("dora"))
    files.put("/a.txt", b"MZ")
    assert files.status("PUT", "/a.exe", b"MZ") == 403
    for method in ("MOVE", "COPY"):
        assert files.move("/a.txt", "/a.exe", method) == 403
        assert files.move("/a.txt", "/b.txt", method) == 201
        files.move("/b.txt", "/a.txt")
    assert files.status("MKCOL", "/folder.exe") == 201
    assert files.move("/folder.exe", "/folder") == 201


def test_large_xml_is_refused(files: Files) -> None:
    long = f'<d:propfind xmlns:d="DAV:" xmlns:x="urn:{"x" * 300}"><d:prop><x:a/></d:prop></d:propfind>'
    many = f'<d:propfind xmlns:d="DAV:"><d:prop>{"<d:a/>" * 600}</d:prop></d:propfind>'
    large = f'<d:propfind xmlns:d="DAV:"><d:prop/>{" " * 70_000}</d:propfind>'
    assert [files.status("PROPFIND", "/", each) for each in (long, many, large)] == [400, 400, 413]


def test_an_impossible_time_does_not_hide_the_folder(files: Files) -> None:
    for number, moment in enumerate(("1764500000000", "-5", "nan", "inf", "1e300", "x")):
        files.put(f"/{number}", b"1", X_OC_MTime=moment)
    assert len(files.list("/")) == 7
    assert files.get("/0") == b"1"


def test_a_name_with_a_control_character_can_be_listed(files: Files) -> None:
    files.put("/a\x01b\x0b", b"1")
    listed = files.list("/", 1, "d:displayname")
    assert listed["/a%01b%0B"]["displayname"] == "a\ufffdb\ufffd"
    assert files.status("DELETE", "/a\x01b\x0b") == 204


def test_a_part_belongs_to_the_version_of_exactly_that_date(files: Files) -> None:
    files.put("/a", b"0123456789", X_OC_MTime="1700000000")
    for seconds, content in ((0, b"23"), (60, b"0123456789"), (-60, b"0123456789")):
        date = formatdate(1700000000 + seconds, usegmt=True)
        assert files.request("GET", "/a", Range="bytes=2-3", If_Range=date).content == content


def test_a_destination_that_is_not_encoded_is_refused(files: Files) -> None:
    files.put("/a", b"precious")
    files.put("/b", b"1")
    base = str(files.person.http.base_url).rstrip("/") + files.root
    for target in ("/a#b", "/a?b"):
        assert files.status("MOVE", "/b", Destination=base + target) == 400
    assert files.get("/a") == b"precious"


def test_a_removal_takes_what_is_there_when_the_tree_is_locked(server: Server, files: Files) -> None:
    files.put("/a", b"first contents")
    files.put("/other", b"first contents")
    user_id = files.person.id
    stale = server.read(lambda tx: tree.access_entry(tx, user_id, ("a",)))
    files.put("/a", b"second")
    for _ in range(2):
        server.write(lambda tx: tree.remove(tx, stale))
    server.run_job("delete_removed_files")
    assert files.get("/other") == b"first contents"
    assert files.list("/", 0, "oc:size")["/"]["size"] == str(len(b"first contents"))


@pytest.mark.parametrize("name", ["€" * 80 + ".jpg", "n" * 246 + ".jpg", "a.tar.gz", ".profile", "x"])
def test_a_numbered_name_is_allowed_again(name: str) -> None:
    require_name(numbered(name, 12345))
    assert numbered(name, 1) != numbered(name, 2)
