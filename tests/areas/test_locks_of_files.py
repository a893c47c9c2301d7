"""Changes of folders and of the rooms that show their files wait for each other, and none has to begin again."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.files import Files
from support.locks import wait_until_one_waits
from support.people import Person
from support.running import Server, unique
from support.time import stop_time
from talkd.areas.attachments import store as shares
from talkd.areas.attachments.model import GONE
from talkd.areas.files import service as tree
from talkd.areas.files import store
from talkd.conversation import room_store
from talkd.storage.database import Tx

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
DATE = (
    '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:lastmodified>1</d:lastmodified></d:prop></d:set>'
    "</d:propertyupdate>"
)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.status("PUT", "/Talk/a.txt", b"new"),
        lambda files: files.status("DELETE", "/Talk/a.txt"),
        lambda files: files.move("/b.txt", "/Talk/a.txt"),
        lambda files: files.move("/b.txt", "/Talk/a.txt", "COPY"),
        lambda files: files.status("PROPPATCH", "/Talk/a.txt", DATE),
        lambda files: files.person.status("DELETE", f"{SHARES}/{files.person.get(SHARES)[0]['id']}"),
    ],
    ids=["put", "delete", "move", "copy", "proppatch", "end of a share"],
)
def test_the_room_is_locked_before_the_folders(
    server: Server, alice: Person, token: str, monkeypatch: pytest.MonkeyPatch, change: Callable[[Files], int]
) -> None:
    """Whoever shares a file or changes its message locks the room first.

    In another order, each would wait for the other.
    """
    files = Files(alice)
    for path in ("/Talk/a.txt", "/b.txt"):
        files.put(path, X_NC_WebDAV_Auto_Mkcol="1")
    alice.post(SHARES, path="/Talk/a.txt", shareType=10, shareWith=token)
    message = alice.get(f"v1/chat/{token}", lookIntoFuture=0)[0]
    server.run_job("deliver_notifications")  # which locks the room, too
    monkeypatch.setattr("talkd.storage.postgres.RETRIES", 1)
    locked = asyncio.Event()

    async def as_somebody_who_shares(tx: Tx) -> None:
        room = await room_store.get_room(tx, token)
        assert room is not None
        await room_store.lock_room(tx, room.id)
        locked.set()
        await wait_until_one_waits(tx)
        await shares.set_list(tx, room.id, message["id"], "file")
        await tree.lock_tree(tx, alice.id)

    async def share() -> None:
        await server.app.world.db.write(as_somebody_who_shares)

    with ThreadPoolExecutor(2) as threads:
        sharing = threads.submit(server.run, share())
        server.run(locked.wait())
        assert threads.submit(change, files).result(30) in (200, 201, 204, 207)
        sharing.result(30)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.status("DELETE", "/Talk"),
        lambda files: files.move("/Talk", "/moved"),
        lambda files: files.move("/empty", "/Talk"),
        lambda files: files.move("/empty", "/Talk", "COPY"),
        lambda files: files.status("PROPPATCH", "/Talk", DATE),
    ],
    ids=["delete", "move", "replace by move", "replace by copy", "proppatch"],
)
def test_changing_a_folder_waits_for_no_room(
    server: Server, alice: Person, token: str, change: Callable[[Files], int]
) -> None:
    files = Files(alice)
    files.put("/Talk/a.txt", X_NC_WebDAV_Auto_Mkcol="1")
    assert files.status("MKCOL", "/empty") == 201
    alice.post(SHARES, path="/Talk/a.txt", shareType=10, shareWith=token)

    async def change_meanwhile(tx: Tx) -> int:
        room = await room_store.get_room(tx, token)
        assert room is not None
        await room_store.lock_room(tx, room.id)
        return await asyncio.to_thread(change, files)

    assert server.write(change_meanwhile) in (201, 204, 207)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_contents_are_locked_before_the_sum(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two send the same contents, one of them in pieces."""
    files, others = (Files(server.add_user(name)) for name in ("dora", "erik"))
    pieces = Files(files.person, files.root.replace("/files/", "/uploads/"))
    content = unique("content")
    pieces.request("MKCOL", "/x")
    pieces.put("/x/1", content)
    monkeypatch.setattr("talkd.storage.postgres.RETRIES", 1)
    stored = threading.Event()
    note_stored = store.note_stored

    async def note_stored_late(tx: Tx, by: int) -> None:
        if not stored.is_set():
            stored.set()
            await wait_until_one_waits(tx)
        await note_stored(tx, by)

    monkeypatch.setattr(store, "note_stored", note_stored_late)
    with ThreadPoolExecutor(1) as threads:
        putting = threads.submit(others.status, "PUT", "/a", content)
        assert stored.wait(30)
        address = str(files.person.http.base_url).rstrip("/") + files.root + "/a"
        assert pieces.status("MOVE", "/x/.file", Destination=address) == 201
        assert putting.result(30) == 201


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_contents_are_locked_in_one_order_however_often_they_are_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(server.add_user("dora"))
    for name in ("1", "2", "3"):
        files.put(f"/{name}", unique(name))

    async def use(tx: Tx) -> list[int]:
        found = [(await tree.access_entry(tx, files.person.id, (name,))).blob_id for name in ("1", "2", "3")]
        for blob_id in (*found, *found, found[1]):
            await store.use_again(tx, blob_id)
        return found

    first, second, third = server.write(use)
    monkeypatch.setattr("talkd.storage.postgres.RETRIES", 1)
    locked = asyncio.Event()

    async def release_one_by_one(tx: Tx) -> None:
        await store.release_blob(tx, second)
        locked.set()
        await wait_until_one_waits(tx)
        await store.release_blob(tx, third)

    with ThreadPoolExecutor(1) as threads:
        releasing = threads.submit(server.write, release_one_by_one)
        server.run(locked.wait())
        server.write(lambda tx: store.release_blobs(tx, [first, second, second, third]))
        releasing.result(30)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_an_account_is_deleted_while_pieces_become_a_file(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    files = Files(server.add_user("dora"))
    files.put("/a")
    pieces = Files(files.person, files.root.replace("/files/", "/uploads/"))
    pieces.request("MKCOL", "/x")
    pieces.put("/x/1")
    monkeypatch.setattr("talkd.storage.postgres.RETRIES", 1)
    finishing, put = threading.Event(), tree.put

    async def put_late(tx: Tx, *args: Any, **named: Any) -> tree.Put:
        finishing.set()
        await wait_until_one_waits(tx)
        return await put(tx, *args, **named)

    monkeypatch.setattr(tree, "put", put_late)
    with ThreadPoolExecutor(1) as threads:
        address = str(files.person.http.base_url).rstrip("/") + files.root + "/b"
        moving = threads.submit(pieces.status, "MOVE", "/x/.file", Destination=address)
        assert finishing.wait(30)
        assert server.admin.delete(f"/ocs/v2.php/cloud/users/{files.person.id}").status_code == 200
        assert moving.result(30) == 201


@contextlib.contextmanager
def held(server: Server, lock: Callable[[Tx], Awaitable[object]]) -> Iterator[None]:
    """Let a transaction hold a lock."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def hold(tx: Tx) -> None:
        await lock(tx)
        begun.set()
        await done.wait()

    async def hold_until_done() -> None:
        await server.app.world.db.write(hold)

    async def end() -> None:
        done.set()

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(server.run, hold_until_done())
        try:
            server.run(begun.wait())
            yield
        finally:
            server.run(end())
            holding.result(30)


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
def test_a_room_does_not_wait_until_the_folders_of_an_ended_share_are_free(
    server: Server, alice: Person, bob: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job ends the shares of many users."""
    for person in (alice, bob):
        Files(person).put("/Talk/b.txt", X_NC_WebDAV_Auto_Mkcol="1")
        person.post(SHARES, path="/Talk/b.txt", shareType=10, shareWith=token, expireDate="2027-01-16")
    stop_time(monkeypatch, 1_900_000_000)
    with held(server, lambda tx: tree.lock_tree(tx, alice.id)):
        server.run_job("end_shares")
        shown = [each["message"] for each in alice.get(f"v1/chat/{token}", lookIntoFuture=0)[:2]]
    assert shown == [GONE, GONE]
