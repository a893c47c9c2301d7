"""Signaling messages between the sessions of a room."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from support.people import PUBLIC, TALK, Person
from support.raw import connection, head
from support.running import Server
from support.waiting import await_waiting, begin_waiting
from talkd.areas.signaling.model import needed_permissions
from talkd.areas.signaling.polling import Polling
from talkd.core import clock
from talkd.core.constants import Permission
from talkd.storage.schema import rooms
from talkd.storage.statements import Statement, bind

_SET_PERMISSIONS = Statement(
    sa.update(rooms).values(default_permissions=bind("bits")).where(rooms.c.token == bind("token"))
)
SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na={audio}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na={video}\r\n"


class Device:
    """A client with a session in a room."""

    def __init__(self, person: Person, token: str) -> None:
        self.person, self.token = person, token
        self.session: str = person.join(token)["sessionId"]
        self.poll()

    def send(self, content: dict[str, Any], *, session: str | None = None) -> None:
        """Send one message."""
        envelope = {"ev": "message", "fn": msgspec.json.encode(content).decode(), "sessionId": session or self.session}
        assert self.person.post(f"v3/signaling/{self.token}", messages=msgspec.json.encode([envelope]).decode()) is None

    def poll(self) -> list[dict[str, Any]]:
        """Return the messages that wait for this session, or arrive within 30 seconds."""
        items: list[dict[str, Any]] = self.person.get(f"v3/signaling/{self.token}")
        assert items[-1]["type"] == "usersInRoom"
        self.present = items[-1]["data"]
        return [msgspec.json.decode(item["data"]) for item in items[:-1]]

    def settle(self) -> None:
        """Fetch everything that has happened so far."""
        self.poll()

    def offer(self, other: "Device", **more: Any) -> dict[str, Any]:
        """Return an offer to the other session."""
        return {"type": "offer", "to": other.session, "roomType": "video", "sid": "1", **more}


@pytest.fixture
def pair(alice: Person, bob: Person) -> tuple[Device, Device]:
    """The clients of a moderator and of a member in one room."""
    token = alice.create_room()
    alice.add(token, bob)
    first = Device(alice, token)
    second = Device(bob, token)
    first.settle()
    return first, second


def mark(sender: Device, receiver: Device) -> list[dict[str, Any]]:
    """Send a message that is never dropped, and return what arrived before it."""
    sender.send({"type": "candidate", "to": receiver.session, "mark": True})
    got: list[dict[str, Any]] = []
    while not got or not got[-1].get("mark"):
        got += receiver.poll()
    return got[:-1]


def test_messages_go_both_ways_with_their_sender(pair: tuple[Device, Device]) -> None:
    for sender, receiver in (pair, pair[::-1]):
        sender.send({"type": "candidate", "to": receiver.session, "payload": {"x": [1, "ü"]}, "from": "forged"})
        got = receiver.poll()
        assert got == [
            {"type": "candidate", "to": receiver.session, "payload": {"x": [1, "ü"]}, "from": sender.session}
        ]


def test_a_waiting_session_gets_a_message_at_once(
    server: Server, pair: tuple[Device, Device], threads: ThreadPoolExecutor
) -> None:
    first, second = pair
    waiting = begin_waiting(server, threads, second.poll)
    first.send({"type": "candidate", "to": second.session})
    assert waiting.result(10)[0]["from"] == first.session


def test_messages_keep_their_order(pair: tuple[Device, Device]) -> None:
    first, second = pair
    for number in range(20):
        first.send({"type": "candidate", "to": second.session, "number": number})
    assert [each["number"] for each in mark(first, second)] == list(range(20))


def test_messages_arrive_after_2038(pair: tuple[Device, Device], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "steady", lambda: 2**32)
    first, second = pair
    first.send({"type": "candidate", "to": second.session})
    assert second.poll()[0]["from"] == first.session


def test_every_session_gets_the_list_of_sessions_when_it_changes(
    server: Server, pair: tuple[Device, Device], threads: ThreadPoolExecutor
) -> None:
    first, second = pair
    assert {each["sessionId"] for each in second.present} == {first.session, second.session}
    waiting = begin_waiting(server, threads, first.poll)
    second.person.post(f"v4/call/{second.token}", flags=3)
    waiting.result(10)
    assert {each["userId"]: each["inCall"] for each in first.present} == {first.person.id: 0, second.person.id: 3}
    waiting = begin_waiting(server, threads, first.poll)
    second.person.delete(f"v4/room/{second.token}/participants/active")
    waiting.result(10)
    assert [each["sessionId"] for each in first.present] == [first.session]


def test_a_new_join_ends_the_wait_of_the_old_session(
    server: Server, pair: tuple[Device, Device], threads: ThreadPoolExecutor
) -> None:
    _, second = pair
    waiting = begin_waiting(server, threads, second.person.request, "GET", f"v3/signaling/{second.token}")
    second.person.join(second.token)
    answer = waiting.result(10)
    assert answer.status_code == 409
    assert answer.json()["ocs"]["data"] == [{"type": "usersInRoom", "data": []}]


def test_messages_go_to_the_newest_poll_of_a_session(
    server: Server, pair: tuple[Device, Device], threads: ThreadPoolExecutor
) -> None:
    """A phone that changes its network polls again, while the server still waits on its earlier connections."""
    first, second = pair
    cookies = "; ".join(f"{name}={value}" for name, value in second.person.http.cookies.items())
    ask = head("GET", f"{TALK}v3/signaling/{second.token}", f"Cookie: {cookies}", user=second.person)
    await_waiting(server, 0)
    with contextlib.ExitStack() as cut_off:
        for number in range(5):
            cut_off.enter_context(connection(server)).sendall(ask)
            await_waiting(server, number + 1)
        newest = threads.submit(second.poll)
        await_waiting(server, 6)
        first.send({"type": "candidate", "to": second.session})
        assert [each["type"] for each in newest.result(20)] == ["candidate"]


def test_polling_a_room_that_the_browser_has_not_joined_is_refused(alice: Person) -> None:
    alice.join(alice.create_room())
    answer = alice.request("GET", f"v3/signaling/{alice.create_room()}")
    assert answer.status_code == 404
    assert answer.json()["ocs"]["data"] == [{"type": "usersInRoom", "data": []}]


def test_a_session_that_ends_during_the_wait_is_a_conflict(
    server: Server, pair: tuple[Device, Device], threads: ThreadPoolExecutor
) -> None:
    _, second = pair
    waiting = begin_waiting(server, threads, second.person.request, "GET", f"v3/signaling/{second.token}")
    second.person.delete(f"v4/room/{second.token}/participants/active")
    answer = waiting.result(10)
    assert answer.status_code == 409
    assert answer.json()["ocs"]["data"] == [{"type": "usersInRoom", "data": []}]


def test_polling_without_a_session_is_refused(server: Server, alice: Person) -> None:
    token = alice.create_room()
    assert alice.status("GET", f"v3/signaling/{token}") == 404
    alice.join(token)
    alice.delete(f"v4/room/{token}/participants/active")
    assert alice.status("GET", f"v3/signaling/{token}") == 404, "a browser that has left the room gets 404, not 409"
    for person in (server.add_user(), server.visitor()):
        assert person.status("GET", f"v3/signaling/{token}") == 404
        assert person.status("GET", "v3/signaling/abcdefgh") == 404


def test_nothing_stays_in_memory_of_deleted_rooms_and_ended_sessions(server: Server) -> None:
    owner = server.add_user("owner")
    memory = server.app.world[Polling]._informed
    before = set(memory)  # of other tests
    tokens = [owner.create_room() for _ in range(3)]
    for token in tokens:
        Device(owner, token)  # ends the session in the room before
    assert len(set(memory) - before) == 3
    for token in tokens:
        owner.delete(f"v4/room/{token}")
    assert set(memory) == before


def test_messages_with_a_foreign_sender_are_dropped(pair: tuple[Device, Device]) -> None:
    first, second = pair
    second.send({"type": "candidate", "to": first.session}, session=first.session)
    assert mark(second, first) == []


def test_messages_to_sessions_of_other_rooms_are_dropped(server: Server, pair: tuple[Device, Device]) -> None:
    _, second = pair
    carol = server.add_user("carol")
    stranger = Device(carol, carol.create_room(PUBLIC))
    second.send({"type": "candidate", "to": stranger.session})
    inside = server.visitor()
    friend = Device(inside, stranger.token)
    assert mark(friend, stranger) == []


def test_messages_of_callers_outside_the_room_are_dropped(server: Server, pair: tuple[Device, Device]) -> None:
    first, second = pair
    stranger = server.add_user("mallory")
    envelope = {"ev": "message", "fn": msgspec.json.encode({"to": first.session}).decode(), "sessionId": second.session}
    stranger.post(f"v3/signaling/{first.token}", messages=msgspec.json.encode([envelope]).decode())
    assert mark(second, first) == []


@pytest.mark.parametrize(
    "content",
    [
        {"type": "control", "payload": {"action": "forceMute", "peerId": "x"}},
        {"type": "control", "payload": "unshareScreen"},
    ],
)
def test_only_moderators_send_control_messages(pair: tuple[Device, Device], content: dict[str, Any]) -> None:
    moderator, member = pair
    member.send({**content, "to": moderator.session})
    assert mark(member, moderator) == []
    moderator.send({**content, "to": member.session})
    assert [each["type"] for each in mark(moderator, member)] == ["control"]


@pytest.mark.parametrize(
    ("audio", "video", "bits", "arrives"),
    [
        ("sendrecv", "sendrecv", 16 + 32, True),
        ("sendrecv", "sendrecv", 16, False),
        ("sendrecv", "sendrecv", 32, False),
        ("sendonly", "recvonly", 16, True),
        ("sendonly", "recvonly", 32, False),
        ("recvonly", "inactive", 4, True),
    ],
)
def test_offers_with_media_need_the_permission_to_publish(
    server: Server, pair: tuple[Device, Device], audio: str, video: str, bits: int, arrives: bool
) -> None:
    moderator, member = pair
    server.write(lambda tx: tx.run(_SET_PERMISSIONS, bits=1 + bits, token=member.token))
    payload = {"sdp": SDP.format(audio=audio, video=video)}
    for kind in ("offer", "answer"):
        member.send(member.offer(moderator, type=kind, payload={"type": kind, **payload}))
        assert bool(mark(member, moderator)) is arrives
    moderator.send(moderator.offer(member, payload=payload))
    assert mark(moderator, member)


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ({}, 0),
        ({"payload": "nonsense"}, 0),
        ({"payload": {"sdp": 5}}, 16 | 32),
        ({"payload": {"sdp": "m=audio 9 X 1"}}, 16),
        ({"payload": {"sdp": "m=video 9 X 1\r\na=recvonly\r\n"}}, 0),
        # What Chromium takes for video that is sent:
        ({"payload": {"sdp": "a=recvonly\nm=video 9 X 1"}}, 32),
        ({"payload": {"sdp": "m=video 9 X 1\na=recvonly\na=sendrecv x"}}, 32),
        ({"payload": {"sdp": "m=video 9 X 1\na=recvonly\na=sendonly:x"}}, 32),
        ({"payload": {"sdp": "m=video 9 X 1\na=sendrecv\na=x\ra=recvonly"}}, 16 | 32),
        ({"payload": {"sdp": "m=video 9 X 1\na=recvonly\na=x\rm=application 9 X\na=sendrecv"}}, 16 | 32),
        ({"payload": {"sdp": ["m=video 9 X 1"]}}, 16 | 32),
        ({"payload": {"sdp": "a=recvonly\nm=video 9 X 1\na=sendonly"}}, 32),
        ({"payload": {"sdp": "m=application 9 X 1"}}, 0),
        ({"roomType": "screen", "payload": {"sdp": "m=video 9 X 1"}}, 64),
    ],
)
def test_needed_permissions_of_session_descriptions(content: dict[str, Any], needed: int) -> None:
    assert needed_permissions(content) == Permission(needed)


@pytest.mark.parametrize(
    "messages",
    ["", "nonsense", "{}", "[1]", '[{"ev":"message"}]', '[{"ev":"message","fn":"[","sessionId":"x"}]', "[" * 5000],
)
def test_malformed_messages_are_dropped(pair: tuple[Device, Device], messages: str) -> None:
    first, second = pair
    assert second.person.status("POST", f"v3/signaling/{second.token}", messages=messages) == 200
    assert mark(second, first) == []


def test_settings_depend_on_the_room(server: Server, alice: Person) -> None:
    group, public = alice.create_room(), alice.create_room(PUBLIC)
    assert alice.get("v3/signaling/settings", token=group)["userId"] == alice.id
    stranger, visitor = server.add_user(), server.visitor()
    for person in (stranger, visitor):
        assert person.status("GET", "v3/signaling/settings", token=group) == 404
        assert person.get("v3/signaling/settings", token=public)["userId"] == (person.id or None)


def test_settings_name_no_server_if_it_has_no_sockets(
    server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.config.calls, "signaling", "polls")
    settings = alice.get("v3/signaling/settings", token=alice.create_room())
    assert (settings["signalingMode"], settings["server"]) == ("internal", "")
