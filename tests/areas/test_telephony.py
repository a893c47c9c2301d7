"""Dialling in and out, with a telephone bridge that stands in for a real one."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from support.people import Person
from support.recorders import signed
from support.running import Server

SECRET = "a secret of the telephone bridge"
NUMBER = "+4930123456"
INFO = "+49 30 999"
BASE = "/ocs/v2.php/apps/spreed/api/v4/room/"


def set_setting(server: Server, key: str, value: str | None) -> None:
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    answer = server.admin.delete(path) if value is None else server.admin.post(path, json={"value": value})
    answer.raise_for_status()


SETTINGS = {"sip_bridge_shared_secret": SECRET, "sip_bridge_dialin_info": INFO, "sip_dialout": "yes"}


class Bridge:
    """A telephone bridge that proves that it knows the secret."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.secret = SECRET

    def ask(self, method: str, token: str, path: str, **params: Any) -> httpx.Response:
        headers = signed(token.encode(), secret=self.secret, sender="Talk-SIPBridge")
        client = self._server.client()
        if method == "POST":
            return client.post(f"{BASE}{token}/{path}", json=params, headers=headers)
        return client.request(method, f"{BASE}{token}/{path}", params=params, headers=headers)

    def room(self, method: str, token: str, path: str, **params: Any) -> Any:
        answer = self.ask(method, token, path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["ocs"]["data"]


@pytest.fixture
def bridge(server: Server) -> Iterator[Bridge]:
    """A bridge that talkd is set up to use."""
    for key, value in SETTINGS.items():
        set_setting(server, key, value)
    yield Bridge(server)
    for key in (*SETTINGS, "sip_bridge_groups"):
        set_setting(server, key, None)


@pytest.fixture
def dialable(bridge: Bridge, alice: Person, bob: Person) -> str:
    """The token of a room of Alice and Bob, with dial-in by PIN."""
    token = alice.create_room()
    alice.add(token, bob)
    assert alice.put(f"v4/room/{token}/webinar/sip", state=1)["sipEnabled"] == 1
    return token


def pin_of(person: Person, token: str) -> str:
    return str(person.room(token)["attendeePin"])


def test_dialling_is_announced_while_a_bridge_is_set_up(server: Server, alice: Person) -> None:
    def announced() -> tuple[set[str], list[bool], str]:
        spreed = alice.get("/ocs/v2.php/cloud/capabilities")["capabilities"]["spreed"]
        call = spreed["config"]["call"]
        info = alice.get("v3/signaling/settings")["sipDialinInfo"]
        flags = [call["sip-enabled"], call["can-enable-sip"], call["sip-dialout-enabled"]]
        return {each for each in spreed["features"] if each.startswith("sip-")}, flags, info

    assert announced() == (set(), [False] * 3, "")
    for key, value in SETTINGS.items():
        set_setting(server, key, value)
    try:
        assert announced() == ({"sip-support", "sip-support-nopin", "sip-support-dialout"}, [True] * 3, INFO)
        set_setting(server, "sip_bridge_groups", '["nobody"]')
        assert announced()[1] == [True, False, False]
        token = alice.create_room()
        assert alice.refused("PUT", f"v4/room/{token}/webinar/sip", state=1) == (403, "config")
    finally:
        for key in (*SETTINGS, "sip_bridge_groups"):
            set_setting(server, key, None)


def test_a_room_made_before_the_bridge_cannot_be_dialled(server: Server, alice: Person, token: str) -> None:
    path = f"v4/room/{token}/webinar/sip"
    assert alice.refused("PUT", path, state=1) == (412, "config")
    for key, value in SETTINGS.items():
        set_setting(server, key, value)
    try:
        assert alice.refused("PUT", path, state=1) == (400, "token")
    finally:
        for key in SETTINGS:
            set_setting(server, key, None)


def test_dial_in_belongs_to_moderators_of_shared_rooms(
    bridge: Bridge, alice: Person, bob: Person, private: str, dialable: str
) -> None:
    path = f"v4/room/{dialable}/webinar/sip"
    assert bob.status("PUT", path, state=2) == 403
    assert alice.refused("PUT", path, state=3) == (400, "value")
    assert alice.refused("PUT", f"v4/room/{private}/webinar/sip", state=1) == (400, "type")
    assert (alice.room(dialable)["canEnableSIP"], bob.room(dialable)["canEnableSIP"]) == (True, False)
    assert dialable.isdecimal()
    assert dialable[0] != "0"
    assert all(one != next_one for one, next_one in pairwise(dialable))


def test_everybody_has_a_pin_that_the_bridge_knows_them_by(
    server: Server, bridge: Bridge, alice: Person, bob: Person, dialable: str
) -> None:
    carol = server.add_user("carol")
    alice.add(dialable, carol)
    pins = [pin_of(person, dialable) for person in (alice, bob, carol)]
    assert len(set(pins)) == 3
    assert all(len(pin) == 7 and pin.isdecimal() for pin in pins)
    for person, pin in zip((alice, bob, carol), pins, strict=True):
        room = bridge.room("POST", dialable, "verify-dialin", pin=pin)
        assert (room["token"], room["actorType"], room["actorId"]) == (dialable, "users", person.id)
    assert alice.participants(dialable)[bob.id]["attendeePin"] == pins[1]
    assert bob.participants(dialable)[alice.id]["attendeePin"] == ""
    alice.put(f"v4/room/{dialable}/webinar/sip", state=0)
    assert bridge.ask("POST", dialable, "verify-dialin", pin=pins[0]).status_code == 404
    assert pin_of(bob, dialable) == ""


def test_the_bridge_needs_the_secret_a_room_and_a_right_pin(
    server: Server, bridge: Bridge, alice: Person, dialable: str
) -> None:
    pin = pin_of(alice, dialable)
    wrong = str(int(pin) % 9_000_000 + 1_000_000)
    assert bridge.ask("POST", dialable, "verify-dialin", pin=wrong).status_code == 404
    assert bridge.ask("POST", dialable, "verify-dialin", pin="").status_code == 404
    assert bridge.ask("POST", "12345678", "verify-dialin", pin=pin).status_code == 404
    assert server.visitor().status("POST", f"v4/room/{dialable}/verify-dialin", pin=pin) == 401
    bridge.secret = "another secret"
    assert bridge.ask("POST", dialable, "verify-dialin", pin=pin).status_code == 401
    bridge.secret = SECRET
    set_setting(server, "sip_bridge_dialin_info", None)
    assert bridge.ask("POST", dialable, "verify-dialin", pin=pin).status_code == 501


def test_callers_without_a_pin_are_guests_if_the_room_lets_them(bridge: Bridge, alice: Person, dialable: str) -> None:
    assert bridge.ask("POST", dialable, "open-dial-in").status_code == 400
    alice.put(f"v4/room/{dialable}/webinar/sip", state=2)
    first, second = (bridge.room("POST", dialable, "open-dial-in") for _ in range(2))
    assert (first["actorType"], first["participantType"]) == ("guests", 4)
    assert first["actorId"] != second["actorId"]
    assert {first["actorId"], second["actorId"]} <= set(alice.participants(dialable))


def test_the_bridge_finds_the_number_that_it_calls(bridge: Bridge, alice: Person, dialable: str) -> None:
    alice.add(dialable, NUMBER, "phones")
    (phone,) = (each for each in alice.participants(dialable).values() if each["actorType"] == "phones")
    found = bridge.room("POST", dialable, "verify-dialout", number=NUMBER, options={"attendeeId": phone["attendeeId"]})
    assert (found["actorType"], found["actorId"]) == ("phones", phone["actorId"])

    def status(number: str, **options: Any) -> int:
        return bridge.ask("POST", dialable, "verify-dialout", number=number, options=options).status_code

    assert status("+49 30 123 456", actorType="phones", actorId=phone["actorId"]) == 200
    assert (status("+4930123457"), status("030123456"), status(NUMBER, actorId="other")) == (404, 400, 400)
    assert bridge.ask("DELETE", dialable, "rejected-dialout", callId="unknown").status_code == 404


def test_calling_a_telephone_needs_a_bridge_that_is_connected(
    server: Server, bridge: Bridge, alice: Person, bob: Person, dialable: str
) -> None:
    alice.add(dialable, NUMBER, "phones")
    (phone,) = (each for each in alice.participants(dialable).values() if each["actorType"] == "phones")
    path = f"v4/call/{dialable}/dialout/{phone['attendeeId']}"
    assert alice.refused("POST", path) == (400, "call")
    alice.join(dialable)
    alice.post(f"v4/call/{dialable}")
    assert alice.refused("POST", f"v4/call/{dialable}/dialout/{alice.attendee(dialable, bob)}") == (400, "participant")
    assert alice.status("POST", f"v4/call/{dialable}/dialout/999999") == 404
    answer = alice.request("POST", path)
    assert (answer.status_code, answer.json()["ocs"]["data"]["error"]) == (501, "no_client_available")
