"""A telephone bridge on a socket calls a number for a participant."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.people import Person
from support.running import Server
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
