"""What remains after an account was deleted."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from support.files import Files, send
from support.locks import wait_until_one_waits
from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.portraits import own, picture, set_own
from support.running import Server, unique
from talkd.areas.dav import upload_service
from talkd.areas.files import service as tree
from talkd.areas.files.model import NO_LIMITS
from talkd.areas.users import service as users
from talkd.cli.root import app
from talkd.core.actor import SYSTEM
from talkd.storage.database import Tx
from talkd.storage.file_schema import entries, uploads
from talkd.storage.schema import metadata
from talkd.storage.statements import Statement, bind

FORMER = 5
PLACE = '{"type": "geo-location", "id": "geo:1,2", "name": "Here", "latitude": "1", "longitude": "2"}'
NOBODY = {"type": "highlight", "id": "deleted_users", "name": "Deleted user"}


def delete(server: Server, person: Person) -> None:
    """Delete the account as the administrator, and wait until nothing names it."""
    server.admin.delete(f"/ocs/v2.php/cloud/users/{person.id}").raise_for_status()
    delete_the_rest(server)


def delete_the_rest(server: Server) -> None:
    """Do now what jobs do after an account was deleted."""
    server.run_job("delete_rooms", "forget_accounts", "delete_removed_files", "end_shares")


def run(server: Server, *words: str) -> None:
    """Run a command on the database of the server."""
    where = ["--database", server.config.database.url] if server.config.database.url else ["--data", server.config.data]
    result = CliRunner().invoke(app, [*words, *where])
    assert result.exit_code == 0, (result.output, result.exception)


def rename(person: Person, name: str) -> None:
    """Give an account another display name."""
    person.request("PUT", f"/ocs/v2.php/cloud/users/{person.id}", key="displayname", value=name).raise_for_status()


def rows_with(server: Server, *words: str) -> list[tuple[str, Any]]:
    """Return all rows of all tables that contain one of the words."""

    async def search(tx: Any) -> list[tuple[str, Any]]:
        found = []
        for table in metadata.sorted_tables:
            rows = await tx.all(Statement(sa.select(table)))
            found += [(table.name, row) for row in rows if any(word in str(row) for word in words)]
        return found

    return server.read(search)


@pytest.mark.parametrize("kind", [GROUP, PUBLIC])
def test_the_system_message_names_the_administrator_who_deleted_the_account(
    server: Server, alice: Person, bob: Person, kind: int
) -> None:
    token = alice.create_room(kind, participants={"users": [bob.id]})
    delete(server, bob)
    report = alice.history(token)[0]
    assert (report["systemMessage"], report["message"]) == ("user_removed", "{actor} removed {user}")
    assert (report["actorType"], report["actorId"]) == ("users", "admin")
    assert report["messageParameters"]["user"] == NOBODY
    assert set(alice.participants(token)) == {alice.id}


def test_the_deletion_of_a_self_joined_user_has_a_system_message(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    bob.join(token)
    delete(server, bob)
    assert alice.history(token)[0]["systemMessage"] == "user_removed"


@pytest.mark.parametrize("words", [("occ", "user:delete"), ("user", "delete", "--yes")])
def test_the_system_message_names_an_administrator_if_a_command_deleted_the_account(
    server: Server, alice: Person, bob: Person, words: tuple[str, ...]
) -> None:
    token = alice.create_room(participants={"users": [bob.id]})
    run(server, *words, bob.id)
    report = alice.history(token)[0]
    assert (report["systemMessage"], report["message"]) == ("user_removed", "An administrator removed {user}")
    assert (report["actorType"], report["actorId"]) == ("guests", "cli")


@pytest.mark.parametrize("has_left", [False, True])
def test_a_one_to_one_of_a_deleted_account_is_locked_and_keeps_its_name(
    server: Server, alice: Person, bob: Person, private: str, has_left: bool
) -> None:
    bob.post("v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    bob.say(private, "Hello")
    if has_left:
        bob.delete(f"v4/room/{private}/participants/self")
    delete(server, bob)
    room = alice.rooms()[private]
    assert (room["type"], room["name"], room["displayName"], room["readOnly"]) == (FORMER, "Bob", "Bob", 1)
    report = alice.history(private)[0]
    assert (report["systemMessage"], report["actorId"]) == ("read_only", "admin")
    assert alice.status("POST", f"v1/chat/{private}", message="Hello?") == 403


def test_files_and_picture_of_a_deleted_account_are_gone_at_once(server: Server, alice: Person, bob: Person) -> None:
    name = unique("private")
    token = alice.create_room(participants={"users": [bob.id]})
    Files(bob).put(f"/{name}.txt", b"his own")
    sent = send(bob, token, b"sent", f"{name}.png")["messageParameters"]["file"]
    assert Files(bob, f"/remote.php/dav/uploads/{bob.id}").status("MKCOL", "/pieces") == 201
    set_own(bob, picture())
    used = {table for table, _ in rows_with(server, bob.id, name)}
    assert used > {"user_pictures", "entries", "shares", "uploads", "messages"}
    assert alice.http.get(f"/f/{sent['id']}").status_code == 200
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    assert alice.http.get(f"/f/{sent['id']}").status_code == 404
    assert own(bob, by=alice).headers["x-nc-iscustomavatar"] == "0"
    delete_the_rest(server)
    assert rows_with(server, bob.id, name) == []


def test_no_table_contains_the_id_or_a_name_of_a_deleted_account(server: Server, alice: Person, bob: Person) -> None:
    former, name = unique("Former"), unique("Girl")
    gone = server.add_user("gone", display_name=former)
    token = alice.create_room(PUBLIC, participants={"users": [bob.id, gone.id]})
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, gone))
    named = alice.say(token, f"Hello @{gone.id} and @{bob.id}")
    rename(gone, name)
    said, again = gone.say(token, f"Hello @{bob.id}"), gone.say(token, "Helo", replyTo=named["id"])
    gone.put(f"v1/chat/{token}/{said['id']}", message="Hello, all")
    alice.say(token, f"Thank you, @{gone.id}", replyTo=again["id"])
    gone.delete(f"v1/chat/{token}/{again['id']}")
    reacted = bob.say(token, "Lunch?")
    for each in (named, reacted):
        gone.post(f"v1/reaction/{token}/{each['id']}", reaction="🎉")
    gone.delete(f"v1/reaction/{token}/{named['id']}", reaction="🎉")
    for actor_type, actor_id in (("users", "somebody"), ("ip", "192.0.2.7")):
        gone.post(f"v1/ban/{token}", actorType=actor_type, actorId=actor_id)
    other = alice.create_room()
    alice.post(f"v1/ban/{other}", actorType="users", actorId=gone.id)
    ask = {"question": "Lunch?", "options": ["Yes", "No"], "resultMode": 0, "maxVotes": 1}
    theirs, mine = gone.post(f"v1/poll/{token}", **ask)["id"], alice.post(f"v1/poll/{token}", **ask)["id"]
    gone.post(f"v1/poll/{token}", **ask, draft=True)
    for number in (theirs, mine):
        gone.post(f"v1/poll/{token}/{number}", optionIds=[0])
    gone.delete(f"v1/poll/{token}/{theirs}")
    place = {"objectType": "geo-location", "objectId": "geo:1,2", "metaData": PLACE}
    gone.post(f"v1/chat/{token}/share", **place)
    gone.add(token, f"{unique('vera')}@example.org", "emails")
    gone.put(f"v4/room/{token}", roomName="Renamed")
    gone.join(token)
    gone.post(f"v4/call/{token}", flags=1)
    gone.delete(f"v4/call/{token}")
    elsewhere = gone.create_room(name="Elsewhere", participants={"users": [bob.id]})
    gone.say(elsewhere, f"Hello @{bob.id}")
    parts = alice.create_room(name="Parts", participants={"users": [bob.id, gone.id]})
    alice.post(f"v1/breakout-rooms/{parts}", mode=1, amount=2)
    gone.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)
    bob.say(bob.post("v4/room", roomType=ONE_TO_ONE, invite=gone.id)["token"], f"Hello @{gone.id}")
    server.run_job("deliver_notifications")
    assert {table for table, _ in rows_with(server, gone.id, former, name)} > {
        "messages",
        "reactions",
        "bans",
        "polls",
        "poll_votes",
        "notifications",
        "attendees",
    }

    delete(server, gone)

    left = rows_with(server, gone.id, former, name)
    assert [(table, row) for table, row in left if table != "rooms"] == []
    assert len(left) == 1  # the name of the former one-to-one room
    shown = alice.history(token)
    assert name not in str(shown)
    assert [each["messageParameters"]["user"] for each in shown if each["systemMessage"] == "user_removed"] == [NOBODY]
    (reaction,) = alice.get(f"v1/reaction/{token}/{reacted['id']}")["🎉"]
    assert (reaction["actorType"], reaction["actorId"], reaction["actorDisplayName"]) == (
        "deleted_users",
        "deleted_users",
        "",
    )
    ban = alice.get(f"v1/ban/{token}")[0]
    assert (ban["moderatorActorType"], ban["moderatorActorId"], ban["moderatorDisplayName"]) == (
        "deleted_users",
        "deleted_users",
        "",
    )
    assert alice.get(f"v1/ban/{other}") == []
    assert bob.status("GET", "/ocs/v2.php/apps/notifications/api/v2/notifications") == 200


# --- files of an account that is being deleted ----------------------------------------------
@pytest.mark.parametrize(
    ("method", "root", "path"),
    [("PUT", "files", "/a"), ("MKCOL", "files", "/a"), ("PROPPATCH", "files", "/"), ("MKCOL", "uploads", "/a")],
)
def test_a_request_that_began_before_the_account_was_deleted_leaves_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch, method: str, root: str, path: str
) -> None:
    """Nobody would delete it, and a later account with the same id would get it."""
    files = Files(server.add_user("dora"))

    async def delete_account(tx: Tx, call: Any) -> None:
        await users.delete_account(tx, call.user_id, by=SYSTEM)

    monkeypatch.setattr("talkd.areas.dav.routes.require_login_still", delete_account)
    files.root = files.root.replace("/files/", f"/{root}/")
    date = '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:lastmodified>1</d:lastmodified></d:prop></d:set>'
    body = f"{date}</d:propertyupdate>" if method == "PROPPATCH" else ""
    assert files.status(method, path, body) == 404


@pytest.mark.parametrize("server", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("add", "table"),
    [
        (lambda tx, user_id: tree.create_folder(tx, user_id, ("a",), NO_LIMITS), entries),
        (lambda tx, user_id: upload_service.create_upload(tx, user_id, "a"), uploads),
    ],
    ids=["files", "uploads"],
)
def test_the_first_that_an_account_stores_goes_with_an_account_that_is_deleted_at_the_same_time(
    server: Server, add: Callable[[Tx, str], Awaitable[Any]], table: sa.Table
) -> None:
    person = server.add_user("dora")
    added = asyncio.Event()

    async def store(tx: Tx) -> None:
        await add(tx, person.id)
        added.set()
        await wait_until_one_waits(tx)

    with ThreadPoolExecutor(1) as threads:
        storing = threads.submit(server.write, store)
        server.run(added.wait())
        server.admin.delete(f"/ocs/v2.php/cloud/users/{person.id}").raise_for_status()
        storing.result(30)
    server.run_job("delete_removed_files", "delete_abandoned_uploads")
    left = Statement(sa.select(table.c.id).where(table.c.user_id == bind("user_id")))
    assert not server.read(lambda tx: tx.values(left, user_id=person.id))


@pytest.mark.parametrize(("method", "path"), [("PUT", "/x/1"), ("PUT", "/x/2"), ("DELETE", "/x/1"), ("DELETE", "/x")])
def test_an_upload_in_pieces_whose_account_was_deleted_changes_no_more(
    server: Server, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    """It belongs to the job that deletes it, which counts its bytes."""
    files = Files(server.add_user("dora"))
    files.root = files.root.replace("/files/", "/uploads/")
    assert files.status("MKCOL", "/x") == 201
    files.put("/x/1", b"first")
    lock_upload = upload_service._lock_upload

    async def lock_and_delete_account(tx: Tx, *args: Any) -> Any:
        found = await lock_upload(tx, *args)
        await users.delete_account(tx, files.person.id, by=SYSTEM)
        return found

    monkeypatch.setattr(upload_service, "_lock_upload", lock_and_delete_account)
    assert files.status(method, path, b"more" if method == "PUT" else b"") == 404
    monkeypatch.undo()
    assert files.status("PROPFIND", "/x/1") == 207
