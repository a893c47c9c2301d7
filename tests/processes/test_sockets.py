"""Clients with sockets at different processes meet in one room."""

from collections.abc import Callable

import pytest

from support.company import Company, Enter, at, make_room
from support.people import PUBLIC
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.bus.sockets import SocketBus
from talkd.signaling.dispatch import ROOM_SECONDS

Open = Callable[[Server], Socket]


def test_clients_at_two_processes_see_and_hear_each_other(pair: tuple[Server, Server], enter_at: Enter) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[1], bob, token)
    assert second.id in [each["sessionid"] for each in first.event("room", "join")]
    assert {each["sessionid"] for each in second.seen} == {first.id, second.id}
    for number in range(20):
        first.say(second, number)
        second.say(first, number)
    assert [second.expect("message")["data"] for _ in range(20)] == list(range(20))
    assert [first.expect("message")["data"] for _ in range(20)] == list(range(20))
    second.send("message", recipient={"type": "room"}, data="to all")
    assert first.expect("message")["data"] == "to all"


def test_transient_data_are_common(pair: tuple[Server, Server], enter_at: Enter) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[1], bob, token)
    first.send("transient", type="set", key="agenda", value=["one"])
    assert second.expect("transient") == {"type": "set", "key": "agenda", "value": ["one"]}
    assert second.refusal("transient", type="set", key="agenda", value=[]) == "not_allowed"


def test_a_message_reaches_sockets_at_all_processes(pair: tuple[Server, Server], enter_at: Enter) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[1], bob, token, features=("chat-relay",))
    at(pair[1], bob).say(token, "hello")
    assert first.event("room", "message")["data"]["chat"] == {"refresh": True}
    assert second.event("room", "message")["data"]["chat"]["comment"]["message"] == "hello"


def test_a_call_joined_at_one_process_is_seen_at_the_other(pair: tuple[Server, Server], enter_at: Enter) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[1], bob, token)
    at(pair[1], bob).post(f"v4/call/{token}", flags=7)
    update = first.until("participants", "update", lambda found: any(each["inCall"] for each in found["users"]))
    assert {each["sessionId"]: each["inCall"] for each in update["users"]} == {first.id: 0, second.id: 7}


def test_a_session_joined_at_another_process_ends_the_earlier_socket(
    pair: tuple[Server, Server], enter_at: Enter, open_at: Open
) -> None:
    alice, _, token = make_room(pair[0])
    first = enter_at(pair[0], alice, token)
    again = open_at(pair[1])
    again.hello(at(pair[1], alice), token=token)
    again.join(token, first.session)
    assert first.expect("bye")["reason"] == "room_session_reconnected"


def test_who_is_removed_at_one_process_leaves_the_socket_at_another(
    pair: tuple[Server, Server], enter_at: Enter
) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[1], bob, token)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert second.expect("room") == {"roomid": ""}
    assert second.id in first.event("room", "leave")


@pytest.mark.parametrize(("lives", "resumes"), [(0, 1), (1, 0)])
def test_a_client_resumes_at_another_process_and_misses_nothing(
    pair: tuple[Server, Server], enter_at: Enter, open_at: Open, lives: int, resumes: int
) -> None:
    alice, bob, token = make_room(pair[0])
    first, second = enter_at(pair[0], alice, token), enter_at(pair[lives], bob, token)
    second.drain()
    second.drop()
    for number in range(5):
        first.say(second, number)
    first.drain()
    again = open_at(pair[resumes])
    again.resume(second.resume_id)
    assert again.id == second.id
    assert [again.expect("message")["data"] for _ in range(5)] == list(range(5))
    again.say(first, "back")
    assert first.expect("message")["data"] == "back"


def test_a_client_changes_rooms_between_processes(pair: tuple[Server, Server], enter_at: Enter) -> None:
    alice, bob, token = make_room(pair[0])
    other = bob.create_room()
    bob.add(other, alice)
    enter_at(pair[0], alice, token)
    second = enter_at(pair[1], bob, token)
    for wanted in (other, token, other):
        session = at(pair[1], bob).join(wanted)["sessionId"]
        second.join(wanted, session)
    third = enter_at(pair[0], alice, other)
    assert second.id in {each["sessionid"] for each in third.seen}
    third.say(second, "here")
    assert second.expect("message")["data"] == "here"


def test_clients_go_on_when_the_process_where_they_live_stops(company: Company, enter_at: Enter) -> None:
    servers = company(3)
    alice, bob, token = make_room(servers[0])
    enter_at(servers[2], bob, token)
    first, second = enter_at(servers[0], alice, token), enter_at(servers[1], bob, token)
    first.send("transient", type="set", key="agenda", value=["one"])
    second.expect("transient")
    first.drain()
    second.drain()
    servers.pop().stop()
    joined: set[str] = set()
    while not joined >= {first.id, second.id}:
        joined |= {each["sessionid"] for each in first.event("room", "join")}
    assert second.expect("transient")["data"] == {"agenda": ["one"]}
    first.say(second, "still here")
    assert second.expect("message")["data"] == "still here"


def test_what_was_lost_is_noticed_by_those_on_sockets(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(pair[0])
    carol = pair[0].add_user("carol")
    alice.add(token, carol)
    first = enter_at(pair[0], alice, token, features=("chat-relay",))
    second = enter_at(pair[0], carol, token)
    at(pair[0], alice).say(token, "before")
    assert first.event("room", "message")["data"]["chat"]["comment"]["message"] == "before"
    there, remover = at(pair[1], bob), at(pair[1], alice)
    attendee = remover.attendee(token, carol)
    with monkeypatch.context() as cut:
        cut.setattr(SocketBus, "send", lambda *_: None)
        there.say(token, "lost")
        remover.delete(f"v4/room/{token}/attendees", attendeeId=attendee)
    assert first.event("room", "message")["data"]["chat"]["comment"]["message"] == "lost"
    assert second.expect("room") == {"roomid": ""}


def test_a_message_after_a_lost_one_brings_both(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(pair[0])
    first = enter_at(pair[0], alice, token, features=("chat-relay",))
    there = at(pair[1], bob)
    with monkeypatch.context() as cut:
        cut.setattr(SocketBus, "send", lambda *_: None)
        there.say(token, "lost")
    there.say(token, "next")
    brought = [first.event("room", "message")["data"]["chat"]["comment"]["message"] for _ in range(2)]
    assert brought == ["lost", "next"]


def test_a_guest_whose_room_lives_at_another_process_stays(
    pair: tuple[Server, Server], enter_at: Enter, open_at: Open, loop_thread: LoopThread
) -> None:
    alice = pair[0].add_user("alice")
    token = alice.create_room(PUBLIC)
    first, guest = enter_at(pair[0], alice, token), pair[1].visitor()
    session = guest.join(token)["sessionId"]
    second = open_at(pair[1])
    second.hello(guest, token=token)
    second.join(token, session)
    assert second.id in [each["sessionid"] for each in first.event("room", "join")]
    with loop_thread.still_clock() as move:
        move(ROOM_SECONDS + 1)
        first.say(second, "still here")
        assert second.expect("message")["data"] == "still here"


def test_a_guest_who_joins_no_room_is_sent_away_wherever_the_peer_lives(
    pair: tuple[Server, Server], enter_at: Enter, open_at: Open, loop_thread: LoopThread
) -> None:
    alice = pair[0].add_user("alice")
    token = alice.create_room(PUBLIC)
    enter_at(pair[0], alice, token)
    guest = pair[1].visitor()
    session = guest.join(token)["sessionId"]
    second = open_at(pair[1])
    second.hello(guest, token=token)
    second.join(token, session)
    second.ask("room", roomid="")
    with loop_thread.still_clock() as move:
        move(ROOM_SECONDS + 1)
        assert second.close_code() == 1000
