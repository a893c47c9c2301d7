"""Polls: creating, voting, closing, and who sees the votes."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.people import GROUP, PUBLIC, Person
from support.running import Server
from talkd.core import clock

WHERE = {"question": "Where to?", "options": ["Sea", "Hills", "Home"], "resultMode": 0, "maxVotes": 1}
DRAFT_KEYS = [
    "id",
    "question",
    "options",
    "actorType",
    "actorId",
    "actorDisplayName",
    "status",
    "resultMode",
    "maxVotes",
]


def ask(person: Person, token: str, **changes: Any) -> Any:
    return person.post(f"v1/poll/{token}", **{**WHERE, **changes})


def vote(person: Person, token: str, number: int, *options: int) -> Any:
    return person.post(f"v1/poll/{token}/{number}", optionIds=list(options))


def group_of(server: Server, *others: Person, kind: int = GROUP) -> tuple[Person, str]:
    owner = server.add_user("owner")
    return owner, owner.create_room(kind, participants={"users": [person.id for person in others]})


def test_a_poll_is_a_message_of_its_author(server: Server) -> None:
    bob = server.add_user("bob")
    owner, token = group_of(server, bob)
    poll = ask(bob, token)
    assert list(poll) == [*DRAFT_KEYS, "votes", "numVoters", "votedSelf"]
    message = owner.history(token)[0]
    assert (message["message"], message["messageType"], message["systemMessage"]) == ("{object}", "comment", "")
    assert list(message["messageParameters"]) == ["actor", "object"]
    assert message["messageParameters"]["object"] == {"type": "talk-poll", "id": str(poll["id"]), "name": "Where to?"}
    assert owner.room(token)["unreadMessages"] == 1
    assert bob.room(token)["unreadMessages"] == 0
    assert owner.room(token)["lastMessage"] == message


def test_only_voters_see_the_votes_of_an_open_public_poll(server: Server) -> None:
    bob, carol = server.add_user("bob"), server.add_user("carol")
    owner, token = group_of(server, bob, carol)
    number = ask(bob, token)["id"]
    assert vote(owner, token, number, 1)["votes"] == {"option-1": 1}
    seen = {person.id: person.get(f"v1/poll/{token}/{number}") for person in (owner, bob, carol)}
    assert [seen[person.id]["votes"] for person in (owner, bob, carol)] == [{"option-1": 1}, [], []]
    assert [seen[person.id]["numVoters"] for person in (owner, bob, carol)] == [1, 1, 0]
    assert vote(carol, token, number, 1)["votes"] == {"option-1": 2}
    assert vote(carol, token, number, 0)["votes"] == {"option-0": 1, "option-1": 1}
    back = vote(carol, token, number)
    assert (back["votes"], back["numVoters"], back["votedSelf"]) == ([], 0, [])
    assert owner.system_messages(token).count("poll_voted") == 4
    said = next(each for each in owner.history(token) if each["systemMessage"] == "poll_voted")
    assert (said["actorType"], said["actorId"], list(said["messageParameters"])) == ("guests", "system", ["poll"])


def test_votes_of_a_hidden_poll_are_secret_until_it_is_closed(server: Server) -> None:
    bob, carol = server.add_user("bob"), server.add_user("carol")
    owner, token = group_of(server, bob, carol)
    for mode in (1, 2):
        number = ask(bob, token, resultMode=mode, maxVotes=0)["id"]
        for person, voters in ((owner, 1), (bob, 2), (carol, 0)):
            voted = vote(person, token, number, 0, 2)
            assert (voted["votes"], voted["numVoters"], voted["votedSelf"]) == ([], voters, [0, 2])
            assert "details" not in voted
        closed = bob.delete(f"v1/poll/{token}/{number}")
        assert closed == carol.get(f"v1/poll/{token}/{number}")
        assert (closed["votes"], closed["numVoters"], "details" in closed) == ({"option-0": 3, "option-2": 3}, 3, False)
    assert "poll_voted" not in owner.system_messages(token)


def test_a_closed_public_poll_shows_who_voted_for_what(server: Server) -> None:
    bob = server.add_user("bob")
    owner, token = group_of(server, bob)
    number = ask(owner, token, maxVotes=2)["id"]
    vote(bob, token, number, 2, 0)
    assert bob.refused("DELETE", f"v1/poll/{token}/{number}") == (403, "poll")
    closed = owner.delete(f"v1/poll/{token}/{number}")
    assert list(closed) == [*DRAFT_KEYS, "votes", "numVoters", "details", "votedSelf"]
    assert [(each["actorId"], each["optionId"]) for each in closed["details"]] == [(bob.id, 2), (bob.id, 0)]
    assert bob.refused("POST", f"v1/poll/{token}/{number}", optionIds=[1]) == (400, "poll")
    assert owner.refused("DELETE", f"v1/poll/{token}/{number}") == (400, "poll")
    texts = {person.id: person.history(token)[0]["message"] for person in (owner, bob)}
    assert texts == {owner.id: "You ended the poll {poll}", bob.id: "{actor} ended the poll {poll}"}
    empty = ask(owner, token)["id"]
    assert owner.delete(f"v1/poll/{token}/{empty}")["votes"] == []


def test_invalid_questions_and_votes_are_refused(server: Server) -> None:
    owner, token = group_of(server)
    for changes, reason in (
        ({"question": "  "}, "question"),
        ({"question": "ä" * 16_001}, "question"),
        ({"options": ["only one", " "]}, "options"),
        ({"options": ["x" * 30_000, "y" * 30_000]}, "options"),
    ):
        assert owner.refused("POST", f"v1/poll/{token}", **{**WHERE, **changes}) == (400, reason)
    number = ask(owner, token, maxVotes=2)["id"]
    for options in ([0, 1, 2], [1, 1], [3], [-1], [10**30]):
        assert owner.refused("POST", f"v1/poll/{token}/{number}", optionIds=options) == (400, "options")
    assert vote(owner, token, ask(owner, token, maxVotes=-3)["id"], 0, 1, 2)["votedSelf"] == [0, 1, 2]


def test_one_to_one_rooms_have_no_polls(server: Server) -> None:
    owner, other = server.add_user("owner"), server.add_user("other")
    pair = owner.post("v4/room", roomType=1, invite=other.id)["token"]
    notes = owner.get("v4/room/note-to-self")["token"]
    for token in (pair, notes):
        assert owner.refused("POST", f"v1/poll/{token}", **WHERE) == (400, "room")
        assert owner.refused("POST", f"v1/poll/{token}/draft/1", **WHERE) == (400, "room")


def test_only_moderators_see_drafts(server: Server) -> None:
    bob, second = server.add_user("bob"), server.add_user("second")
    owner, token = group_of(server, bob, second)
    owner.post(f"v4/room/{token}/moderators", attendeeId=owner.attendee(token, second))
    draft = ask(owner, token, draft=True)
    assert list(draft) == DRAFT_KEYS
    path = f"v1/poll/{token}/{draft['id']}"
    assert second.get(f"v1/poll/{token}/drafts") == [draft]
    assert second.post(f"v1/poll/{token}/draft/{draft['id']}", **{**WHERE, "question": "When?"})["question"] == "When?"
    absent = f"v1/poll/{token}/999999999"
    for method in ("GET", "POST", "DELETE"):
        assert bob.request(method, path).content == bob.request(method, absent).content
    assert bob.refused("POST", f"v1/poll/{token}/draft/{draft['id']}", **WHERE) == (400, "draft")
    assert bob.refused("POST", f"v1/poll/{token}", **WHERE, draft=True) == (400, "draft")
    assert bob.status("GET", f"v1/poll/{token}/drafts") == 403
    assert owner.refused("POST", path, optionIds=[0]) == (404, "poll")
    asked = ask(owner, token)["id"]
    assert owner.refused("POST", f"v1/poll/{token}/draft/{asked}", **WHERE) == (400, "poll")
    assert second.request("DELETE", path).status_code == 202
    assert owner.get(f"v1/poll/{token}/drafts") == []


def test_a_poll_of_another_room_is_not_found(server: Server) -> None:
    owner, token = group_of(server)
    other = owner.create_room()
    number, draft = ask(owner, other)["id"], ask(owner, other, draft=True)["id"]
    for path in (f"v1/poll/{token}/{number}", f"v1/poll/{token}/{draft}"):
        for method in ("GET", "POST", "DELETE"):
            assert owner.refused(method, path) == (404, "poll")
    assert owner.refused("POST", f"v1/poll/{token}/draft/{draft}", **WHERE) == (404, "poll")
    assert owner.get(f"v1/poll/{other}/drafts")[0]["id"] == draft


def test_guests_create_polls_and_vote(server: Server) -> None:
    owner, token = group_of(server, kind=PUBLIC)
    guest = server.visitor()
    guest.join(token)
    guest.post(f"v1/guest/{token}/name", displayName="Vera")
    poll = ask(guest, token)
    assert (poll["actorType"], poll["actorDisplayName"]) == ("guests", "Vera")
    assert owner.history(token)[0]["messageParameters"]["actor"]["name"] == "Vera (guest)"
    assert vote(guest, token, poll["id"], 0)["votes"] == {"option-0": 1}
    assert guest.status("GET", f"v1/poll/{token}/drafts") == 403
    assert guest.delete(f"v1/poll/{token}/{poll['id']}")["details"][0]["actorDisplayName"] == "Vera"


def test_polls_respect_lobby_lock_and_permissions(server: Server) -> None:
    bob = server.add_user("bob")
    owner, token = group_of(server, bob)
    number = ask(owner, token)["id"]
    owner.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert bob.status("GET", f"v1/poll/{token}/{number}") == 412
    assert bob.status("POST", f"v1/poll/{token}/{number}", optionIds=[0]) == 412
    owner.put(f"v4/room/{token}/webinar/lobby", state=0)
    owner.put(
        f"v4/room/{token}/attendees/permissions", attendeeId=owner.attendee(token, bob), method="set", permissions=1
    )
    assert bob.status("POST", f"v1/poll/{token}", **WHERE) == 403
    owner.put(f"v4/room/{token}/read-only", state=1)
    assert owner.status("POST", f"v1/poll/{token}", **WHERE) == 403


def test_a_poll_is_closed_once_and_a_vote_counts_once(server: Server, threads: ThreadPoolExecutor) -> None:
    owner, token = group_of(server)
    number = ask(owner, token)["id"]
    path = f"v1/poll/{token}/{number}"
    votes = [threads.submit(owner.request, "POST", path, optionIds=[count % 3]) for count in range(12)]
    assert {each.result(20).status_code for each in votes} == {200}
    assert owner.get(path)["numVoters"] == 1
    assert sum(owner.get(path)["votes"].values()) == 1
    closings = [threads.submit(owner.status, "DELETE", path) for _ in range(12)]
    assert sorted(each.result(20) for each in closings) == [200] + [400] * 11
    assert owner.system_messages(token).count("poll_closed") == 1


def test_votes_of_deleted_accounts_count_without_a_name(server: Server) -> None:
    gone = [server.add_user("gone"), server.add_user("lost")]
    owner, token = group_of(server, *gone)
    number = ask(gone[0], token)["id"]
    for person in gone:
        vote(person, token, number, 1)
    for person in gone:
        server.admin.delete(f"/ocs/v2.php/cloud/users/{person.id}").raise_for_status()
    closed = owner.delete(f"v1/poll/{token}/{number}")
    assert (closed["actorType"], closed["actorId"], closed["actorDisplayName"]) == (
        "deleted_users",
        "deleted_users",
        "",
    )
    assert (closed["votes"], closed["numVoters"]) == ({"option-1": 2}, 2)
    assert {each["actorId"] for each in closed["details"]} == {"deleted_users"}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list with the number of seconds by which the server's clock is ahead."""
    ahead = [0.0]
    monkeypatch.setattr(clock, "source", lambda: time.time() + ahead[0])
    return ahead


def test_a_poll_is_deleted_with_its_message(server: Server, later: list[float]) -> None:
    owner, token = group_of(server)
    deleted = ask(owner, token)["id"]
    owner.delete(f"v1/chat/{token}/{owner.history(token)[0]['id']}")
    assert owner.refused("GET", f"v1/poll/{token}/{deleted}") == (404, "poll")
    owner.post(f"v4/room/{token}/message-expiration", seconds=60)
    expired, draft = ask(owner, token)["id"], ask(owner, token, draft=True)["id"]
    vote(owner, token, expired, 1)
    later[0] = 61
    for method in ("GET", "POST", "DELETE"):
        assert owner.refused(method, f"v1/poll/{token}/{expired}") == (404, "poll")
    assert owner.get(f"v1/poll/{token}/{draft}")["status"] == 2


def test_polls_are_deleted_with_the_history(server: Server) -> None:
    owner, token = group_of(server)
    number = ask(owner, token)["id"]
    vote(owner, token, number, 1)
    owner.delete(f"v1/chat/{token}")
    assert owner.refused("GET", f"v1/poll/{token}/{number}") == (404, "poll")


def test_deleting_a_poll_deletes_the_report_that_it_was_closed(alice: Person, bob: Person, token: str) -> None:
    wording = {"question": "Where?", "options": ["a", "b"], "resultMode": 0, "maxVotes": 1}
    polls = [alice.post(f"v1/poll/{token}", **wording) for _ in range(2)]
    shown = [each for each in alice.history(token) if each["message"] == "{object}"]
    for poll in polls:
        bob.post(f"v1/poll/{token}/{poll['id']}", optionIds=[0])
        alice.delete(f"v1/poll/{token}/{poll['id']}")
    report = alice.delete(f"v1/chat/{token}/{shown[1]['id']}")
    assert (report["systemMessage"], report["parent"]["id"]) == ("message_deleted", shown[1]["id"])
    history = bob.history(token)
    (closed,) = [each for each in history if each["systemMessage"] == "poll_closed"]
    assert closed["messageParameters"]["poll"]["id"] == str(polls[1]["id"])
    gone = [each for each in history if each.get("deleted")]
    assert [each["message"] for each in gone] == ["Message deleted by author"] * 2
    assert {each["messageType"] for each in gone} == {"comment_deleted"}
    assert [each["parent"]["id"] for each in history if each["systemMessage"] == "message_deleted"] == [
        each["id"] for each in reversed(gone)
    ]
