"""A telephone bridge on a socket calls a number for a participant."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from support.people import Person
from support.running import Server
from support.signaling_servers import StandIn, use_servers
from support.sockets import Socket
from talkd.config import Config

SECRET, RANDOM = "the secret of internal clients", "r" * 32
NUMBER = "+4930123456"
SETTINGS = {"sip_bridge_shared_secret": "a secret of the bridge", "sip_dialout": "yes"}


@pytest.fixture(params=["sqlite", "postgres"])
def dialling(request: pytest.FixtureRequest, databases: Any, new_server: Callable[[Config], Server]) -> Server:
    """A server that may call telephones."""
    config: Config = databases.config(request.param)
    config.calls.internal_secret = SECRET
    server = new_server(config)
    for key, value in SETTINGS.items():
        path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
        server.admin_request("POST", path, value=value)
    return server


@pytest.fixture
def bridge(dialling: Server) -> Iterator[Socket]:
    """The socket of a bridge that can call telephones."""
    socket = Socket(dialling)
    checksum = hmac.new(SECRET.encode(), RANDOM.encode(), hashlib.sha256).hexdigest()
    auth = {"type": "internal", "params": {"random": RANDOM, "token": checksum, "backend": dialling.url}}
    socket.ask("hello", version="1.0", auth=auth, features=["start-dialout"])
    yield socket
    socket.close()


def phone_of(person: Person, token: str) -> dict[str, Any]:
    return next(each for each in person.participants(token).values() if each["actorType"] == "phones")


def test_a_bridge_calls_the_number_and_may_refuse(dialling: Server, bridge: Socket) -> None:
    alice = dialling.add_user("alice")
    token = alice.create_room()
    alice.add(token, NUMBER, "phones")
    alice.join(token)
    alice.post(f"v4/call/{token}")
    phone = phone_of(alice, token)

    def dial(outcome: dict[str, Any]) -> tuple[int, Any]:
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(alice.request, "POST", f"v4/call/{token}/dialout/{phone['attendeeId']}")
            message = bridge._next(lambda each: each["type"] == "internal")
            dialout = message["internal"]["dialout"]
            assert (dialout["roomid"], dialout["request"]["number"]) == (token, NUMBER)
            assert dialout["request"]["options"]["attendeeId"] == phone["attendeeId"]
            answer = {"type": "dialout", "dialout": {"roomid": token, **outcome}}
            bridge.send_raw({"id": message["id"], "type": "internal", "internal": answer})
            reply = asked.result(20)
        return reply.status_code, reply.json()["ocs"]["data"]

    refusal = {"code": "busy", "message": "All lines are busy."}
    assert dial({"type": "error", "error": refusal}) == (501, {"error": "busy"})
    assert phone_of(alice, token)["callId"] == ""
    assert dial({"type": "status", "status": {"callid": "call-1", "status": "accepted"}})[0] == 201
    assert phone_of(alice, token)["callId"] == "call-1"


def test_the_room_learns_how_a_call_goes(dialling: Server, bridge: Socket) -> None:
    alice = dialling.add_user("alice")
    token = alice.create_room()
    with closing(Socket(dialling)) as watching:
        watching.hello(alice)
        watching.join(token, alice.join(token)["sessionId"])

        def report(number: str = "", **content: Any) -> None:
            dialout = {"type": "dialout", "dialout": {"roomid": token, **content}}
            bridge.send_raw({"id": number, "type": "internal", "internal": dialout})

        ringing, over = ({"callid": "c1", "status": each, "cause": "x"} for each in ("ringing", "cleared"))
        report(type="status", status=ringing)
        assert watching.expect("transient") == {"type": "set", "key": "callstatus_c1", "value": ringing}
        assert watching.refusal("transient", type="set", key="callstatus_c1", value=over) == "not_allowed"
        report(type="status", status=over)
        told = watching.expect("transient")
        assert (told["value"], told["oldvalue"]) == (over, ringing)
        error = {"code": "busy", "message": "All lines are busy."}
        report(type="error", error=error)
        assert watching.expect("dialout") == {"type": "error", "error": error}
        report("1", type="status", status="ringing")
        assert bridge._next(lambda each: each.get("id") == "1")["error"]["code"] == "invalid_format"
        assert watching.expect("transient") == {"type": "remove", "key": "callstatus_c1", "oldvalue": over}


def test_an_external_server_is_asked_for_its_bridge(dialling: Server) -> None:
    alice = dialling.add_user("alice")
    token = alice.create_room()
    alice.add(token, NUMBER, "phones")
    alice.join(token)
    alice.post(f"v4/call/{token}")
    phone = phone_of(alice, token)

    def dial() -> tuple[int, Any]:
        reply = alice.request("POST", f"v4/call/{token}/dialout/{phone['attendeeId']}")
        return reply.status_code, reply.json()["ocs"]["data"]

    with closing(StandIn()) as without, closing(StandIn()) as signaling:
        use_servers(dialling, without.url, signaling.url)
        without.answers["dialout"] = 404, {"error": {"code": "no_client_available", "message": "No client."}}
        signaling.answers["dialout"] = 200, {"error": {"code": "busy", "message": "All lines are busy."}}
        assert dial() == (501, {"error": "busy"})
        options = {"attendeeId": phone["attendeeId"], "actorType": "phones", "actorId": phone["actorId"]}
        assert signaling.expect(token, "dialout") == {"number": NUMBER, "options": options}
        signaling.answers["dialout"] = 200, {"callid": "call-2"}
        assert dial() == (201, None)
        assert phone_of(alice, token)["callId"] == "call-2"
    assert dial() == (501, {"error": "no_client_available"})
