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
