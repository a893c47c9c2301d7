"""Every operation of the API documents, called by every kind of caller in every kind of room.

`tests/api_documents` has the answers that a document lists, and in `unlisted.py` the others with their reasons.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from hashlib import sha1
from typing import Any

import pytest

from api_documents import API_DOCUMENTS, CALLS_V4
from api_documents.scene import Scene
from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server

STATUS = re.compile(r"(\d{3})\b")


def listed() -> dict[tuple[str, str], set[int]]:
    """Return the allowed statuses by version and operation. v2 and v3 follow the documents of v1."""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for document in API_DOCUMENTS:
        versions = ("v4",) if document is CALLS_V4 else ("v1", "v2", "v3")
        answers = [(row.operation, int(said[1])) for row in document.rows if (said := STATUS.match(row.says))]
        answers += [(each.operation, each.status) for each in document.unlisted]
        for operation, status in answers:
            for version in versions:
                found[version, re.sub(r" v\d/", " ", operation)].add(status)
    for version in ("v1", "v2", "v3"):
        found[version, "PUT call/{token}"] = found["v4", "PUT call/{token}"]  # no older document has it
    return found


LISTED = listed()


class Cast:
    """A room of some kind and every kind of caller. All callers who can have joined the room."""

    def __init__(self, server: Server, make: "Callable[[Cast], str]") -> None:
        self.owner, self.moderator, self.member, self.self_joined, self.outsider, self.newcomer = (
            server.add_user(name) for name in ("owner", "moderator", "member", "joined", "outsider", "newcomer")
        )
        self.guest, self.guest_moderator, self.nobody = (server.visitor() for _ in range(3))
        self.sessions: dict[Person, str] = {}
        self.token = make(self)

    @property
    def callers(self) -> dict[str, Person]:
        return {
            "nobody": self.nobody,
            "outsider": self.outsider,
            "guest": self.guest,
            "self-joined": self.self_joined,
            "member": self.member,
            "guest moderator": self.guest_moderator,
            "moderator": self.moderator,
            "owner": self.owner,
        }

    def fill(self, token: str) -> str:
        """Add or join every caller who can be in the room, in the role of their name."""
        for person in (self.moderator, self.member):
            self.owner.add(token, person)
        self.join(token, self.owner, self.moderator, self.member)
        self.promote(token, self.moderator.id)
        if self.owner.room(token)["type"] == PUBLIC:
            self.join(token, self.self_joined, self.guest, self.guest_moderator)
            self.promote(token, sha1(self.sessions[self.guest_moderator].encode()).hexdigest())
        return token

    def join(self, token: str, *people: Person) -> None:
        for person in people:
            self.sessions[person] = person.join(token)["sessionId"]

    def promote(self, token: str, actor_id: str) -> None:
        self.owner.post(f"v4/room/{token}/moderators", attendeeId=self.owner.attendee(token, actor_id))


def group(cast: Cast) -> str:
    return cast.fill(cast.owner.create_room(GROUP))


def public(cast: Cast) -> str:
    return cast.fill(cast.owner.create_room(PUBLIC))


def with_call(cast: Cast) -> str:
    token = public(cast)
    for person in cast.callers.values():
        person.request("POST", f"v4/call/{token}")
    return token


def locked(cast: Cast) -> str:
    token = public(cast)
    cast.owner.put(f"v4/room/{token}/read-only", state=1)
    return token


def with_lobby(cast: Cast) -> str:
    token = public(cast)
    cast.owner.put(f"v4/room/{token}/webinar/lobby", state=1)
    return token


def with_password(cast: Cast) -> str:
    token = public(cast)
    cast.owner.put(f"v4/room/{token}/password", password="Open sesame 1")
    return token


def of_one_moderator(cast: Cast) -> str:
    token = cast.owner.create_room(PUBLIC)
    cast.owner.add(token, cast.member)
    cast.join(token, cast.owner, cast.guest)
    return token


def one_to_one(cast: Cast) -> str:
    token: str = cast.owner.post("v4/room", roomType=ONE_TO_ONE, invite=cast.member.id)["token"]
    cast.join(token, cast.owner, cast.member)
    return token


def note_to_self(cast: Cast) -> str:
    token: str = cast.owner.get("v4/room/note-to-self")["token"]
    cast.join(token, cast.owner)
    return token


def breakout(cast: Cast) -> str:
    parent = cast.fill(cast.owner.create_room(GROUP))
    cast.owner.post(f"v1/breakout-rooms/{parent}", mode=1, amount=1)
    token: str = cast.owner.get(f"v4/room/{parent}/breakout-rooms")[0]["token"]
    return token


def nowhere(_cast: Cast) -> str:
    return Scene.nowhere


ROOMS = (
    group,
    public,
    with_call,
    locked,
    with_lobby,
    with_password,
    of_one_moderator,
    one_to_one,
    note_to_self,
    breakout,
    nowhere,
)
Given = dict[str, Any]
Inputs = Callable[[Cast], list[Given]]


def _always(*given: Given) -> Inputs:
    return lambda _cast: list(given)


def _users(name: str, *more: Given) -> Inputs:
    """The parameter names every user, an unknown user and nobody, and is also left out."""
    return lambda cast: (
        [
            {name: who}
            for who in (
                "nobody at all",
                "",
                cast.newcomer.id,
                cast.outsider.id,
                cast.owner.id,
                cast.moderator.id,
                cast.self_joined.id,
                cast.member.id,
            )
        ]
        + [{}, *more]
    )


def _sessions(cast: Cast) -> list[Given]:
    return [{"participant": session} for session in ("0", *cast.sessions.values())] + [{}]


KEEPING: tuple[tuple[str, Inputs], ...] = (
    ("GET room/{token}", _always({})),
    ("PUT room/{token}", _always({"roomName": "New"}, {"roomName": ""}, {"roomName": "x" * 201}, {})),
    ("PUT room/{token}/password", _always({"password": "Open sesame 1"}, {"password": ""}, {})),
    ("PUT room/{token}/read-only", _always({"state": 2}, {}, {"state": 1}, {"state": 0})),
    ("POST room/{token}/favorite", _always({})),
    ("DELETE room/{token}/favorite", _always({})),
    ("POST room/{token}/notify", _always({"level": 2}, {"level": 0}, {})),
    ("GET room/{token}/participants", _always({})),
    ("POST room/{token}/participants", _users("newParticipant")),
    ("POST room/{token}/participants/active", _always({}, {"password": "wrong"}, {"password": "Open sesame 1"})),
    ("POST room/{token}/moderators", _users("participant")),
    ("DELETE room/{token}/moderators", _users("participant")),
    ("GET call/{token}", _always({})),
    ("PUT call/{token}", _always({"flags": 3}, {"flags": 0}, {})),
    ("POST call/{token}", _always({}, {"flags": 3})),
    ("PUT call/{token}", _always({"flags": 3})),
    ("POST call/{token}/ping", _always({})),
    ("DELETE call/{token}", _always({})),
    ("GET chat/{token}", _always({"timeout": 0})),
    ("POST chat/{token}", _always({"message": "Hello"}, {"message": ""}, {"message": "x" * 32_001}, {})),
    ("POST room/{token}/public", _always({})),
)
"""Operations after which every caller is still in the room."""
ENDING: tuple[tuple[str, Inputs], ...] = (
    ("DELETE room/{token}/public", _always({})),
    ("DELETE room/{token}/participants/active", _always({})),
    ("DELETE room/{token}/participants", _users("participant")),
    ("DELETE room/{token}/participants/guests", _sessions),
    ("DELETE room/{token}/participants/self", _always({})),
    ("DELETE room/{token}", _always({})),
)
"""Operations that remove a caller or the room, so each runs with callers of its own."""


def unexpected(cast: Cast, version: str, operation: str, inputs: Inputs) -> list[str]:
    """Return the answers that no document lists, as lines for the report."""
    method, path = operation.split(" ")
    wrong = []
    for name, caller in cast.callers.items():
        for given in inputs(cast):
            answer = caller.request(method, f"{version}/{path}".format(token=cast.token), **given)
            if answer.status_code not in LISTED[version, operation]:
                wrong.append(f"{version} {operation} {given} by {name}: {answer.status_code} {answer.text[:200]}")
    return wrong


@pytest.mark.parametrize("room", ROOMS)
def test_old_versions_answer_only_what_is_listed(server: Server, room: Callable[[Cast], str]) -> None:
    cast = Cast(server, room)
    wrong = [line for each in KEEPING for line in unexpected(cast, "v1", *each)]
    for each in ENDING:
        wrong += unexpected(Cast(server, room), "v1", *each)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("room", [public, one_to_one])
def test_v2_and_v3_answer_as_v1(server: Server, room: Callable[[Cast], str], version: str) -> None:
    later = [each for each in KEEPING if not each[0].endswith(("/ping", "chat/{token}", "/moderators"))]
    cast = Cast(server, room)
    wrong = [line for each in later for line in unexpected(cast, version, *each)]
    for each in ENDING:
        wrong += unexpected(Cast(server, room), version, *each)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", ROOMS)
def test_calls_of_v4_answer_only_what_is_listed(server: Server, room: Callable[[Cast], str]) -> None:
    cast = Cast(server, room)
    calls = [each for each in KEEPING if each[0].endswith(" call/{token}")]
    wrong = [line for each in calls for line in unexpected(cast, "v4", *each)]
    rung = Cast(server, room)
    people = rung.owner.request("GET", f"v4/room/{rung.token}/participants")
    numbers = [each["attendeeId"] for each in people.json()["ocs"]["data"]] if people.is_success else []
    for number in (*numbers, 0, 10**9):
        for name, caller in rung.callers.items():
            status = caller.status("POST", f"v4/call/{rung.token}/ring/{number}")
            if status not in LISTED["v4", "POST call/{token}/ring/{attendeeId}"]:
                wrong.append(f"ringing {number} by {name}: {status}")
    assert not wrong, "\n".join(wrong)


def test_every_operation_of_the_documents_is_called() -> None:
    asked = {operation for operation, _ in (*KEEPING, *ENDING)}
    documented = {operation for version, operation in LISTED if version == "v1"}
    assert documented - asked == {"GET room", "POST room"}, "the test below calls these two"


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_rooms_are_created_and_listed_with_listed_answers_only(server: Server, version: str) -> None:
    alice, bob, visitor = server.add_user("alice"), server.add_user("bob"), server.visitor()
    group_id = server.add_group(bob)
    invites = ("", "nobody at all", alice.id, bob.id, group_id)
    names: tuple[Given, ...] = ({}, {"roomName": ""}, {"roomName": "  "}, {"roomName": "R"}, {"roomName": "x" * 300})
    for caller in (alice, visitor):
        assert caller.status("GET", f"{version}/room") in LISTED[version, "GET room"]
        for kind in (0, 1, 2, 3, 4, 5, 6, 99, -1, "x", None):
            for given in (*({"invite": invite} for invite in invites), *names):
                answer = caller.request("POST", f"{version}/room", roomType=kind, **given)
                assert answer.status_code in LISTED[version, "POST room"] - {403}, (kind, given, answer.text)
