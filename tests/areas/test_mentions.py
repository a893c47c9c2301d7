"""Suggestions for mentions, and the marks that mentions leave."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from support.time import pass_time
from talkd.areas.mentions import model, service, suggestion_service
from talkd.conversation.message import Message
from talkd.core.actor import GROUPS, USERS, Actor
from talkd.core.constants import MENTION_SECONDS


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


def test_everybody_but_the_caller_is_suggested(team: tuple[str, list[Person]], alice: Person) -> None:
    token, people = team
    assert labels(alice, token) == ["Adam", "Madam", "Zoe", "Team"]
    assert labels(people[0], token) == ["Alice", "Madam", "Zoe", "Team"]
    assert suggestions(alice, token)[0] == {
        "id": people[0].id,
        "label": "Adam",
        "source": "users",
        "mentionId": people[0].id,
    }


def test_names_that_begin_with_the_search_come_first_then_recent_senders(
    team: tuple[str, list[Person]], alice: Person
) -> None:
    token, (adam, madam, zoe) = team
    adam.say(token, "Hello")
    madam.say(token, "Hello")
    assert labels(alice, token) == ["Madam", "Adam", "Zoe", "Team"]
    assert labels(alice, token, "ADAM") == ["Adam", "Madam"]
    assert labels(alice, token, zoe.id) == ["Zoe"]
    assert labels(alice, token, "%") == []


def test_the_limit_of_suggestions_has_no_effect(team: tuple[str, list[Person]], alice: Person) -> None:
    token, _ = team
    assert labels(alice, token, "a", limit=1) == ["Adam", "Madam", "Team"]
    assert labels(alice, token, limit=0) == ["Adam", "Madam", "Zoe", "Team"]


def test_at_most_a_hundred_people_are_suggested(
    team: tuple[str, list[Person]], alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = team
    assert suggestion_service.MAX_SUGGESTIONS == 100
    monkeypatch.setattr(suggestion_service, "MAX_SUGGESTIONS", 2)
    assert labels(alice, token) == ["Adam", "Madam", "Team"]


def test_users_without_messages_come_in_the_order_of_joining(server: Server, alice: Person) -> None:
    token = alice.create_room(name="Team")
    for name in ("Zoe", "Adam", "Madam"):
        alice.add(token, server.add_user(name.lower()))
    assert labels(alice, token) == ["Zoe", "Adam", "Madam", "Team"]


def test_system_messages_by_a_user_count_as_their_messages(team: tuple[str, list[Person]], alice: Person) -> None:
    token, (adam, madam, zoe) = team
    madam.say(token, "Hello")
    zoe.join(token)
    zoe.post(f"v4/call/{token}", flags=1)
    assert labels(adam, token) == ["Zoe", "Madam", "Alice", "Team"]


def test_all_is_suggested_to_those_who_may_mention_it(team: tuple[str, list[Person]], alice: Person) -> None:
    token, (adam, *_) = team
    everybody = {"id": "all", "label": "Team", "details": "All 4 participants", "source": "calls", "mentionId": "all"}
    assert suggestions(adam, token, "al")[-1] == everybody
    assert suggestions(adam, token, "tea") == [everybody]
    assert everybody not in suggestions(adam, token, "allo")
    alice.put(f"v4/room/{token}/mention-permissions", mentionPermissions=1)
    assert suggestions(adam, token, "tea") == []
    assert suggestions(alice, token, "tea") == [everybody]


def test_a_one_to_one_room_suggests_only_the_other_user(alice: Person, bob: Person) -> None:
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert [each["id"] for each in suggestions(alice, pair)] == [bob.id]  # although they have not opened it yet
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


def test_suggestions_have_statuses_on_request(team: tuple[str, list[Person]], alice: Person) -> None:
    token, (adam, *_) = team
    adam.join(token)
    shown = {each["label"]: each for each in suggestions(alice, token, includeStatus="true")}
    assert (shown["Adam"]["status"], shown["Zoe"]["status"]) == ("online", "offline")
    assert shown["Adam"]["statusIcon"] is None
    assert "status" not in shown["Team"]


def test_nobody_outside_the_room_gets_suggestions(server: Server, team: tuple[str, list[Person]]) -> None:
    token, _ = team
    assert server.add_user("eve").status("GET", f"v1/chat/{token}/mentions", search="a") == 404
    assert server.visitor().status("GET", f"v1/chat/{token}/mentions", search="a") == 404


# --- unread mentions ------------------------------------------------------------------------
def flags(person: Person, token: str) -> tuple[bool, bool]:
    room = person.room(token)
    return room["unreadMention"], room["unreadMentionDirect"]


def test_a_reply_counts_as_a_direct_mention(alice: Person, bob: Person, token: str) -> None:
    said = bob.say(token, "Lunch?")
    bob.say(token, "Or dinner?", replyTo=said["id"])
    assert flags(bob, token) == (False, False)
    alice.say(token, "Yes", replyTo=said["id"])
    assert flags(bob, token) == (True, True)
    bob.post(f"v1/chat/{token}/read")
    assert flags(bob, token) == (False, False)


def test_all_and_groups_are_indirect_mentions(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "Hello @all")
    assert flags(bob, token) == (True, False)
    bob.post(f"v1/chat/{token}/read")
    group = server.add_group(bob)
    alice.say(token, f'Hello @"group/{group}"')
    assert flags(bob, token) == (True, False)


def test_all_in_a_one_to_one_room_shows_the_name_of_the_other_user(alice: Person, bob: Person) -> None:
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    said = alice.say(pair, "Hi @all")
    waiting = {"lookIntoFuture": 1, "lastKnownMessageId": said["id"] - 1, "timeout": 0}
    for person in (alice, bob):
        (news,) = person.get(f"v1/chat/{pair}", **waiting)
        (latest,) = person.get(f"v1/chat/{pair}", lookIntoFuture=0, limit=1)
        for shown in (news, latest, person.room(pair)["lastMessage"]):
            named = shown["messageParameters"]["mention-call1"]
            assert (named["name"], named["call-type"]) == (person.room(pair)["displayName"], "one2one")
            assert named["name"]
    assert said["messageParameters"]["mention-call1"]["name"] == alice.room(pair)["displayName"]


def test_mentions_of_teams_and_federated_users_stay_text(alice: Person, token: str) -> None:
    text = 'Hi @"team/climbers" and @"federated_user/ann@cloud.example" and @"circle/x"'
    said = alice.say(token, text)
    assert (said["message"], said["messageParameters"]) == (text, [])


def test_an_email_guest_can_be_mentioned(alice: Person, token: str) -> None:
    alice.add(token, "ann@example.org", "emails")
    (ann,) = [each for each in suggestions(alice, token) if each["source"] == "emails"]
    said = alice.say(token, f'Hi @"{ann["mentionId"]}"')
    assert said["message"] == "Hi {mention-email1}"
    shown = said["messageParameters"]["mention-email1"]
    assert (shown["type"], shown["mention-id"]) == ("email", ann["mentionId"])


# --- limit for guests -----------------------------------------------------------------------
@pytest.fixture
def counting(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Limit guests to three messages with mentions. Return a function that moves the clock ahead, in seconds.

    The clock begins on a day of its own, so that the counts of other tests are over.
    """
    monkeypatch.setattr(server.config.security, "throttle", True)
    monkeypatch.setattr(service, "MAX_GUEST_MENTIONS", 3)

    def go(seconds: int) -> None:
        pass_time(monkeypatch, seconds)

    go(MENTION_SECONDS * next(_days))
    return go


_days = count(10, 10)


def test_guests_of_a_network_send_a_limited_number_of_mentions_a_day(
    server: Server, alice: Person, counting: Callable[[int], None]
) -> None:
    token = alice.create_room(PUBLIC)
    first, second = server.visitor(), server.visitor()
    for guest in (first, second):
        guest.join(token)
    mention = f"Hi @{alice.id}"
    for guest in (first, second, first):
        guest.say(token, mention)
    refused = second.request("POST", f"v1/chat/{token}", message=mention)
    assert (refused.status_code, refused.json()["ocs"]["data"]) == (429, {"error": "mentions"})
    assert 0 < int(refused.headers["Retry-After"]) <= MENTION_SECONDS
    second.say(token, "This mentions nobody: @nobody-at-all")
    alice.say(token, mention)
    assert len(alice.texts(token)) == 5
    counting(MENTION_SECONDS * (next(_days) - 9))
    second.say(token, mention)


def test_a_repeated_request_counts_as_one_mention(
    server: Server, alice: Person, counting: Callable[[int], None]
) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    guest.join(token)
    said = {guest.say(token, f"Hi @{alice.id}", referenceId="again")["id"] for _ in range(5)}
    assert len(said) == 1


# --- newest mention -------------------------------------------------------------------------
def test_two_messages_are_enough_to_find_the_newest_mention_by_others() -> None:
    def said(number: int, author: str) -> Message:
        return Message(1, number, 0, USERS, author, author, "comment", "", "", "", "", 0, 0, 0, "", "", "", 0, "")

    everybody = model.Mentioned(frozenset(), frozenset({"staff"}), everybody=True)
    messages = [said(number, "alice") for number in range(1000, 2, -1)] + [said(2, "bob"), said(1, "carol")]
    newest = model.newest_by_target((message, everybody) for message in messages)
    assert {target: [each.id for each in found] for target, found in newest.items()} == {
        ("all", "all"): [1000, 2],
        (GROUPS, "staff"): [1000, 2],
    }
    for name, last in (("alice", 2), ("bob", 1000), ("carol", 1000)):
        assert model.last_by_others(newest, Actor(USERS, name), [("all", "all"), (USERS, name)]) == last
    assert model.last_by_others(newest, Actor(USERS, "bob"), [(USERS, "bob")]) == 0
