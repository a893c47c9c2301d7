"""Lost connections: the client resumes, and misses nothing."""

from collections.abc import Callable

from support.people import Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.signaling.dispatch import RESUME_SECONDS

Enter = Callable[..., Socket]
Open = Callable[..., Socket]


def test_messages_wait_for_a_client_that_resumes(
    enter: Enter, open_socket: Open, server: Server, alice: Person, bob: Person, token: str
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    second.drain()
    second.drop()
    server.wait_for(lambda: server.peer(second.id).line is None)
    for number in range(5):
        first.say(second, number)
    first.drain()
    again = open_socket()
    again.resume(second.resume_id)
    assert again.id == second.id
    assert [again.expect("message")["data"] for _ in range(5)] == list(range(5))


def test_a_client_takes_over_from_its_own_lost_connection(
    enter: Enter, open_socket: Open, alice: Person, bob: Person, token: str
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    again = open_socket()
    again.resume(second.resume_id)
    assert second.expect("bye")["reason"] == "session_resumed"
    first.say(again, "hello")
    assert again.expect("message")["data"] == "hello"
    assert not [each for each in first.drain() if each.get("event", {}).get("type") == "leave"]


def test_the_call_of_a_lost_client_ends_after_a_while(
    enter: Enter, server: Server, loop_thread: LoopThread, alice: Person, bob: Person, token: str
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    for person in (alice, bob):
        person.post(f"v4/call/{token}", flags=7)
    second.drop()
    server.wait_for(lambda: server.peer(second.id).line is None)
    server.run_job("sweep_signaling")
    assert len(alice.get(f"v4/call/{token}")) == 2
    with loop_thread.still_clock() as move:
        move(RESUME_SECONDS + 1)
        server.run_job("sweep_signaling")
    assert second.id in first.event("room", "leave")
    server.wait_for(lambda: len(alice.get(f"v4/call/{token}")) == 1)


def test_a_session_that_was_forgotten_cannot_be_resumed(open_socket: Open) -> None:
    assert open_socket().refusal("hello", version="1.0", resumeid="unknown") == "no_such_session"


def test_messages_into_a_dead_connection_come_again(
    enter: Enter, open_socket: Open, server: Server, alice: Person, bob: Person, token: str
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    second.drain()
    peer, alive = server.peer(second.id), server.peer(first.id)
    for number in range(3):
        first.say(second, number)
    first.drain()
    assert peer.line is not None, "the server has not noticed yet"
    second.drop()
    again = open_socket()
    again.resume(second.resume_id)
    assert [again.expect("message")["data"] for _ in range(3)] == [0, 1, 2]
    assert alive.line is not None


def test_what_a_client_has_confirmed_does_not_come_again(
    enter: Enter, open_socket: Open, server: Server, alice: Person, bob: Person, token: str
) -> None:
    first, second = enter(alice, token), enter(bob, token)
    first.say(second, "once")
    assert second.expect("message")["data"] == "once"
    peer = server.peer(second.id)
    server.run_job("sweep_signaling")
    server.wait_for(lambda: not peer.kept)
    again = open_socket()
    again.resume(second.resume_id)
    first.say(again, "new")
    assert again.expect("message")["data"] == "new"


def test_a_client_that_comes_back_gets_one_hint_about_all_new_messages(
    enter: Enter, open_socket: Open, server: Server, alice: Person, bob: Person, token: str
) -> None:
    enter(alice, token)
    second = enter(bob, token)
    peer = server.peer(second.id)
    server.run_job("sweep_signaling")
    server.wait_for(lambda: not peer.kept)
    second.drop()
    server.wait_for(lambda: peer.line is None)
    room = peer.room
    assert room is not None
    for number in range(5):
        alice.say(token, str(number))
        server.wait_for(lambda: not room.is_relaying and room.chat_from is None)
    again = open_socket()
    again.resume(second.resume_id)
    hints = [each for each in again.drain() if each["type"] == "event" and each["event"]["type"] == "message"]
    assert len(hints) == 1
