"""Parts of the installation on sockets: they enter rooms by a secret, and bring people without a client."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.people import Person
from support.running import Server
from support.sockets import Socket
from talkd.config import Config

SECRET = "the secret of internal clients"
IN_CALL, AUDIO, PHONE = 1, 2, 8


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
        socket.hello_internal(self.server, secret)
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


def test_an_internal_client_is_in_the_call_as_it_said_before_it_joined(meeting: Meeting) -> None:
    recorder = meeting.internal()
    recorder.send("internal", type="incall", incall={"incall": IN_CALL})
    recorder.join(meeting.token, "")
    assert meeting.entry(lambda each: each["sessionId"] == recorder.id)["inCall"] == IN_CALL


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
        },
    )
    entry = meeting.entry(lambda each: each.get("virtual") is True)
    assert (entry["displayName"], entry["inCall"]) == ("Phone", IN_CALL | PHONE)
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


def bring(bridge: Socket, token: str, person: Person, **more: Any) -> None:
    """Add the session "1" of a user who has dialled in."""
    options = {"actorType": "users", "actorId": person.id}
    wanted = {"sessionid": "1", "roomid": token, "options": options, **more}
    bridge.send("internal", type="addsession", addsession=wanted)


def test_a_bridge_brings_attendees_into_the_call(meeting: Meeting) -> None:
    alice, token = meeting.alice, meeting.token
    bob = meeting.server.add_user("bob")
    alice.add(token, bob)
    bridge = meeting.internal()
    bridge.ask("room", roomid=token)
    bring(bridge, token, bob, incall=IN_CALL | PHONE)
    entry = meeting.entry(lambda each: each.get("virtual") is True)
    assert (entry["userId"], entry["displayName"], entry["inCall"]) == (bob.id, "Bob", IN_CALL | PHONE)
    assert entry["nextcloudSessionId"] == entry["sessionId"]
    (peer,) = alice.get(f"v4/call/{token}")
    assert (peer["actorId"], peer["sessionId"]) == (bob.id, entry["sessionId"])
    assert alice.system_messages(token)[-1] == "call_started"
    update = {"sessionid": "1", "roomid": token, "incall": IN_CALL | AUDIO | PHONE}
    bridge.send("internal", type="updatesession", updatesession=update)
    assert meeting.entry(lambda each: each["inCall"] == IN_CALL | AUDIO | PHONE)["userId"] == bob.id
    assert alice.participants(token)[bob.id]["inCall"] == IN_CALL | AUDIO | PHONE
    bridge.send("internal", type="removesession", removesession={"sessionid": "1", "roomid": token})
    meeting.server.wait_for(lambda: alice.get(f"v4/call/{token}") == [])
    assert alice.system_messages(token)[-1] == "call_ended"


def test_an_attendee_who_is_removed_is_hung_up(meeting: Meeting) -> None:
    alice, token = meeting.alice, meeting.token
    bob = meeting.server.add_user("bob")
    alice.add(token, bob)
    bridge = meeting.internal()
    bridge.ask("room", roomid=token)
    bring(bridge, token, bob)
    virtual = meeting.entry(lambda each: each.get("virtual") is True)["sessionId"]
    meeting.socket.until("room", "join", lambda joined: virtual in {each["sessionid"] for each in joined})
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    got = bridge.expect("control")
    assert (got["recipient"]["sessionid"], got["data"]) == ("1", {"type": "hangup"})
    assert virtual in meeting.socket.event("room", "leave")


def test_a_bridge_brings_only_attendees_who_may_join(meeting: Meeting) -> None:
    alice, token = meeting.alice, meeting.token
    bridge = meeting.internal()
    bridge.ask("room", roomid=token)

    def refused(kind: str, actor_id: str, number: str) -> str:
        options = {"actorType": kind, "actorId": actor_id}
        wanted = {"sessionid": number, "roomid": token, "options": options}
        return bridge.refusal("internal", type="addsession", addsession=wanted)

    assert refused("users", "nobody", "1") == "add_failed"
    alice.put(f"v4/room/{token}/read-only", state=1)
    assert refused("users", alice.id, "1") == "add_failed"
    alice.put(f"v4/room/{token}/read-only", state=0)
    bob = meeting.server.add_user("bob")
    alice.add(token, bob)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    bring(bridge, token, bob)
    meeting.server.wait_for(lambda: alice.participants(token)[bob.id]["sessionIds"] != [])
    assert alice.participants(token)[bob.id]["inCall"] == 0
    assert alice.room(token)["hasCall"] is False


def test_others_cannot_send_internal_messages(meeting: Meeting) -> None:
    assert meeting.socket.refusal("internal", type="incall", incall={"incall": 1}) == "not_allowed"


def test_a_user_is_no_internal_client(meeting: Meeting) -> None:
    person: Person = meeting.server.add_user("mallory")
    socket = meeting.open()
    socket.hello(person)
    assert socket.refusal("room", roomid=meeting.token, sessionid="") == "no_such_room"
