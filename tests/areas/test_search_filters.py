"""Filters, providers and refusals of the unified search."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.people import ONE_TO_ONE, Person
from support.running import Server
from support.searching import PROVIDERS, found, found_rooms, results


def test_filters(token: str, alice: Person, bob: Person) -> None:
    first = alice.say(token, "walrus of alice")
    bob.say(token, "walrus of bob")
    assert found(alice, "walrus", person=bob.id) == ["walrus of bob"]
    assert found(alice, "", person=bob.id) == ["walrus of bob"]
    assert found(alice, "", conversation=token) == ["walrus of bob", "walrus of alice"]
    assert found(alice, "walrus", person="nobody") == []
    now = datetime.fromtimestamp(first["timestamp"], UTC)
    second, both = timedelta(seconds=1), ["walrus of bob", "walrus of alice"]
    assert found(alice, "walrus", since=now.isoformat()) == both
    assert found(alice, "walrus", until=(now - second).isoformat()) == []
    assert found(alice, "walrus", since=(now + 60 * second).isoformat().replace("+00:00", ".000Z")) == []
    assert found(alice, "walrus", since=first["timestamp"], until=first["timestamp"] + 60) == both
    assert found(alice, "walrus", since="2020-01-01", until="2020-12-31") == []


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "term"),
        ({"term": "  "}, "term"),
        ({"term": "x" * 256}, "term"),
        ({"term": "a\x00b"}, "term"),
        ({"term": "x", "since": "yesterday"}, "since"),
        ({"term": "x", "until": "2020-13-01"}, "until"),
    ],
)
def test_refusals(sqlite_server: Server, params: dict[str, str], reason: str) -> None:
    person = sqlite_server.add_user()
    assert person.refused("GET", f"{PROVIDERS}/talk-message/search", **params) == (400, reason)


def test_rooms_are_found_by_name(server: Server, alice: Person, bob: Person) -> None:
    for name in ("Walrus", "carpenter & walrus", "Oysters"):
        alice.create_room(name=name)
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(pair, "hello")
    bob.create_room(name="Walrus of Bob")
    assert found_rooms(alice, "walRUS") == ["carpenter & walrus", "Walrus"]
    page = results(alice, bob.id, "talk-conversations")
    assert (page["name"], page["isPaginated"], page["cursor"]) == ("Conversations", False, None)
    (entry,) = page["entries"]
    assert entry["thumbnailUrl"].startswith(f"{server.url}/ocs/v2.php/apps/spreed/api/v1/room/{pair}/avatar?v=")
    assert (entry["title"], entry["resourceUrl"]) == ("Bob", f"{server.url}/call/{pair}")
    assert (entry["subline"], entry["icon"], entry["rounded"]) == ("", "", True)
    assert entry["attributes"] == {"conversation": pair}
    assert found_rooms(bob, "ALICE") == ["Alice"]
    first = results(alice, "s", "talk-conversations", limit=2)
    last = first["entries"][-1]["attributes"]["conversation"]
    assert (len(first["entries"]), first["isPaginated"], first["cursor"]) == (2, True, last)
    rest = results(alice, "s", "talk-conversations", cursor=last, limit=2)
    assert [each["title"] for each in rest["entries"]] == ["Walrus"]
    assert (rest["isPaginated"], rest["cursor"]) == (False, None)
    assert found_rooms(alice, "s", cursor="nosuchroom") == []
    assert alice.refused("GET", f"{PROVIDERS}/talk-conversations/search") == (400, "term")


def test_the_providers(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user()
    providers = alice.get(PROVIDERS)
    assert [each["id"] for each in providers] == ["talk-message", "talk-conversations", "talk-message-current"]
    assert {each["appId"] for each in providers} == {"spreed"}
    assert providers[0]["filters"]["person"] == "person"
    inside = alice.get(PROVIDERS, **{"from": "/call/abcdefgh"})
    assert [each["id"] for each in inside] == ["talk-message-current", "talk-message", "talk-conversations"]
    assert alice.status("GET", f"{PROVIDERS}/files/search", term="x") == 404


def test_users_who_may_not_use_talk_find_nothing(new_server: Any, databases: Any) -> None:
    server = new_server(databases.config("sqlite"))
    alice = server.add_user("alice")
    alice.say(alice.create_room(name="Walrus"), "walrus")
    server.admin.post(
        "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/allowed_groups", json={"value": '["staff"]'}
    ).raise_for_status()
    assert (found(alice, "walrus"), found_rooms(alice, "walrus")) == ([], [])
