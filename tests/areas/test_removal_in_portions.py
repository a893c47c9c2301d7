"""Histories, rooms and accounts are hidden at once and removed in portions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from support.commands import run_command
from support.notifications import PATH as NOTIFICATIONS
from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import LoopThread, Server, set_interval, unique
from talkd.areas.provisioning import routes as users
from talkd.areas.removal import service as removal
from talkd.storage.schema import metadata, rooms
from talkd.storage.statements import Statement, bind

SEARCH = "/ocs/v2.php/search/providers/talk-message/search"
AT_ONCE = 3
PLACE = '{"type": "geo-location", "id": "geo:1,2", "name": "Pear tree", "latitude": "1", "longitude": "2"}'
_ROOM_ID = Statement(sa.select(rooms.c.id).where(rooms.c.token == bind("token")))


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make portions small, and let the job that removes the rest do nothing."""

    async def nothing(_tx: Any) -> list[Any]:
        return []

    monkeypatch.setattr(removal, "PORTION", AT_ONCE)
    monkeypatch.setattr(removal, "EXAMINED", 7)
    monkeypatch.setattr(removal, "list_unfinished_rooms", nothing)
    monkeypatch.setattr(removal, "list_unfinished_accounts", nothing)


@pytest.fixture
def answers_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the request that deletes an account answer after the first portion."""
    monkeypatch.setattr(users, "FORGET_SECONDS", 0)


@pytest.fixture
def reads_on(paused: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read many messages at once, so that those of all other tests are read before the request answers."""
    monkeypatch.setattr(removal, "EXAMINED", 5_000)


def room_id_of(server: Server, token: str) -> int:
    async def find(tx: Any) -> int:
        return int(await tx.value(_ROOM_ID, token=token))

    return server.read(find)


def rows_of(server: Server, room_id: int) -> list[tuple[str, Any]]:
    """Return all rows of a room in all tables."""

    async def look(tx: Any) -> list[tuple[str, Any]]:
        found = []
        for table in metadata.sorted_tables:
            if "room_id" in table.c and table.name != "forgotten_accounts":
                statement = Statement(sa.select(table).where(table.c.room_id == bind("room_id")))
                found += [(table.name, tuple(row)) for row in await tx.all(statement, room_id=room_id)]
        return found + [("rooms", room_id) for row in await tx.all(_ALL_ROOMS) if row[0] == room_id]

    return server.read(look)


_ALL_ROOMS = Statement(sa.select(rooms.c.id))


def count_portions(server: Server, portion: Callable[[Any], Any]) -> int:
    """Run portions, each in a transaction of its own, until nothing is left. Return their number."""
    number = 1
    while server.write(portion):
        number += 1
    return number


class Talk:
    """A room with messages, reactions, reminders, polls and shared items."""

    def __init__(self, server: Server, alice: Person, bob: Person) -> None:
        self.server, self.alice, self.bob = server, alice, bob
        self.token = alice.create_room(PUBLIC, participants={"users": [bob.id]})
        self.id = room_id_of(server, self.token)
        self.said = [alice.say(self.token, "Pear?")]
        self.answer = bob.say(self.token, "Pear!", replyTo=self.said[0]["id"])
        self.said += [
            alice.say(self.token, f"Pear {number} for @{bob.id}", referenceId=f"{number}") for number in range(7)
        ]
        for each in self.said:
            bob.post(f"v1/reaction/{self.token}/{each['id']}", reaction="🍐")
            alice.post(f"v1/reaction/{self.token}/{each['id']}", reaction="🍐")
            bob.post(f"v1/chat/{self.token}/{each['id']}/reminder", timestamp=4_000_000_000)
        alice.put(f"v1/chat/{self.token}/{self.said[1]['id']}", message=f"Pear, edited, for @{bob.id}")
        ask = {"question": "Pear?", "options": ["Yes", "No"], "resultMode": 0, "maxVotes": 1}
        self.poll = alice.post(f"v1/poll/{self.token}", **ask)["id"]
        self.draft = alice.post(f"v1/poll/{self.token}", **ask, draft=True)["id"]
        for person in (alice, bob):
            person.post(f"v1/poll/{self.token}/{self.poll}", optionIds=[0])
        alice.post(f"v1/chat/{self.token}/share", objectType="geo-location", objectId="geo:1,2", metaData=PLACE)
        server.run_job("deliver_notifications")

    def seen_by(self, person: Person) -> dict[str, Any]:
        """Return the answers of all operations that show messages, as one user gets them."""
        answers = {
            "notifications": person.request("GET", NOTIFICATIONS),
            "room": person.request("GET", f"v4/room/{self.token}"),
            "list": person.request("GET", "v4/room", includeLastMessage="true"),
            "history": person.request("GET", f"v1/chat/{self.token}", lookIntoFuture=0, setReadMarker=0, limit=200),
            "older": person.request(
                "GET", f"v1/chat/{self.token}", lookIntoFuture=0, setReadMarker=0, lastKnownMessageId=self.said[5]["id"]
            ),
            "news": person.request(
                "GET",
                f"v1/chat/{self.token}",
                lookIntoFuture=1,
                setReadMarker=0,
                timeout=0,
                limit=200,
                lastKnownMessageId=self.said[0]["id"] - 1,
            ),
            "counted": person.request("GET", f"v1/chat/{self.token}", timeout=0, offset=0),
            "context": person.request("GET", f"v1/chat/{self.token}/{self.said[4]['id']}/context"),
            "things": person.request("GET", f"v1/chat/{self.token}/share/overview"),
            "places": person.request("GET", f"v1/chat/{self.token}/share", objectType="location"),
            "reactions": person.request("GET", f"v1/reaction/{self.token}/{self.said[7]['id']}"),
            "poll": person.request("GET", f"v1/poll/{self.token}/{self.poll}"),
            "drafts": person.request("GET", f"v1/poll/{self.token}/drafts"),
            "reminder": person.request("GET", f"v1/chat/{self.token}/{self.said[7]['id']}/reminder"),
            "reminders": person.request("GET", "v1/chat/upcoming-reminders"),
            "mentions": person.request("GET", f"v1/chat/{self.token}/mentions", search="", limit=20),
            "search": person.request("GET", SEARCH, term="pear", limit=25),
            "search for a name": person.request("GET", SEARCH, term=self.bob_name, limit=25),
            "search by author": person.request("GET", SEARCH, term="", person=self.bob.id, limit=25),
            "search here": person.request(
                "GET",
                SEARCH.replace("message", "message-current"),
                term="pear",
                limit=25,
                **{"from": f"/call/{self.token}"},
            ),
        }
        return {
            name: (answer.status_code, answer.json()["ocs"]["data"] if answer.content else None)
            for name, answer in answers.items()
        }

    bob_name = "Bob"


@pytest.fixture
def talk(server: Server, alice: Person, bob: Person) -> Talk:
    return Talk(server, alice, bob)


# --- clearing -------------------------------------------------------------------------------
def test_a_cleared_history_is_hidden_at_once_from_all_operations(talk: Talk, server: Server, paused: None) -> None:
    before = talk.seen_by(talk.bob)
    assert {name for name, answer in before.items() if "pear" in str(answer).lower()} >= {
        "room",
        "list",
        "history",
        "older",
        "news",
        "counted",
        "context",
        "things",
        "places",
        "poll",
        "reminders",
        "notifications",
        "search",
        "search here",
        "search for a name",
        "search by author",
    }
    talk.alice.delete(f"v1/chat/{talk.token}")
    assert len([row for row in rows_of(server, talk.id) if row[0] == "messages"]) > 8, "the rest is not deleted yet"
    during = talk.seen_by(talk.bob)
    assert count_portions(server, partial(removal.delete_room_portion, room_id=talk.id)) > 5
    assert talk.seen_by(talk.bob) == during
    assert [name for name, answer in during.items() if "pear" in str(answer).lower() and name != "drafts"] == []
    assert [each["systemMessage"] for each in during["history"][1]] == ["history_cleared"]
    assert during["list"][1][0]["unreadMessages"] == during["room"][1]["unreadMessages"] == 0
    assert during["room"][1]["unreadMention"] is False
    tables = {name for name, _ in rows_of(server, talk.id)}
    assert tables.isdisjoint({"reactions", "reminders", "poll_votes"})
    assert len([row for row in rows_of(server, talk.id) if row[0] == "messages"]) == 1
    assert [each["id"] for each in talk.alice.get(f"v1/poll/{talk.token}/drafts")] == [talk.draft]


def test_operations_on_cleared_messages_are_refused(talk: Talk, paused: None) -> None:
    alice, bob, token, said = talk.alice, talk.bob, talk.token, talk.said[7]
    alice.delete(f"v1/chat/{token}")
    assert bob.refused("POST", f"v1/chat/{token}", message="x", replyTo=said["id"]) == (400, "reply-to")
    assert alice.refused("PUT", f"v1/chat/{token}/{said['id']}", message="x") == (404, "message")
    assert alice.refused("DELETE", f"v1/chat/{token}/{said['id']}") == (404, "message")
    assert bob.refused("POST", f"v1/reaction/{token}/{said['id']}", reaction="👍") == (404, None)
    assert bob.refused("POST", f"v1/poll/{token}/{talk.poll}", optionIds=[1]) == (404, "poll")
    assert bob.refused("POST", f"v1/chat/{token}/{said['id']}/reminder", timestamp=4_000_000_000) == (404, "message")


def test_new_messages_between_portions_stay(talk: Talk, server: Server, paused: None) -> None:
    alice, bob, token = talk.alice, talk.bob, talk.token
    alice.delete(f"v1/chat/{token}")
    texts = []
    number = 0
    while server.write(partial(removal.delete_room_portion, room_id=talk.id)):
        # The messages have the references of cleared messages, and are new all the same.
        texts.append(alice.say(token, f"Pear {number} for @{bob.id}", referenceId=f"{number}")["message"])
        assert alice.texts(token) == texts
        assert bob.rooms()[token]["unreadMessages"] == len(texts)
        number += 1
    assert number > 5
    assert alice.texts(token) == texts


def test_clearing_again_while_a_history_is_deleted_clears_the_rest(talk: Talk, server: Server, paused: None) -> None:
    talk.alice.delete(f"v1/chat/{talk.token}")
    talk.alice.say(talk.token, "later")
    talk.alice.delete(f"v1/chat/{talk.token}")
    assert [each["systemMessage"] for each in talk.bob.history(talk.token)] == ["history_cleared"]
    count_portions(server, partial(removal.delete_room_portion, room_id=talk.id))
    assert [each["systemMessage"] for each in talk.bob.history(talk.token)] == ["history_cleared"]


# --- deleting rooms -------------------------------------------------------------------------
def test_a_deleted_room_is_hidden_at_once(talk: Talk, server: Server, paused: None) -> None:
    alice, bob, token = talk.alice, talk.bob, talk.token
    guest = server.visitor()
    guest.join(token)
    alice.delete(f"v4/room/{token}")
    assert len([row for row in rows_of(server, talk.id) if row[0] == "messages"]) > 8, "the rest is not deleted yet"
    for person in (alice, bob, guest):
        assert person.status("GET", f"v4/room/{token}") == 404
        assert person.status("POST", f"v4/room/{token}/participants/active") == 404
        assert person.status("POST", f"v1/chat/{token}", message="Hello?") == 404
    during = [talk.seen_by(person) for person in (alice, bob)]
    assert "pear" not in str(during).lower()
    assert count_portions(server, partial(removal.delete_room_portion, room_id=talk.id)) > 5
    assert [talk.seen_by(person) for person in (alice, bob)] == during
    assert rows_of(server, talk.id) == []


def test_a_new_one_to_one_room_can_be_created_while_the_deleted_one_is_emptied(
    server: Server, alice: Person, bob: Person, private: str, paused: None
) -> None:
    for number in range(8):
        alice.say(private, f"Pear {number}")
    old = room_id_of(server, private)
    server.admin.post(
        "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/delete_one_to_one_conversations",
        json={"value": "1"},
    ).raise_for_status()
    try:
        alice.delete(f"v4/room/{private}")
    finally:
        server.admin.delete(
            "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/delete_one_to_one_conversations"
        ).raise_for_status()
    assert rows_of(server, old)
    anew = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert anew != private
    assert alice.texts(anew) == []


def test_one_transaction_deletes_the_first_portion_of_one_room_only(
    server: Server, alice: Person, bob: Person, paused: None, answers_early: None
) -> None:
    tokens = [bob.create_room(name=f"Room {number}") for number in range(5)]
    room_ids = [room_id_of(server, token) for token in tokens]
    for token in tokens:
        bob.say(token, "Pear")
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    left = [room_id for room_id in room_ids if rows_of(server, room_id)]
    assert len(left) == 4
    for room_id in left:
        count_portions(server, partial(removal.delete_room_portion, room_id=room_id))
    assert [room_id for room_id in room_ids if rows_of(server, room_id)] == []


# --- deleting accounts ----------------------------------------------------------------------
def test_a_deleted_account_is_hidden_at_once(talk: Talk, server: Server, paused: None, answers_early: None) -> None:
    alice, bob = talk.alice, talk.bob
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    assert bob.id in str(rows_of(server, talk.id)), "the rest is not removed yet"
    during = talk.seen_by(alice)
    assert bob.id not in str(during)
    assert "bob" not in str(during).lower()
    assert "Deleted user" in str(during["history"])
    assert count_portions(server, partial(removal.forget_account_portion, user_id=bob.id)) > 5
    assert bob.id not in str(rows_of(server, talk.id))
    assert talk.seen_by(alice) == during


def test_the_id_of_a_deleted_account_is_refused_until_nothing_names_it(
    talk: Talk, server: Server, paused: None, answers_early: None
) -> None:
    account = {"userid": talk.bob.id.upper(), "password": "correct horse battery"}
    server.admin.delete(f"/ocs/v2.php/cloud/users/{talk.bob.id}").raise_for_status()

    def create() -> tuple[int, str]:
        answer = server.admin.post("/ocs/v1.php/cloud/users", json=account).json()["ocs"]["meta"]
        return answer["statuscode"], answer["message"]

    assert create() == (102, "The account that had this id is still being deleted. Try again in a minute.")
    count_portions(server, partial(removal.forget_account_portion, user_id=talk.bob.id))
    assert create()[0] == 100


def by_api(server: Server, user_id: str) -> None:
    server.admin.delete(f"/ocs/v2.php/cloud/users/{user_id}").raise_for_status()


def by_command(server: Server, user_id: str) -> None:
    run_command(server, "occ", "user:delete", user_id)


@pytest.mark.parametrize("delete", [by_api, by_command])
def test_the_id_of_a_deleted_account_is_free_when_the_deletion_has_finished(
    talk: Talk, server: Server, reads_on: None, delete: Callable[[Server, str], None]
) -> None:
    delete(server, talk.bob.id)
    assert talk.bob.id not in str(rows_of(server, talk.id))
    account = {"userid": talk.bob.id, "password": "correct horse battery"}
    assert server.admin.post("/ocs/v2.php/cloud/users", json=account).status_code == 200


# --- after a crash --------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_job_goes_on_after_a_restart(databases: Any, loop_thread: LoopThread, kind: str) -> None:
    server = Server(loop_thread, databases.config(kind))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(removal, "PORTION", AT_ONCE)
            for job in ("delete_rooms", "forget_accounts"):
                set_interval(patch, job, 3600)
            patch.setattr(users, "FORGET_SECONDS", 0)
            server.restart()  # from here on the job does not run
            alice, bob, carol = (server.add_user(name, display_name=unique(name)) for name in ("alice", "bob", "carol"))
            cleared, deleted, kept = (Talk(server, alice, each) for each in (bob, bob, carol))
            alice.delete(f"v1/chat/{cleared.token}")
            alice.delete(f"v4/room/{deleted.token}")
            server.admin.delete(f"/ocs/v2.php/cloud/users/{carol.id}").raise_for_status()
            server.restart()
        assert carol.id in str(rows_of(server, kept.id))
        server.run_job("delete_rooms", "forget_accounts")
        assert [name for name, _ in rows_of(server, cleared.id) if name == "messages"] == ["messages"]
        assert rows_of(server, deleted.id) == []
        assert carol.id not in str(rows_of(server, kept.id))
    finally:
        server.stop()


def test_a_small_room_is_deleted_at_once(server: Server, talk: Talk) -> None:
    """A room that fits into one portion is deleted at once."""
    assert removal.PORTION == 500
    talk.alice.delete(f"v4/room/{talk.token}")
    assert rows_of(server, talk.id) == []
