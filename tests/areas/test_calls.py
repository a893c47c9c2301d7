"""Calls: join, flags, system messages, leave, end, ring, attendance."""

import csv
import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.storage.schema import rooms
from talkd.storage.statements import Statement, bind

IN_CALL, AUDIO, VIDEO = 1, 2, 4

_SET_PERMISSIONS = Statement(
    sa.update(rooms).values(default_permissions=bind("bits")).where(rooms.c.token == bind("token"))
)
_SET_LOBBY = Statement(sa.update(rooms).values(lobby_state=bind("state")).where(rooms.c.token == bind("token")))


@pytest.fixture
def token(alice: Person, bob: Person) -> str:
    """A room of alice and bob, joined by both."""
    made = alice.create_room()
    alice.add(made, bob)
    alice.join(made)
    bob.join(made)
    return made


def flags(person: Person, token: str) -> dict[str, int]:
    """Return the call flags of each attendee."""
    return {each["actorId"]: each["inCall"] for each in person.get(f"v4/room/{token}/participants")}


def test_a_call_starts_with_the_first_device_and_ends_with_the_last(alice: Person, bob: Person, token: str) -> None:
    assert alice.room(token)["hasCall"] is False
    assert alice.post(f"v4/call/{token}", flags=IN_CALL | AUDIO) is None
    room = bob.room(token)
    assert (room["hasCall"], room["callFlag"], room["callStartTime"] > 0) == (True, 3, True)
    bob.post(f"v4/call/{token}", flags=7)
    peers = {peer["actorId"]: peer for peer in alice.get(f"v4/call/{token}")}
    assert set(peers) == {alice.id, bob.id}
    assert (peers[bob.id]["displayName"], peers[bob.id]["token"]) == ("Bob", token)
    assert flags(alice, token) == {alice.id: 3, bob.id: 7}
    assert bob.room(token)["callFlag"] == 7
    alice.delete(f"v4/call/{token}")
    assert bob.room(token)["hasCall"] is True
    bob.delete(f"v4/call/{token}")
    room = alice.room(token)
    assert (room["hasCall"], room["callFlag"], room["callStartTime"]) == (False, 0, 0)
    assert alice.system_messages(token)[2:] == [
        "call_started",
        "call_joined",
        "call_left",
        "call_left",
        "call_ended",
    ]


def test_a_device_joins_with_audio_and_video_by_default(alice: Person, token: str) -> None:
    alice.post(f"v4/call/{token}")
    assert flags(alice, token)[alice.id] == IN_CALL | AUDIO | VIDEO


@pytest.mark.parametrize("wanted", [0, 1, 3, 5, 7, 8, 15])
def test_flags_can_be_changed(alice: Person, token: str, wanted: int) -> None:
    alice.post(f"v4/call/{token}", flags=IN_CALL)
    answer = alice.request("PUT", f"v4/call/{token}", flags=wanted)
    if wanted & IN_CALL:
        assert answer.status_code == 200
        assert flags(alice, token)[alice.id] == wanted
    else:
        assert answer.status_code == 400
        assert flags(alice, token)[alice.id] == IN_CALL


def test_flags_need_a_call_and_a_session(server: Server, alice: Person, token: str) -> None:
    assert alice.status("PUT", f"v4/call/{token}", flags=3) == 400
    unopened = alice.create_room()
    assert alice.status("POST", f"v4/call/{unopened}") == 404
    assert alice.status("PUT", f"v4/call/{unopened}", flags=3) == 404
    assert alice.status("DELETE", f"v4/call/{unopened}") == 404
    assert server.add_user().status("POST", f"v4/call/{token}") == 404


def test_only_moderators_end_a_call_for_everyone(alice: Person, bob: Person, token: str) -> None:
    for person in (alice, bob):
        person.post(f"v4/call/{token}", flags=7)
    bob.delete(f"v4/call/{token}", all=True)
    assert flags(alice, token) == {alice.id: 7, bob.id: 0}
    bob.post(f"v4/call/{token}", flags=7)
    alice.delete(f"v4/call/{token}", all=True)
    assert flags(alice, token) == {alice.id: 0, bob.id: 0}
    assert bob.room(token)["hasCall"] is False
    assert bob.system_messages(token)[-1] == "call_ended_everyone"


def test_an_unanswered_call_reads_differently_for_caller_and_callee(server: Server, alice: Person, bob: Person) -> None:
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=3)
    alice.delete(f"v4/call/{token}")
    seen = {person.id: person.history(token)[0] for person in (alice, bob)}
    assert [(each["systemMessage"], each["message"]) for each in seen.values()] == [
        ("call_tried", "Unanswered call"),
        ("call_missed", "Missed call"),
    ]
    assert [list(each["messageParameters"]) for each in seen.values()] == [["user"], ["user"]]
    assert [each["messageParameters"]["user"]["id"] for each in seen.values()] == [bob.id, alice.id]
    assert alice.room(token)["lastMessage"]["systemMessage"] == "call_tried"
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    user = {"type": "highlight", "id": "deleted_users", "name": "Bob"}
    (tried,) = [each for each in alice.history(token) if each["systemMessage"] == "call_tried"]
    assert (tried["message"], tried["messageParameters"]) == ("Unanswered call", {"user": user})


@pytest.mark.parametrize(("silent", "kind"), [(False, "call"), (True, "silent call")])
@pytest.mark.parametrize("for_everyone", [False, True])
def test_one_to_one_calls_are_described_without_names(
    alice: Person, bob: Person, private: str, silent: bool, kind: str, for_everyone: bool
) -> None:
    for person in (alice, bob):
        person.join(private)
        person.post(f"v4/call/{private}", flags=3, silent=silent)
    bob.delete(f"v4/call/{private}", all=for_everyone)
    alice.request("DELETE", f"v4/call/{private}")
    for person, way in ((alice, "Outgoing"), (bob, "Incoming")):
        reports = {each["systemMessage"]: each for each in person.history(private)}
        ended = reports["call_ended_everyone" if for_everyone else "call_ended"]
        assert reports["call_started"]["message"] == f"{way} {kind}"
        assert re.fullmatch(r"Call ended \(Duration \d+:\d\d\)", ended["message"])
        for report in (reports["call_started"], ended):
            assert list(report["messageParameters"]) == ["actor"]


@pytest.mark.parametrize(
    ("members", "guests", "company"),
    [
        (3, 0, "{user1}, {user2} and {user3}"),
        (4, 1, "{user1}, {user2}, {user3}, {user4} and 1 guest"),
        (5, 0, "{user1}, {user2}, {user3}, {user4} and {user5}"),
        (5, 2, "{user1}, {user2}, {user3}, {user4} and 3 others"),
        (6, 0, "{user1}, {user2}, {user3}, {user4} and 2 others"),
    ],
)
def test_the_end_of_a_call_names_at_most_five_participants(
    server: Server, alice: Person, members: int, guests: int, company: str
) -> None:
    token = alice.create_room(PUBLIC)
    people = [alice, *(server.add_user() for _ in range(members - 1)), *(server.visitor() for _ in range(guests))]
    for person in reversed(people):
        person.join(token)
        person.post(f"v4/call/{token}")
    for person in people:
        person.delete(f"v4/call/{token}")
    ended = alice.history(token)[0]
    assert ended["message"].partition(" ended (Duration ")[0] == f"Call with {company}"
    named = [each["id"] for key, each in ended["messageParameters"].items() if key != "actor"]
    assert named == sorted(person.id for person in people[:members])[: 4 if "others" in company else 5]


def test_a_silent_call_is_described_as_silent(alice: Person, bob: Person, token: str) -> None:
    alice.post(f"v4/call/{token}", silent=True)
    assert alice.history(token)[0]["message"] == "You started a silent call"
    started = bob.history(token)[0]
    assert (started["systemMessage"], started["message"]) == ("call_started", "{actor} started a silent call")
    assert started["silent"] is True


def test_two_devices_of_one_user_are_one_participant(server: Server, alice: Person, token: str) -> None:
    other = Person(server.client(alice.id), alice.id)
    other.join(token)
    alice.post(f"v4/call/{token}", flags=3)
    other.post(f"v4/call/{token}", flags=7)
    assert len(alice.get(f"v4/call/{token}")) == 2
    alice.delete(f"v4/call/{token}")
    assert [peer["actorId"] for peer in other.get(f"v4/call/{token}")] == [alice.id]
    assert "call_left" not in other.system_messages(token)


def test_closing_the_room_leaves_the_call(alice: Person, bob: Person, token: str) -> None:
    alice.post(f"v4/call/{token}")
    alice.delete(f"v4/room/{token}/participants/active")
    assert bob.room(token)["hasCall"] is False


def test_a_removed_member_leaves_the_call(alice: Person, bob: Person, token: str) -> None:
    for person in (alice, bob):
        person.post(f"v4/call/{token}")
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert [peer["actorId"] for peer in alice.get(f"v4/call/{token}")] == [alice.id]
    alice.delete(f"v4/call/{token}")
    assert alice.room(token)["hasCall"] is False


def test_removing_the_last_call_participant_ends_the_call(alice: Person, bob: Person, token: str) -> None:
    bob.post(f"v4/call/{token}")
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert alice.room(token)["hasCall"] is False


def test_starting_at_the_same_time_starts_one_call(
    alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    started = [threads.submit(person.status, "POST", f"v4/call/{token}", flags=7) for person in (alice, bob) * 4]
    assert {each.result() for each in started} == {200}
    kinds = alice.system_messages(token)
    assert kinds.count("call_started") == 1
    assert kinds.count("call_joined") <= 1
    assert flags(alice, token) == {alice.id: 7, bob.id: 7}


def test_leaving_at_the_same_time_ends_the_call_once(
    alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    for person in (alice, bob):
        person.post(f"v4/call/{token}")
    left = [threads.submit(person.status, "DELETE", f"v4/call/{token}") for person in (alice, bob) * 4]
    assert {each.result() for each in left} == {200}
    assert alice.system_messages(token).count("call_ended") == 1
    assert alice.room(token)["hasCall"] is False


def test_flags_without_publishing_permission_are_dropped(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    server.write(lambda tx: tx.run(_SET_PERMISSIONS, bits=1 + 4 + 16, token=token))
    assert bob.status("POST", f"v4/call/{token}", flags=7) == 403
    alice.post(f"v4/call/{token}", flags=7)
    bob.post(f"v4/call/{token}", flags=7)
    assert flags(alice, token) == {alice.id: 7, bob.id: IN_CALL | AUDIO}
    bob.put(f"v4/call/{token}", flags=7)
    assert flags(alice, token)[bob.id] == IN_CALL | AUDIO


def test_the_lobby_keeps_attendees_out_of_calls(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.post(f"v4/call/{token}")
    server.write(lambda tx: tx.run(_SET_LOBBY, state=1, token=token))
    assert bob.status("GET", f"v4/call/{token}") == 412
    assert bob.status("POST", f"v4/call/{token}") == 412


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_call_goes_on_in_a_locked_room_until_everybody_has_left(
    server: Server, alice: Person, bob: Person, token: str, version: str
) -> None:
    carol, call = server.add_user("carol"), f"{version}/call/{token}"
    alice.add(token, carol)
    carol.join(token)
    for person in (alice, bob):
        person.post(call, flags=3)
    alice.put(f"v4/room/{token}/read-only", state=1)
    assert [alice.room(token)[field] for field in ("hasCall", "callFlag", "readOnly")] == [True, 3, 1]
    assert {each["inCall"] for each in alice.participants(token).values()} == {0, 3}
    for person in (alice, bob, carol):
        assert person.status("GET", call) == person.status("POST", call, flags=3) == 403
        assert person.status("PUT", call, flags=1) == 403
    assert carol.status("DELETE", call) == 403, "who is not in the call cannot leave it"
    for person in (bob, alice):
        person.delete(call)
    assert alice.room(token)["hasCall"] is False
    assert alice.system_messages(token).count("call_ended") == 1


def test_a_moderator_ends_the_call_of_a_locked_room(alice: Person, bob: Person, token: str) -> None:
    for person in (alice, bob):
        person.post(f"v4/call/{token}")
    alice.put(f"v4/room/{token}/read-only", state=1)
    alice.delete(f"v4/call/{token}", all=True)
    assert bob.room(token)["hasCall"] is False


def test_the_call_flag_of_a_room_collects_the_flags_of_joins(alice: Person, bob: Person, token: str) -> None:
    def call_flag() -> int:
        shown: int = bob.room(token)["callFlag"]
        return shown

    alice.post(f"v4/call/{token}", flags=IN_CALL)
    assert call_flag() == IN_CALL
    alice.put(f"v4/call/{token}", flags=IN_CALL | AUDIO)
    assert call_flag() == IN_CALL, "flags that are set later do not count"
    bob.post(f"v4/call/{token}", flags=IN_CALL | AUDIO)
    bob.delete(f"v4/call/{token}")
    assert call_flag() == IN_CALL | AUDIO, "the flags of a join count until the call ends"
    alice.delete(f"v4/call/{token}")
    assert call_flag() == 0


def test_flags_without_permission_count_only_in_the_call_flag_of_the_room(
    alice: Person, bob: Person, token: str
) -> None:
    alice.put(f"v4/room/{token}/permissions/default", permissions=1 | 4)
    alice.post(f"v4/call/{token}", flags=IN_CALL)
    bob.post(f"v4/call/{token}", flags=7)
    assert flags(alice, token)[bob.id] == IN_CALL
    assert alice.room(token)["callFlag"] == 7


def test_guests_join_calls(server: Server, alice: Person) -> None:
    visitor = server.visitor()
    token = alice.create_room(PUBLIC)
    alice.join(token)
    guest = visitor.join(token)["actorId"]
    alice.post(f"v4/call/{token}", flags=7)
    visitor.post(f"v4/call/{token}", flags=3)
    assert flags(alice, token)[guest] == 3
    assert {peer["actorId"] for peer in visitor.get(f"v4/call/{token}")} == {alice.id, guest}


def test_ringing_goes_on_until_answered(alice: Person, bob: Person, token: str) -> None:
    path = f"v4/call/{token}/notification-state"
    assert bob.status("GET", path) == 201
    alice.post(f"v4/call/{token}")
    assert bob.status("GET", path) == 200
    bob.post(f"v4/call/{token}")
    assert bob.status("GET", path) == 404


def test_ringing_an_unknown_attendee_answers_404_with_null(alice: Person, token: str) -> None:
    alice.post(f"v4/call/{token}")
    answer = alice.request("POST", f"v4/call/{token}/ring/{10**6}")
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (404, None)


def test_attendance_is_for_moderators(alice: Person, bob: Person, token: str) -> None:
    path = f"v4/call/{token}/download"
    assert alice.status("GET", path) == 400
    alice.post(f"v4/call/{token}")
    bob.post(f"v4/call/{token}")
    assert bob.status("GET", path) == 403
    answer = alice.request("GET", path)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.decode() == (
        f'name,email,type,identifier\n"Alice","","users","{alice.id}"\n"Bob","","users","{bob.id}"\n'
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_name_in_the_attendance_is_a_formula(server: Server, alice: Person, separator: str) -> None:
    names = ["=1+1", "+1", "-1", "@sum", "＝1", "＠x", "a;=1", 'b";=1', "c,=1", "d\t=1", "e\n=1"]
    token = alice.create_room(PUBLIC)
    for name in names:
        guest = server.visitor()
        guest.join(token)
        guest.post(f"v1/guest/{token}/name", displayName=name)
        guest.post(f"v4/call/{token}")
    alice.join(token)
    alice.post(f"v4/call/{token}")
    text = alice.request("GET", f"v4/call/{token}/download").content.decode()
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@＝＋－＠"))]
    if separator == ",":
        assert {"'=1+1", "a;=1", 'b";=1', "c,=1", "d =1", "e =1"} <= set(cells)
