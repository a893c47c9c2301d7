"""Suggesting whom to mention."""

from typing import Any

import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server


def suggestions(person: Person, token: str, search: str = "", **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.get(f"v1/chat/{token}/mentions", search=search, **params)
    return found


def labels(person: Person, token: str, search: str = "", **params: Any) -> list[str]:
    return [each["label"] for each in suggestions(person, token, search, **params)]


@pytest.fixture
def team(server: Server, alice: Person) -> tuple[str, list[Person]]:
    """A room that alice moderates, with Adam, Madam and Zoe."""
    token = alice.create_room(name="Team")
    people = [server.add_user(name.lower()) for name in ("Adam", "Madam", "Zoe")]
    for person in people:
        alice.add(token, person)
    return token, people


def test_everybody_but_oneself_is_suggested(team: tuple[str, list[Person]], alice: Person) -> None:
    token, people = team
    assert labels(alice, token) == ["Adam", "Madam", "Zoe", "Team"]
    assert labels(people[0], token) == ["Alice", "Madam", "Zoe", "Team"]
    assert suggestions(alice, token)[0] == {
        "id": people[0].id, "label": "Adam", "source": "users", "mentionId": people[0].id,
    }  # fmt: skip


def test_names_that_begin_so_come_first_then_who_spoke_last(team: tuple[str, list[Person]], alice: Person) -> None:
    token, (adam, madam, zoe) = team
    adam.say(token, "Hello")
    madam.say(token, "Hello")
    assert labels(alice, token) == ["Madam", "Adam", "Zoe", "Team"]
    assert labels(alice, token, "ADAM") == ["Adam", "Madam"]
    assert labels(alice, token, zoe.id) == ["Zoe"]
    assert labels(alice, token, "%") == []


def test_no_more_than_asked_for(team: tuple[str, list[Person]], alice: Person) -> None:
    token, _ = team
    assert labels(alice, token, "a", limit=1) == ["Adam", "Team"]
    assert labels(alice, token, "m", limit=0) == ["Madam", "Team"]


def test_everybody_at_once_is_suggested_to_who_may_mention_all(team: tuple[str, list[Person]], alice: Person) -> None:
    token, (adam, *_) = team
    everybody = {"id": "all", "label": "Team", "details": "All 4 participants", "source": "calls", "mentionId": "all"}
    assert suggestions(adam, token, "al")[-1] == everybody
    assert suggestions(adam, token, "tea") == [everybody]
    assert everybody not in suggestions(adam, token, "allo")
    alice.put(f"v4/room/{token}/mention-permissions", mentionPermissions=1)
    assert suggestions(adam, token, "tea") == []
    assert suggestions(alice, token, "tea") == [everybody]


def test_of_two_only_the_other_one_is_suggested(alice: Person, bob: Person) -> None:
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert [each["id"] for each in suggestions(alice, pair)] == [bob.id]  # though he has not opened it yet
    assert suggestions(alice, pair, "nobody") == []


def test_guests_are_suggested_by_their_names(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest, nameless = server.visitor(), server.visitor()
    who = guest.join(token)["actorId"]
    nameless.join(token)
    guest.post(f"v1/guest/{token}/name", displayName="Vera")
    assert suggestions(alice, token, "ver") == [
        {"id": f"guest/{who}", "label": "Vera", "source": "guests", "mentionId": f"guest/{who}"}
    ]
    assert labels(alice, token, "gue") == ["Guest"]
    assert labels(alice, token, who) == []


def test_statuses_are_told_when_asked_for(team: tuple[str, list[Person]], alice: Person) -> None:
    token, (adam, *_) = team
    adam.join(token)
    shown = {each["label"]: each for each in suggestions(alice, token, includeStatus="true")}
    assert (shown["Adam"]["status"], shown["Zoe"]["status"]) == ("online", "offline")
    assert shown["Adam"]["statusIcon"] is None
    assert "status" not in shown["Team"]


def test_strangers_learn_of_nobody(server: Server, team: tuple[str, list[Person]]) -> None:
    token, _ = team
    assert server.add_user("eve").status("GET", f"v1/chat/{token}/mentions", search="a") == 404
    assert server.visitor().status("GET", f"v1/chat/{token}/mentions", search="a") == 404
