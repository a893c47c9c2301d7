"""Parts of the installation on sockets: they enter rooms by a secret, and bring people without a client."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.people import Person
from support.running import Server
from support.sockets import Socket
from talkd.config import Config

SECRET = "the secret of internal clients"
RANDOM = "r" * 32


class Meeting:
    """A server with a secret for internal clients, and a call of Alice on it."""

    def __init__(self, server: Server) -> None:
        self.server, self.opened = server, list[Socket]()
        self.alice = server.add_user("alice")
        self.token = self.alice.create_room()
        self.socket = self.open()
        self.socket.hello(self.alice)
        self.socket.session = self.alice.join(self.token)["sessionId"]
        self.socket.join(self.token, self.socket.session)
        self.socket.event("room", "join")

    def open(self) -> Socket:
        socket = Socket(self.server)
        self.opened.append(socket)
        return socket

    def internal(self, secret: str = SECRET) -> Socket:
        """Return the socket of an internal client."""
        socket = self.open()
        checksum = hmac.new(secret.encode(), RANDOM.encode(), hashlib.sha256).hexdigest()
        auth = {"type": "internal", "params": {"random": RANDOM, "token": checksum, "backend": self.server.url}}
        socket.id = socket.ask("hello", version="1.0", auth=auth)["sessionid"]
        return socket

    def entry(self, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until an entry of the list of sessions fulfils a condition, and return it."""
        update = self.socket.until("participants", "update", lambda update: any(map(found, update.get("users", []))))
        return next(each for each in update["users"] if found(each))


@pytest.fixture(params=["sqlite", "postgres"])
def meeting(
    request: pytest.FixtureRequest, databases: Any, new_server: Callable[[Config], Server]
) -> Iterator[Meeting]:
    config: Config = databases.config(request.param)
    config.calls.internal_secret = SECRET
    made = Meeting(new_server(config))
    yield made
    for socket in made.opened:
        socket.close()


def test_a_wrong_secret_is_refused(meeting: Meeting) -> None:
    with pytest.raises(AssertionError, match="invalid_token"):
        meeting.internal("another secret")


def test_an_internal_client_enters_any_room_and_may_control(meeting: Meeting) -> None:
    recorder = meeting.internal()
    assert recorder.ask("room", roomid=meeting.token)["roomid"] == meeting.token
    assert meeting.entry(lambda each: each["sessionId"] == recorder.id)["internal"] is True
    recorder.send(
        "control", recipient={"type": "session", "sessionid": meeting.socket.id}, data={"type": "mute", "audio": 1}
    )
    assert meeting.socket.expect("control")["data"]["type"] == "mute"
    recorder.send("internal", type="incall", incall={"incall": 1})
    assert meeting.entry(lambda each: each["sessionId"] == recorder.id and each["inCall"] == 1)
    assert recorder.refusal("room", roomid="unknown1") == "no_such_room"


def test_a_bridge_brings_people_without_a_client(meeting: Meeting) -> None:
    bridge = meeting.internal()
    bridge.ask("room", roomid=meeting.token)
    caller = {"sessionid": "caller-1", "roomid": meeting.token}
    bridge.send(
        "internal",
        type="addsession",
        addsession={
            **caller,
            "user": {"displayname": "Phone"},
            "flags": 3,
            "options": {"actorType": "phones", "actorId": "p1"},
        },
    )
    entry = meeting.entry(lambda each: each.get("virtual") is True)
    assert (entry["displayName"], entry["actorType"], entry["actorId"], entry["inCall"]) == ("Phone", "phones", "p1", 1)
    assert meeting.socket.event("participants", "flags") == {
        "roomid": meeting.token,
        "sessionid": entry["sessionId"],
        "flags": 3,
    }
    meeting.socket.send(
        "message", recipient={"type": "session", "sessionid": entry["sessionId"]}, data={"type": "mute"}
    )
    got = bridge.expect("message")
    assert (got["recipient"], got["data"]) == ({"type": "session", "sessionid": "caller-1"}, {"type": "mute"})
    assert bridge.refusal("internal", type="addsession", addsession=caller) == "add_failed"
    meeting.socket.until("room", "join", lambda joined: entry["sessionId"] in {each["sessionid"] for each in joined})
    bridge.send("internal", type="removesession", removesession=caller)
    assert meeting.socket.event("room", "leave") == [entry["sessionId"]]
    assert bridge.refusal("internal", type="removesession", removesession=caller) == "no_such_session"


def test_virtual_people_leave_with_their_bridge(meeting: Meeting) -> None:
    bridge = meeting.internal()
    bridge.ask("room", roomid=meeting.token)
    bridge.send("internal", type="addsession", addsession={"sessionid": "1", "roomid": meeting.token})
    virtual = meeting.entry(lambda each: each.get("virtual") is True)["sessionId"]
    meeting.socket.until("room", "join", lambda joined: virtual in {each["sessionid"] for each in joined})
    bridge.ask("bye")
    assert set(meeting.socket.event("room", "leave")) == {virtual, bridge.id}


def test_others_cannot_send_internal_messages(meeting: Meeting) -> None:
    assert meeting.socket.refusal("internal", type="incall", incall={"incall": 1}) == "not_allowed"


def test_a_user_is_no_internal_client(meeting: Meeting) -> None:
    person: Person = meeting.server.add_user("mallory")
    socket = meeting.open()
    socket.hello(person)
    assert socket.refusal("room", roomid=meeting.token, sessionid="") == "no_such_room"
