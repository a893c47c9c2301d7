"""Dialling in and out, with a telephone bridge that stands in for a real one."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from support.notifications import PATH
from support.people import Person
from support.recorders import signed
from support.running import Server
from support.time import pass_time
from talkd.areas.sessions import bridge_service as callers
from talkd.areas.sip import service as sip
from talkd.conversation.settings import TalkSettings
from talkd.core.actor import Actor
from talkd.storage.schema import attendees
from talkd.storage.statements import Statement, bind

SECRET = "a secret of the telephone bridge"
NUMBER = "+4930123456"
INFO = "+49 30 999"
BASE = "/ocs/v2.php/apps/spreed/api/v4/room/"


def set_setting(server: Server, key: str, value: str | None) -> None:
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    answer = server.admin.delete(path) if value is None else server.admin.post(path, json={"value": value})
    answer.raise_for_status()


SETTINGS = {"sip_bridge_shared_secret": SECRET, "sip_bridge_dialin_info": INFO, "sip_dialout": "yes"}


_SET_CALL = Statement(
    sa.update(attendees).where(attendees.c.id == bind("attendee_id")).values(call_id=bind("call_id", sa.Text))
)


class Bridge:
    """A telephone bridge that proves that it knows the secret."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.secret = SECRET
        self.repeated: dict[str, str] | None = None
        """The headers of an earlier request, which take the place of new ones."""
        self.sent: dict[str, str] = {}
        """The headers of the last request."""

    def ask(self, method: str, token: str, path: str, **params: Any) -> httpx.Response:
        return self._send(method, f"{token}/{path}".rstrip("/"), token, params)

    def call_user(self, number: str, caller: str) -> httpx.Response:
        """Report that a number was dialled."""
        return self._send("POST", "direct-dial-in", number, {"phoneNumber": number, "caller": caller})

    def _send(self, method: str, path: str, proven: str, params: dict[str, Any]) -> httpx.Response:
        headers = self.sent = self.repeated or signed(proven.encode(), secret=self.secret, sender="Talk-SIPBridge")
        client = self._server.client()
        if method == "POST":
            return client.post(BASE + path, json=params, headers=headers)
        return client.request(method, BASE + path, params=params, headers=headers)

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
        features = {"sip-support", "sip-support-nopin", "sip-direct-dialin", "sip-support-dialout"}
        assert announced() == (features, [True] * 3, INFO)
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
    assert bridge.ask("POST", dialable, "verify-dialin", pin=wrong).json()["ocs"]["data"] is None
    assert bridge.room("GET", dialable, f"pin/{pin}")["actorId"] == alice.id
    assert bridge.ask("GET", dialable, f"pin/{wrong}").status_code == 404
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


@pytest.mark.parametrize("is_direct", [False, True])
def test_an_old_request_of_the_bridge_adds_nobody(
    server: Server, bridge: Bridge, alice: Person, dialable: str, monkeypatch: pytest.MonkeyPatch, is_direct: bool
) -> None:
    alice.put(f"v4/room/{dialable}/webinar/sip", state=2)
    server.write(lambda tx: sip.add_number(tx, NUMBER, alice.id, force=True))

    def dial() -> int:
        answer = bridge.call_user(NUMBER, "Caller") if is_direct else bridge.ask("POST", dialable, "open-dial-in")
        return answer.status_code

    def known() -> tuple[int, int]:
        return len(alice.participants(dialable)), len(alice.get("v4/room"))

    assert dial() == 200
    bridge.repeated = bridge.sent
    pass_time(monkeypatch, 30)
    assert dial() == 200, "a bridge that got no answer asks again"
    pass_time(monkeypatch, 90)
    before = known()
    assert dial() == 401
    assert known() == before
    bridge.repeated = None
    assert dial() == 200


def test_the_bridge_finds_the_number_that_it_calls(bridge: Bridge, alice: Person, dialable: str) -> None:
    alice.add(dialable, NUMBER, "phones")
    (phone,) = (each for each in alice.participants(dialable).values() if each["actorType"] == "phones")
    found = bridge.room("POST", dialable, "verify-dialout", number=NUMBER, options={"attendeeId": phone["attendeeId"]})
    assert (found["actorType"], found["actorId"]) == ("phones", phone["actorId"])

    def status(number: str, **options: Any) -> int:
        return bridge.ask("POST", dialable, "verify-dialout", number=number, options=options).status_code

    assert status("+49 30 123 456", actorType="phones", actorId=phone["actorId"]) == 200
    assert (status("+4930123457"), status("030123456"), status(NUMBER, actorId="other")) == (404, 400, 400)


def test_a_refused_call_is_forgotten_by_its_id(server: Server, bridge: Bridge, alice: Person, dialable: str) -> None:
    alice.add(dialable, NUMBER, "phones")
    (phone,) = (each for each in alice.participants(dialable).values() if each["actorType"] == "phones")

    def reject(call_id: str, **options: Any) -> int:
        answer = bridge.ask("DELETE", dialable, "rejected-dialout", callId=call_id, options=json.dumps(options))
        assert answer.json()["ocs"]["data"] is None
        return answer.status_code

    server.write(lambda tx: tx.run(_SET_CALL, call_id="call-1", attendee_id=phone["attendeeId"]))
    assert reject("call-1") == 400, "the attendee is not named"
    assert reject("call-1", attendeeId=999_999) == 404
    assert reject("call-2", attendeeId=phone["attendeeId"]) == 400
    assert reject("", attendeeId=phone["attendeeId"]) == 400
    assert alice.participants(dialable)[phone["actorId"]]["callId"] == "call-1"
    assert reject("call-1", attendeeId=phone["attendeeId"]) == 200
    assert alice.participants(dialable)[phone["actorId"]]["callId"] == ""


def test_calling_a_telephone_needs_a_bridge_that_is_connected(
    server: Server, bridge: Bridge, alice: Person, bob: Person, dialable: str
) -> None:
    alice.add(dialable, NUMBER, "phones")
    (phone,) = (each for each in alice.participants(dialable).values() if each["actorType"] == "phones")
    path = f"v4/call/{dialable}/dialout/{phone['attendeeId']}"
    assert alice.refused("POST", path) == (400, None)
    alice.join(dialable)
    alice.post(f"v4/call/{dialable}")
    assert alice.status("POST", f"v4/call/{dialable}/dialout/{alice.attendee(dialable, bob)}") == 404
    assert alice.status("POST", f"v4/call/{dialable}/dialout/999999") == 404
    answer = alice.request("POST", path)
    assert (answer.status_code, answer.json()["ocs"]["data"]["error"]) == (501, "no_client_available")


def test_the_bridge_may_look_at_any_room(bridge: Bridge, alice: Person, private: str, dialable: str) -> None:
    alice.put(f"v4/room/{dialable}/webinar/lobby", state=1)
    alice.join(dialable)
    alice.post(f"v4/call/{dialable}")
    seen = bridge.room("GET", dialable, "")
    shown = {key: seen[key] for key in ("token", "sipEnabled", "lobbyState", "hasCall", "sessionId")}
    assert shown == {"token": dialable, "sipEnabled": 1, "lobbyState": 1, "hasCall": True, "sessionId": "0"}
    assert "lastMessage" not in seen
    assert bridge.room("GET", private, "")["sipEnabled"] == 0
    assert bridge.ask("GET", "12345678", "").status_code == 404
    bridge.secret = "another secret"
    answer = bridge.ask("GET", dialable, "")
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (401, None)


def test_wrong_checksums_are_counted(throttled_server: Server) -> None:
    bridge = Bridge(throttled_server)
    statuses = {bridge.ask("GET", "12345678", "").status_code for _ in range(20)}
    assert statuses == {401, 429}


def test_moderators_enable_dial_in_if_their_group_may(
    server: Server, bridge: Bridge, alice: Person, dialable: str
) -> None:
    def is_offered() -> set[bool]:
        return {each["canEnableSIP"] for each in (alice.room(dialable), alice.rooms()[dialable])}

    assert is_offered() == {True}
    set_setting(server, "sip_bridge_groups", '["nobody"]')
    assert is_offered() == {False}
    set_setting(server, "sip_bridge_groups", json.dumps([server.add_group(alice)]))
    assert is_offered() == {True}


def test_a_call_to_the_number_of_a_user_opens_a_room(server: Server, bridge: Bridge, alice: Person) -> None:
    server.write(lambda tx: sip.add_number(tx, NUMBER, alice.id, force=True))
    answer = bridge.call_user(NUMBER, " +49 40 987654 ")
    assert answer.status_code == 200, answer.text
    seen = answer.json()["ocs"]["data"]
    assert (seen["actorType"], seen["participantType"], seen["canStartCall"]) == ("guests", 4, True)
    room = alice.room(seen["token"])
    assert (room["type"], room["displayName"], room["sipEnabled"]) == (2, "+49 40 987654", 2)
    assert (room["objectType"], room["objectId"]) == ("phone_temporary", "direct-dialin")
    assert room["participantType"] == 1
    assert alice.participants(room["token"])[seen["actorId"]]["displayName"] == "+49 40 987654"
    assert bridge.call_user("+4930000000", "x").status_code == 404
    server.admin.put(f"/ocs/v2.php/cloud/users/{alice.id}/disable").raise_for_status()
    assert bridge.call_user(NUMBER, "x").status_code == 404
    bridge.secret = "another secret"
    assert bridge.call_user(NUMBER, "x").status_code == 401


def test_an_administrator_sets_up_the_bridge(server: Server, bridge: Bridge, alice: Person, dialable: str) -> None:
    path = "v1/settings/sip"
    wanted = {"sipGroups": [server.add_group(alice)], "dialInInfo": "Call us", "sharedSecret": "a new secret"}
    assert alice.status("POST", path, **wanted) == 403
    answer = server.admin.post(f"/ocs/v2.php/apps/spreed/api/{path}", json=wanted)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (200, None)
    assert alice.get("v3/signaling/settings")["sipDialinInfo"] == "Call us"
    assert alice.room(dialable)["canEnableSIP"] is True
    assert bridge.ask("GET", dialable, "").status_code == 401
    bridge.secret = "a new secret"
    assert bridge.ask("GET", dialable, "").status_code == 200
    server.admin.post(f"/ocs/v2.php/apps/spreed/api/{path}", json={"dialInInfo": "Call us"}).raise_for_status()
    assert alice.room(dialable)["canEnableSIP"] is False


def test_a_call_to_a_user_rings_even_if_guests_may_not_start_calls(
    server: Server, bridge: Bridge, alice: Person
) -> None:
    server.write(lambda tx: sip.add_number(tx, NUMBER, alice.id, force=True))
    set_setting(server, "start_calls", "1")
    try:
        caller = bridge.call_user(NUMBER, "+49 40 987654").json()["ocs"]["data"]
    finally:
        set_setting(server, "start_calls", None)
    assert caller["canStartCall"] is True
    token, actor = caller["token"], Actor(caller["actorType"], caller["actorId"])
    settings = TalkSettings()
    settings.put("start_calls", "1")
    server.write(lambda tx: callers.keep(tx, token, actor, "caller-1", 9, settings))
    (call,) = [each for each in alice.get(PATH) if each["object_type"] == "call"]
    assert (call["subject"], call["actions"][0]["label"]) == ("Incoming phone call from +49 40 987654", "Accept call")
    server.write(lambda tx: callers.keep(tx, token, actor, "caller-1", 0, settings))
    (call,) = [each for each in alice.get(PATH) if each["object_type"] == "call"]
    assert (call["subject"], call["actions"][0]["label"]) == ("You missed a phone call from +49 40 987654", "View chat")
