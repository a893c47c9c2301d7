"""Pictures of accounts and rooms in the storage of files: how often contents are used, and what is left behind."""

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from support.commands import run_talkd
from support.files import Files
from support.people import Person
from support.portraits import of_room, own, picture, set_of_room, set_own, store_old
from support.running import Server, free_port, set_interval
from support.s3 import KEYS, running_s3
from support.storages import folder_of, stored
from talkd.areas.files import examination_service as examination
from talkd.areas.files.receiving import Reception
from talkd.blobs.disk import DiskDraft
from talkd.config import Config
from talkd.conversation import room_store
from talkd.storage.database import Tx
from talkd.storage.file_schema import blobs
from talkd.storage.statements import Statement

NewServer = Callable[[Config], Server]
RED, GREEN, BLUE = picture(255), picture(255 * 256), picture(7)


@pytest.fixture(params=["sqlite", "postgres"])
def config(request: pytest.FixtureRequest, databases: Any, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings for a server on each database, which deletes and moves contents only when a test wants it to."""
    for job in ("delete_removed_files", "move_pictures"):
        set_interval(monkeypatch, job, 3600)
    made: Config = databases.config(request.param)
    return made


def used(server: Server) -> list[int]:
    """Return how often the contents in the storage are used, in order.

    Contents without uses have been deleted, the storage has nothing else, and the counts are right.
    """
    server.run_job("delete_removed_files")

    async def work(tx: Tx) -> dict[str, int]:
        assert await examination.list_wrong_counts(tx) == []
        assert await examination.list_empty_pictures(tx) == []
        rows = await tx.all(Statement(sa.select(blobs.c.key, blobs.c.uses)))
        return {str(key): int(uses) for key, uses in rows}

    found = server.read(work)
    assert set(stored(server.config)) == set(found)
    return sorted(found.values())


def room_id(server: Server, token: str) -> int:
    """Return the id of a room."""

    async def work(tx: Tx) -> int:
        room = await room_store.get_room(tx, token)
        assert room is not None
        return room.id

    return server.read(work)


# --- setting, replacing and removing --------------------------------------------------------
def test_contents_are_kept_as_long_as_somebody_has_the_picture(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    alice, bob = server.add_user("alice"), server.add_user("bob")
    for person in (alice, bob, alice):
        assert set_own(person, RED).status_code == 200
    assert used(server) == [2]
    assert own(alice).content == own(bob).content
    set_own(alice, GREEN)
    assert used(server) == [1, 1]
    set_own(bob, GREEN)
    assert used(server) == [2]
    shown = own(alice).content
    for _ in range(2):
        assert alice.http.delete("/avatar/").status_code == 200
    assert used(server) == [1]
    assert own(bob).content == shown
    assert own(alice).headers["x-nc-iscustomavatar"] == "0"
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    assert used(server) == []


def test_contents_of_a_room_are_released_with_its_picture(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    alice = server.add_user("alice")
    first, second, third = (alice.create_room() for _ in range(3))
    for token in (first, second, third, first):
        assert set_of_room(alice, token, RED).status_code == 200
    assert used(server) == [3]
    alice.post(f"v1/room/{first}/avatar/emoji", emoji="🐳")
    assert used(server) == [2]
    alice.delete(f"v4/room/{second}")
    assert used(server) == [1]
    set_of_room(alice, third, BLUE)
    assert used(server) == [1]
    for _ in range(2):
        alice.delete(f"v1/room/{third}/avatar")
    assert used(server) == []


def test_a_picture_and_a_file_may_be_the_same_contents(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    alice = server.add_user("alice")
    set_own(alice, RED)
    files, shown = Files(alice), own(alice).content
    files.put("/me.png", shown)
    assert used(server) == [2]
    alice.http.delete("/avatar/")
    assert used(server) == [1]
    assert files.get("/me.png") == shown
    set_own(alice, RED)
    files.status("DELETE", "/me.png")
    assert used(server) == [1]
    assert own(alice).content == shown


def test_pictures_count_for_no_quota_of_an_account(config: Config, new_server: NewServer) -> None:
    config.files.quota = 10
    server = new_server(config)
    alice = server.add_user("alice")
    assert set_own(alice, RED).status_code == 200
    assert Files(alice).status("PUT", "/a", b"ten bytes.") == 201


def test_pictures_that_are_set_at_the_same_time_leave_no_orphan(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.post(f"v4/room/{token}/participants", newParticipant=bob.id)
    alice.post(f"v4/room/{token}/moderators", attendeeId=attendee_id(alice, token, bob))

    def upload(number: int) -> list[int]:
        person, color = (alice, bob)[number % 2], number % 3
        return [set_own(person, picture(color)).status_code, set_of_room(person, token, picture(color)).status_code]

    with ThreadPoolExecutor(8) as threads:
        assert all(status == 200 for statuses in threads.map(upload, range(24)) for status in statuses)
    assert sum(used(server)) == 3, "alice, bob, and the room have one picture each"
    pictures = {own(alice).content, own(bob).content, of_room(alice, token).content}
    assert len(used(server)) == len(pictures)


def attendee_id(person: Person, token: str, other: Person) -> int:
    """Return the id of another person in a room."""
    people = person.get(f"v4/room/{token}/participants")
    return int(next(each["attendeeId"] for each in people if each["actorId"] == other.id))


# --- a storage that fails -------------------------------------------------------------------
def uploads(person: Person, token: str, content: bytes) -> list[Any]:
    """Set a picture in all ways. Return the answers."""
    return [
        set_own(person, content),
        person.http.post("/avatar/", files={"files[]": ("me.png", content, "image/png")}),
        set_of_room(person, token, content),
    ]


def require_no_space(answers: list[Any]) -> None:
    """Check that all answers say that the storage is full."""
    for answer in answers:
        assert answer.status_code == 507
        found = answer.json()
        data = found["ocs"]["data"] if "ocs" in found else found
        assert data == {"message": "The server has no space left for files."}


def test_a_full_disk_refuses_a_picture_and_keeps_the_one_before(
    config: Config, new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server(config)
    alice = server.add_user("alice")
    token = alice.create_room()
    assert [answer.status_code for answer in uploads(alice, token, RED)] == [200] * 3
    before, shown, write = stored(config), own(alice), DiskDraft._write

    def write_a_part(draft: DiskDraft, content: bytes) -> None:
        write(draft, content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(DiskDraft, "_write", write_a_part)
        require_no_space(uploads(alice, token, GREEN))
    assert stored(config) == before
    again = own(alice)
    assert (again.content, again.headers["etag"]) == (shown.content, shown.headers["etag"])
    assert used(server) == [2]


def test_pictures_count_for_all_contents_together(config: Config, new_server: NewServer) -> None:
    config.files.total = 1
    server = new_server(config)
    alice = server.add_user("alice")
    token = alice.create_room()
    require_no_space(uploads(alice, token, RED))
    assert own(alice).headers["x-nc-iscustomavatar"] == "0"
    assert not alice.room(token)["isCustomAvatar"]
    assert used(server) == []


def test_a_client_that_has_a_picture_needs_no_storage(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    alice = server.add_user("alice")
    token = alice.create_room()
    set_own(alice, RED)
    set_of_room(alice, token, RED)
    tags = own(alice).headers["etag"], own(alice, 64).headers["etag"], of_room(alice, token).headers["etag"]
    folder_of(config).rename(folder_of(config).with_name("elsewhere"))
    server.restart()  # what it remembered is gone
    alice = Person(server.client(alice.id), alice.id)
    again = own(alice, known=tags[0]), own(alice, 64, known=tags[1]), of_room(alice, token, known=tags[2])
    assert [(answer.status_code, answer.content) for answer in again] == [(304, b"")] * 3
    assert own(alice).status_code == of_room(alice, token).status_code == 503


def test_pictures_are_kept_on_s3(config: Config, new_server: NewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with running_s3() as s3:
        config.files.storage = s3.url("talkd")
        server = new_server(config)
        alice = server.add_user("alice")
        store_old(server, alice.id, RED)
        server.run_job("move_pictures")
        assert own(alice).content == RED
        assert set_own(alice, GREEN).status_code == 200
        assert not stored(config)
        s3.stop()
        assert own(alice).status_code == 503
        assert set_own(alice, BLUE).status_code == 503
        s3.start()
        assert set_own(alice, BLUE).status_code == 200
        assert own(alice).headers["x-nc-iscustomavatar"] == "1"


# --- pictures of older versions -------------------------------------------------------------
def test_old_pictures_are_shown_before_and_after_they_are_moved(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    store_old(server, alice.id, RED)
    store_old(server, bob.id, RED)
    store_old(server, room_id(server, token), GREEN)
    asked: list[Callable[[], httpx.Response]] = [
        lambda: own(alice),
        lambda: own(alice, 64),
        lambda: own(bob),
        lambda: of_room(alice, token),
    ]
    before = [ask() for ask in asked]
    assert [each.content for each in before[::2]] == [RED, RED]
    assert "3 are still in the database" in doctor(server)
    assert before[3].content == GREEN
    assert not stored(config)
    for _ in range(2):
        server.run_job("move_pictures")
        assert used(server) == [1, 2]
    for ask, answer in zip(asked, before, strict=True):
        now = ask()
        assert (now.content, now.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert "still in the database" not in doctor(server)
    assert server.read(examination.count_pictures) == 3


def doctor(server: Server) -> str:
    """Return what `talkd doctor` prints."""
    where = {"DATA": server.config.data, "DATABASE_URL": server.config.database.url}
    settings = {name: value for name, value in where.items() if value}
    return run_talkd("doctor", "--port", str(free_port()), **settings).stdout


def test_old_pictures_can_be_replaced_and_removed_before_they_are_moved(config: Config, new_server: NewServer) -> None:
    server = new_server(config)
    people = [server.add_user("alice") for _ in range(3)]
    rooms = [people[0].create_room() for _ in range(3)]
    for number, (person, token) in enumerate(zip(people, rooms, strict=True)):
        store_old(server, person.id, picture(number))
        store_old(server, room_id(server, token), picture(number))
    set_own(people[0], RED)
    set_of_room(people[0], rooms[0], RED)
    people[1].http.delete("/avatar/")
    people[0].delete(f"v1/room/{rooms[1]}/avatar")
    server.admin.delete(f"/ocs/v2.php/cloud/users/{people[2].id}").raise_for_status()
    people[0].delete(f"v4/room/{rooms[2]}")
    assert server.read(examination.count_pictures_in_database) == 0
    server.run_job("move_pictures")
    assert used(server) == [2]
    assert own(people[1]).headers["x-nc-iscustomavatar"] == "0"


@pytest.mark.parametrize(("change", "uses"), [("replaced", [1]), ("removed", []), ("deleted", []), ("moved", [1])])
def test_an_old_picture_that_changes_while_it_is_moved_is_not_brought_back(
    config: Config, new_server: NewServer, monkeypatch: pytest.MonkeyPatch, change: str, uses: list[int]
) -> None:
    """Its contents are in the storage. Before the row names them, somebody else is faster."""
    server = new_server(config)
    alice = server.add_user("alice")
    store_old(server, alice.id, RED)
    receive = Reception.receive
    changes: dict[str, Callable[[], Any]] = {
        "replaced": lambda: set_own(alice, GREEN),
        "removed": lambda: alice.http.delete("/avatar/"),
        "deleted": lambda: server.admin.delete(f"/ocs/v2.php/cloud/users/{alice.id}"),
        "moved": lambda: server.run_job("move_pictures"),
    }

    async def receive_late(reception: Reception, parts: Any) -> Any:
        received = await receive(reception, parts)
        monkeypatch.setattr(Reception, "receive", receive)
        await asyncio.to_thread(changes[change])
        return received

    monkeypatch.setattr(Reception, "receive", receive_late)
    server.run_job("move_pictures")
    assert Reception.receive is receive, "the change has happened"
    assert used(server) == uses
    if change != "deleted":
        assert own(alice).headers["x-nc-iscustomavatar"] == str(len(uses))
        assert (own(alice).content == RED) is (change == "moved")


def test_old_pictures_stay_while_the_disk_is_full(
    config: Config, new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_server(config)
    alice, bob = server.add_user("alice"), server.add_user("bob")
    store_old(server, alice.id, RED)
    store_old(server, bob.id, GREEN)

    def fail(_draft: DiskDraft) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(DiskDraft, "_finish", fail)
        server.run_job("move_pictures")
        assert used(server) == []
        assert (own(alice).content, own(bob).content) == (RED, GREEN)
    server.run_job("move_pictures")
    assert used(server) == [1, 1]
    assert (own(alice).content, own(bob).content) == (RED, GREEN)
