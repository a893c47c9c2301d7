"""What external signaling servers are told about rooms."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.people import PUBLIC, Person
from support.running import Server, free_port
from support.signaling_servers import StandIn, use_servers
from talkd.conversation import attendee_store, room_store, session_store
from talkd.core import clock, ids
from talkd.core.actor import GUESTS
from talkd.signaling.external import portions
from talkd.storage.database import Tx


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


def test_lists_of_a_large_call_are_divided(
    server: Server, stand_in: StandIn, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "MAX_BYTES", 4_000)
    stand_in.largest = 4_000
    token = alice.create_room(PUBLIC)
    guests = [server.visitor() for _ in range(8)]
    sessions = [guest.join(token)["sessionId"] for guest in guests]
    for guest in guests:
        guest.post(f"v4/call/{token}", flags=1)
    told = stand_in.expect(
        token, "incall", lambda told: any(each["sessionId"] == sessions[-1] for each in told["changed"])
    )
    assert [each["sessionId"] for each in told["users"]] == [each["sessionId"] for each in told["changed"]]
    alice.put(f"v4/room/{token}/permissions/default", permissions=16)
    changed: list[str] = []
    parts = 0
    while set(changed) < set(sessions):
        told = stand_in.expect(
            token,
            "participants",
            lambda told: any(each["permissions"] == ["publish-audio"] for each in told["changed"]),
        )
        assert len(told["users"]) == len(told["changed"])
        changed += [each["sessionId"] for each in told["changed"]]
        parts += 1
    assert parts > 1
    assert len(changed) == len(sessions)


async def fill(tx: Tx, token: str, number: int) -> set[str]:
    """Add guests with sessions to a room. Return the ids of the sessions."""
    room, now = await room_store.get_room(tx, token), clock.steady()
    assert room is not None
    added = set()
    for index in range(number):
        attendee_id = await attendee_store.add_attendee(
            tx,
            room_id=room.id,
            actor_type=GUESTS,
            actor_id=ids.guest_id(str(index)),
            display_name="A guest with a name",
            type=4,
            last_read=0,
            now=now,
        )
        assert attendee_id is not None
        session_id = ids.text(255)
        session = await session_store.add_session(
            tx, room_id=room.id, attendee_id=attendee_id, session_id=session_id, browser="", now=now
        )
        await session_store.set_in_call(tx, session, 7, now)
        added.add(session_id)
    return added


def test_a_call_of_thousands_is_told_in_notifications_that_servers_accept(
    server: Server, stand_in: StandIn, alice: Person
) -> None:
    """The stand-in refuses notifications of more than 256 KiB, as servers do, and a refused one is missing here."""
    token = alice.create_room(PUBLIC)
    expected = server.write(lambda tx: fill(tx, token, 3_000))
    alice.put(f"v4/room/{token}/permissions/default", permissions=16)
    told: set[str] = set()
    while told < expected:
        part = stand_in.expect(token, "participants", lambda content: bool(content["changed"]))
        told |= {each["sessionId"] for each in part["changed"]}
    requests = stand_in.requests
    session = alice.join(token)["sessionId"]
    alice.post(f"v4/call/{token}", flags=7)
    joined = stand_in.expect(token, "incall")
    assert [each["sessionId"] for each in joined["changed"]] == [session]
    assert joined["users"] == joined["changed"], "the list of all does not fit"
    assert stand_in.requests - requests < 10


def test_names_of_a_large_room_are_divided(
    server: Server, stand_in: StandIn, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = [server.add_user(f"member-with-a-long-name-{'x' * 20}") for _ in range(10)]
    token = alice.create_room()
    for member in members:
        alice.add(token, member)
    stand_in.expect(token, "invite", lambda told: members[-1].id in told["userids"])
    monkeypatch.setattr(portions, "MAX_BYTES", 1_000)
    stand_in.largest = 1_000
    alice.put(f"v4/room/{token}", roomName="Renamed")
    told: set[str] = set()
    while told != {alice.id, *(member.id for member in members)}:
        told |= set(stand_in.expect(token, "update")["userids"])


def test_a_comment_that_is_too_large_is_fetched(
    stand_in: StandIn, alice: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portions, "MAX_BYTES", 4_000)
    stand_in.largest = 4_000
    alice.say(token, "x" * 5_000)
    alice.say(token, "short")
    stand_in.expect(token, "message", lambda told: told["data"]["chat"] == {"refresh": True})
    stand_in.expect(token, "message", lambda told: told["data"]["chat"].get("comment", {}).get("message") == "short")


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


def test_administrators_ask_a_signaling_server_for_its_version(
    server: Server, stand_in: StandIn, alice: Person
) -> None:
    path = "/ocs/v2.php/apps/spreed/api/v3/signaling/welcome/"

    def ask(number: int) -> tuple[int, Any]:
        answer = server.admin.get(f"{path}{number}")
        return answer.status_code, answer.json()["ocs"]["data"]

    assert ask(0) == (200, {"nextcloud-spreed-signaling": "Welcome", "version": "2.0.0"})
    assert ask(1) == (404, None)
    assert alice.status("GET", f"{path}0") == 403
    stand_in.welcome = b"<html>"
    assert ask(0) == (500, {"error": "JSON_INVALID"})
    use_servers(server, f"http://127.0.0.1:{free_port()}")
    assert ask(0) == (500, {"error": "CAN_NOT_CONNECT"})
