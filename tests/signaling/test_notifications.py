"""What external signaling servers are told about rooms."""

from collections.abc import Iterator

import pytest

from support.people import PUBLIC, Person
from support.running import Server
from support.signaling_servers import StandIn, use_servers


@pytest.fixture
def stand_in(server: Server) -> Iterator[StandIn]:
    """A signaling server that clients use."""
    opened = StandIn()
    use_servers(server, opened.url)
    yield opened
    use_servers(server)
    opened.close()


def test_members_who_come_and_go(server: Server, stand_in: StandIn, alice: Person, bob: Person) -> None:
    token = alice.create_room(name="Team")
    alice.add(token, bob)
    told = stand_in.expect(token, "invite", lambda told: bob.id in told["userids"])
    assert (set(told["alluserids"]), told["properties"]["name"]) == ({alice.id, bob.id}, "Team")
    attendee = alice.participants(token)[bob.id]["attendeeId"]
    alice.delete(f"v4/room/{token}/attendees", attendeeId=attendee)
    told = stand_in.expect(token, "disinvite")
    assert (told["userids"], told["alluserids"]) == ([bob.id], [alice.id])
    assert stand_in.backends == {f"{server.url}/"}


def test_a_guest_who_is_removed(server: Server, stand_in: StandIn, alice: Person) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    session = guest.join(token)["sessionId"]
    attendee = next(each for each in alice.get(f"v4/room/{token}/participants") if each["actorType"] == "guests")
    alice.delete(f"v4/room/{token}/attendees", attendeeId=attendee["attendeeId"])
    assert stand_in.expect(token, "disinvite")["sessionids"] == [session]


def test_properties_that_change(stand_in: StandIn, alice: Person, bob: Person, token: str) -> None:
    alice.put(f"v4/room/{token}", roomName="Renamed")
    told = stand_in.expect(token, "update", lambda told: told["properties"]["name"] == "Renamed")
    assert set(told["userids"]) == {alice.id, bob.id}


def test_a_room_that_is_deleted(stand_in: StandIn, alice: Person, bob: Person, token: str) -> None:
    alice.delete(f"v4/room/{token}")
    assert set(stand_in.expect(token, "delete")["userids"]) == {alice.id, bob.id}


def test_sessions_and_their_permissions(stand_in: StandIn, alice: Person, bob: Person, token: str) -> None:
    session = bob.join(token)["sessionId"]
    told = stand_in.expect(token, "participants", lambda told: bool(told["changed"]))
    [entry] = told["changed"]
    assert (entry["sessionId"], entry["userId"], entry["displayName"]) == (session, bob.id, "Bob")
    assert entry["permissions"] == ["publish-audio", "publish-video", "publish-screen"]
    assert [each["sessionId"] for each in told["users"]] == [session]
    attendee = alice.participants(token)[bob.id]["attendeeId"]
    alice.put(f"v4/room/{token}/attendees/permissions", attendeeId=attendee, method="set", permissions=17)
    told = stand_in.expect(token, "participants", lambda told: bool(told["changed"]))
    assert told["changed"][0]["permissions"] == ["publish-audio"]


def test_calls(stand_in: StandIn, alice: Person, bob: Person, token: str) -> None:
    first, second = alice.join(token)["sessionId"], bob.join(token)["sessionId"]
    alice.post(f"v4/call/{token}", flags=7)
    told = stand_in.expect(token, "incall")
    assert (told["incall"], [each["sessionId"] for each in told["users"]]) == (7, [first])
    assert told["changed"][0]["nextcloudSessionId"] == first
    bob.post(f"v4/call/{token}", flags=1)
    told = stand_in.expect(token, "incall", lambda told: told["changed"][0]["sessionId"] == second)
    assert {each["sessionId"]: each["inCall"] for each in told["users"]} == {first: 7, second: 1}
    bob.delete(f"v4/call/{token}")
    told = stand_in.expect(token, "incall", lambda told: told["incall"] == 0)
    assert [each["sessionId"] for each in told["users"]] == [first]
    alice.delete(f"v4/call/{token}", all=True)
    assert stand_in.expect(token, "incall", lambda told: "all" in told) == {"incall": 0, "all": True}


def test_chat_messages_in_their_order(stand_in: StandIn, alice: Person, token: str) -> None:
    for number in range(5):
        alice.post(f"v1/chat/{token}", message=f"Message {number}")
    for number in range(5):
        told = stand_in.expect(token, "message", lambda told: "comment" in told["data"]["chat"])
        while told["data"]["chat"]["comment"]["systemMessage"]:
            told = stand_in.expect(token, "message")
        assert told["data"]["type"] == "chat"
        assert told["data"]["chat"]["refresh"] is True
        assert told["data"]["chat"]["comment"]["message"] == f"Message {number}"


def test_with_a_lobby_chat_messages_have_no_text(stand_in: StandIn, alice: Person, token: str) -> None:
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    stand_in.expect(token, "update", lambda told: told["properties"]["lobby-state"] == 1)
    alice.post(f"v1/chat/{token}", message="Behind the door")
    assert stand_in.expect(token, "message", lambda told: told["data"]["chat"] == {"refresh": True})


def test_breakout_rooms_that_start_and_stop(stand_in: StandIn, alice: Person, bob: Person, token: str) -> None:
    attendee = alice.participants(token)[bob.id]["attendeeId"]
    made = alice.post(f"v1/breakout-rooms/{token}", mode=2, amount=1, attendeeMap=f'{{"{attendee}": 0}}')
    inner = next(room["token"] for room in made if room["token"] != token)
    session = bob.join(token)["sessionId"]
    alice.post(f"v1/breakout-rooms/{token}/rooms")
    assert stand_in.expect(token, "switchto") == {"roomid": inner, "sessions": [session]}
    moved = bob.join(inner)["sessionId"]
    alice.delete(f"v1/breakout-rooms/{token}/rooms")
    assert stand_in.expect(inner, "switchto") == {"roomid": token, "sessions": [moved]}


def test_a_server_that_fails_is_asked_again(stand_in: StandIn, alice: Person, token: str) -> None:
    stand_in.expect(token, "invite")
    stand_in.failures = 2
    alice.put(f"v4/room/{token}", roomName="Renamed")
    stand_in.expect(token, "update", lambda told: told["properties"]["name"] == "Renamed")
    assert stand_in.failures == 0


def test_requests_do_not_wait_for_a_server_that_is_gone(
    server: Server, stand_in: StandIn, alice: Person, token: str
) -> None:
    other = StandIn()
    other.close()
    use_servers(server, other.url)
    for number in range(20):
        alice.put(f"v4/room/{token}", roomName=f"Name {number}")
    assert alice.room(token)["name"] == "Name 19"
    use_servers(server, stand_in.url)
    alice.put(f"v4/room/{token}", roomName="Back")
    stand_in.expect(token, "update", lambda told: told["properties"]["name"] == "Back")
