"""Folders with many entries are listed page by page, and are listed completely."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from support.files import Files, properties_of, send
from support.people import GROUP
from support.raw import PATIENCE, connection, head, read_all
from support.running import Server
from talkd.areas.dav import listing
from talkd.areas.dav import service as dav
from talkd.areas.files import service as tree
from talkd.areas.files.model import Limits
from talkd.core.errors import Unavailable
from talkd.storage.database import Tx
from talkd.storage.statements import Statement

MANY = 20_000
_FILL = Statement(
    sa.text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
        "INSERT INTO entries (user_id, parent_id, name, blob_id, media_type, etag) "
        "SELECT :user_id, CAST(:folder_id AS bigint), :before || i || :after, 1, 'image/jpeg', 'etag' FROM n"
    ).bindparams(
        sa.bindparam("count", type_=sa.BigInteger),
        *(sa.bindparam(name, type_=sa.Text) for name in ("user_id", "before", "after")),
        sa.bindparam("folder_id", type_=sa.BigInteger),
    )
)


@pytest.fixture
def files(server: Server) -> Files:
    """The files of a new account."""
    return Files(server.add_user("dora"))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders with three entries are large."""
    monkeypatch.setattr(listing, "SOME", 2)
    monkeypatch.setattr(listing, "PAGE", 3)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names after which pages were read."""
    read: list[str] = []
    list_page = dav.list_page

    async def note(tx: Tx, *args: Any, after: str, **more: Any) -> Any:
        read.append(after)
        return await list_page(tx, *args, after=after, **more)

    monkeypatch.setattr(dav, "list_page", note)
    return read


def fill(server: Server, files: Files, name: str, count: int) -> None:
    """Make a folder with many entries."""

    async def work(tx: Tx) -> None:
        folder = await tree.ensure_folder(tx, files.person.id, (name,), Limits())
        await tx.run(_FILL, count=count, user_id=files.person.id, folder_id=folder.id, before="photo ", after="")

    server.write(work)


def ask(files: Files, path: str, version: str = "1.1") -> bytes:
    """Return the bytes of a PROPFIND."""
    asked = head("PROPFIND", files.root + path, "Depth: 1", "Content-Length: 0", user=files.person)
    return asked.replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("count", range(8))
def test_every_entry_is_listed_once(files: Files, count: int) -> None:
    files.request("MKCOL", "/a")
    for number in range(count):
        files.put(f"/a/{number}", b"x" * number)
    listed = files.list("/a", 1, "oc:size")
    assert {path: each["size"] for path, each in listed.items()} == {
        "/a/": str(sum(range(count))),
        **{f"/a/{number}": str(number) for number in range(count)},
    }


@pytest.mark.usefixtures("small_pages")
def test_everything_in_all_folders_is_listed_once(files: Files) -> None:
    paths = {f"/{folder}/{inner}/{name}" for folder in "abcd" for inner in "xyz" for name in "1234"}
    for path in paths:
        files.put(path, b"", X_NC_WebDAV_Auto_Mkcol="1")
    folders = {f"{path[: end + 1]}" for path in paths for end in (0, 2, 4)}
    answer = files.request("PROPFIND", "/", Depth="infinity")
    assert set(properties_of(answer.content, files.root)) == paths | folders
    assert answer.text.count("<d:response>") == len(paths | folders)


def test_too_much_is_not_listed_at_once(server: Server, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dav, "MAX_LISTED", 3)
    files.put("/a/b", b"", X_NC_WebDAV_Auto_Mkcol="1")
    files.put("/a/c", b"")
    assert len(files.list("/", "infinity")) == 4
    files.put("/a/d", b"")
    assert files.status("PROPFIND", "/", Depth="infinity") == 403
    assert len(files.list("/a", 1)) == 4


def test_a_large_folder_is_read_as_fast_as_its_client_takes_it(server: Server, files: Files, pages: list[str]) -> None:
    fill(server, files, "many", MANY)
    with connection(server) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        made.sendall(ask(files, "/many"))
        assert made.recv(9) == b"HTTP/1.1 "
        server.wait_for(lambda: len(pages) > 2)
        assert files.status("PROPFIND", "/many", Depth="0") == 207
        assert len(pages) < MANY / listing.PAGE / 2
    assert len(files.list("/many", 1, "oc:fileid")) == MANY + 1


def test_clients_of_http_1_0_get_no_chunks(server: Server, files: Files) -> None:
    fill(server, files, "many", 1000)
    with connection(server) as made:
        made.sendall(ask(files, "/many", "1.0"))
        answer = read_all(made)
    start, _, content = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in start
    assert b"content-length" not in start
    assert len(properties_of(content, files.root)) == 1001


def test_a_listing_that_fails_is_cut_off(server: Server, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(server, files, "many", 1000)
    list_page: Callable[..., Any] = dav.list_page

    async def fail(tx: Tx, *args: Any, after: str, **more: Any) -> Any:
        if after:
            raise Unavailable(1, message="The database is away.")
        return await list_page(tx, *args, after=after, **more)

    monkeypatch.setattr(dav, "list_page", fail)
    with connection(server) as made:
        made.settimeout(PATIENCE)
        made.sendall(ask(files, "/many"))
        answer = read_all(made)
    assert answer.startswith(b"HTTP/1.1 207 ")
    assert not answer.endswith(b"0\r\n\r\n")


def test_the_first_free_name_is_found_among_thousands(server: Server, files: Files) -> None:
    person = files.person
    token = person.create_room(GROUP)
    first = int(send(person, token, name="a.txt")["messageParameters"]["file"]["id"])

    async def take_names(tx: Tx) -> None:
        entry = await tree.find_by_id(tx, first)
        assert entry is not None
        values = {"user_id": person.id, "folder_id": entry.parent_id, "before": "a (", "after": ").txt"}
        await tx.run(_FILL, count=3000, **values)

    server.write(take_names)
    assert send(person, token, name="a.txt")["messageParameters"]["file"]["name"] == "a (3001).txt"
    assert send(person, token, name="a.txt")["messageParameters"]["file"]["name"] == "a (3002).txt"
    names = person.post(f"v1/chat/{token}/attachment/folder", fileNames=["a.txt", "new.txt"])["renames"]
    assert names == [{"a.txt": "a (3003).txt"}]
