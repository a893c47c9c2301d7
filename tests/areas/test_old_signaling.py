"""Signaling in v1 and v2, together with clients of v3."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from support.people import PUBLIC, Person, data_of
from support.running import Server
from support.waiting import answer_after, begin_waiting
from talkd.areas.older import call_legacy as legacy

SINCE_V3 = {"helloAuthParams", "federation"}


class Device:
    """A client that has joined a room and uses signaling under `path`."""

    def __init__(self, person: Person, token: str, path: str) -> None:
        self.person, self.path = person, path
        self.session: str = person.join(token)["sessionId"]

    def send(self, to: str, text: str, session: str | None = None) -> None:
        """Send a message."""
        content = msgspec.json.encode({"type": "candidate", "to": to, "text": text}).decode()
        envelope = {"ev": "message", "fn": content, "sessionId": session or self.session}
        assert self.person.post(self.path, messages=msgspec.json.encode([envelope]).decode()) is None

    def poll(self) -> list[tuple[str, str]]:
        """Return sender and text of waiting or arriving messages. Store the present sessions in `present`."""
        return self.read(self.person.get(self.path))

    def read(self, items: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """Return the same for the answer of a poll."""
        assert items[-1]["type"] == "usersInRoom"
        self.present = {each["sessionId"] for each in items[-1]["data"]}
        contents = [msgspec.json.decode(item["data"]) for item in items[:-1]]
        return [(each["from"], each["text"]) for each in contents]


@pytest.mark.parametrize("path", ["v1/signaling", "v1/signaling/{token}", "v2/signaling/{token}"])
def test_sessions_of_all_versions_receive_each_others_messages(
    alice: Person, bob: Person, token: str, path: str
) -> None:
    old, new = Device(alice, token, path.format(token=token)), Device(bob, token, f"v3/signaling/{token}")
    for device in (old, new):
        device.poll()
        assert device.present == {old.session, new.session}
    old.send(new.session, "from the old one")
    new.send(old.session, "from the new one")
    assert new.poll() == [(old.session, "from the old one")]
    assert old.poll() == [(new.session, "from the new one")]


def test_a_poll_without_a_token_is_woken_by_a_message(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    old, new = Device(alice, token, "v1/signaling"), Device(bob, token, f"v3/signaling/{token}")
    old.poll()
    waiting = begin_waiting(server, threads, old.poll)
    new.send(old.session, "now")
    assert waiting.result(10) == [(new.session, "now")]


def test_a_request_without_a_token_uses_the_room_joined_last(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    second = alice.create_room()
    other = Device(bob, token, f"v3/signaling/{token}")
    old = Device(alice, token, "v1/signaling")
    old.poll()
    assert old.present == {old.session, other.session}
    later = Device(alice, second, "v1/signaling")
    later.poll()
    assert later.present == {later.session}
    alice.delete(f"v4/room/{second}/participants/active")
    old.read(data_of(answer_after(server, alice, old.path, 30)))
    assert old.present == {old.session, other.session}


def test_guests_are_identified_by_their_cookie_in_signaling(server: Server, alice: Person) -> None:
    token = alice.create_room(PUBLIC)
    guest = Device(server.visitor(), token, "v1/signaling")
    guest.poll()
    assert guest.present == {guest.session}


def test_a_client_cannot_send_as_another_session(server: Server, alice: Person, bob: Person, token: str) -> None:
    first, second = Device(alice, token, "v1/signaling"), Device(bob, token, "v1/signaling")
    second.poll()
    stranger = server.add_user("stranger")
    own = stranger.create_room()
    outside = Device(stranger, own, "v1/signaling")
    outside.send(second.session, "forged", session=first.session)
    outside.send(second.session, "from another room")
    first.send(second.session, "true")
    assert second.poll() == [(first.session, "true")]


@pytest.mark.parametrize("who", ["visitor", "user"])
def test_a_poll_without_a_room_is_answered_with_404(server: Server, who: str) -> None:
    person = server.visitor() if who == "visitor" else server.add_user("user")
    answer = person.request("GET", "v1/signaling")
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (404, [{"type": "usersInRoom", "data": []}])
    assert person.post("v1/signaling", messages="[]") is None


def test_each_version_has_its_own_signaling_settings(server: Server, alice: Person, token: str) -> None:
    first, second, third = (alice.get(f"v{number}/signaling/settings", token=token) for number in (1, 2, 3))
    assert set(first) == set(third) - SINCE_V3 - {"sipDialinInfo"}
    assert set(second) == set(third) - SINCE_V3
    for older in (first, second):
        assert (older["signalingMode"], older["userId"], older["server"], older["hideWarning"]) == (
            "external",
            alice.id,
            f"{server.url}/standalone-signaling",
            True,
        )
        assert older["ticket"].split(":")[2] == alice.id


def test_older_settings_have_one_random_server_of_each_kind() -> None:
    today: dict[str, Any] = {
        "signalingMode": "internal",
        "userId": "alice",
        "hideWarning": False,
        "server": "",
        "ticket": "t",
        "stunservers": [{"urls": ["stun:one:3478", "stun:two:3478"]}],
        "turnservers": [
            {"urls": [f"turn:{name}?transport={how}" for how in ("udp", "tcp")], "username": "u", "credential": "c"}
            for name in ("one", "two")
        ],
        "sipDialinInfo": "+49 30 1",
    }
    drawn = [legacy.settings_v2(today) for _ in range(64)]
    assert {each["sipDialinInfo"] for each in drawn} == {"+49 30 1"}
    assert {each["stunservers"][0]["url"] for each in drawn} == {"stun:one:3478", "stun:two:3478"}
    for settings in drawn:
        (stun,), (turn,) = settings["stunservers"], settings["turnservers"]
        assert stun["urls"] == [stun["url"]]
        assert turn in [{"url": entry["urls"][0], **entry} for entry in today["turnservers"]]
    nothing = legacy.settings_v1({**today, "stunservers": [], "turnservers": []})
    assert (nothing["stunservers"], nothing["turnservers"], "sipDialinInfo" in nothing) == ([], [], False)
