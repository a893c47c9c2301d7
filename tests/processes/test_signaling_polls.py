"""Long polls of the internal signaling that reach several processes."""

from concurrent.futures import ThreadPoolExecutor

from support.company import same_device, soon
from support.people import PUBLIC, TALK
from support.polling import Polling
from support.raw import connection, head
from support.running import Server
from support.sockets import Socket
from talkd.bus.others import Others
from talkd.conversation import session_store
from talkd.signaling.dispatch import LEFT, Signaling


def moved(polling: Polling, server: Server) -> Polling:
    """Return the same client, whose next poll reaches another server."""
    there = object.__new__(Polling)
    there.person, there.token, there.session = same_device(server, polling.person), polling.token, polling.session
    return there


def exists(server: Server, session_id: str) -> bool:
    return server.read(lambda tx: session_store.find_session(tx, session_id)) is not None


def watch(server: Server) -> list[bytes]:
    """Return the list of what a server is asked from now on: to end sessions whose sockets are gone."""
    asked: list[bytes] = []
    others, decide = server.app.world[Others], server.app.world[Signaling]._note_left

    def note(sender: int, content: bytes) -> None:
        decide(sender, content)
        asked.append(content)

    others.on(LEFT, note)
    return asked


def test_messages_go_to_the_newest_poll_at_any_process(
    pair: tuple[Server, Server], threads: ThreadPoolExecutor
) -> None:
    """The connection of the earlier poll is lost, but its process still waits on it."""
    first, second = pair
    alice, bob = first.add_user("alice"), first.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    here, other = Polling(alice, token), Polling(bob, token)
    here.poll()  # the list of sessions
    cookies = "; ".join(f"{name}={value}" for name, value in alice.http.cookies.items())
    with connection(first) as lost:
        lost.sendall(head("GET", f"{TALK}v3/signaling/{token}", f"Cookie: {cookies}", user=alice))
        first.wait_for(lambda: first.app.world.changes.waiting == 1)
        there = moved(here, second)
        there.poll()  # the list of sessions, which this process has not sent yet
        newest = threads.submit(there.poll)
        second.wait_for(lambda: second.app.world.changes.waiting == 1)
        other.send(here.session, {"type": "candidate"})
        assert [each["type"] for each in newest.result(10)] == ["candidate"]


def test_a_guest_cannot_claim_the_session_of_another_who_polls_at_another_process(pair: tuple[Server, Server]) -> None:
    first, second = pair
    token = first.add_user("alice").create_room(PUBLIC)
    guest = first.visitor()
    session = guest.join(token)["sessionId"]
    guest.get(f"v3/signaling/{token}")
    attacker = Socket(second)
    attacker.hello(second.visitor(), token=token)
    assert attacker.refusal("room", roomid=token, sessionid=session) == "no_such_room"
    attacker.close()


def test_a_session_that_goes_on_with_polls_at_another_process_does_not_end_with_its_socket(
    pair: tuple[Server, Server], threads: ThreadPoolExecutor
) -> None:
    first, second = pair
    alice = first.add_user("alice")
    token = alice.create_room()
    socket = Socket(first)
    socket.hello(alice, token=token)
    session = alice.join(token)["sessionId"]
    socket.join(token, session)
    there = same_device(second, alice)
    there.get(f"v3/signaling/{token}")
    polling = threads.submit(there.request, "GET", f"v3/signaling/{token}")
    second.wait_for(lambda: second.app.world.changes.waiting == 1)
    asked = watch(second)
    socket.send("room", roomid="")
    soon(lambda: asked == [session.encode()])
    assert exists(first, session)
    alice.delete(f"v4/room/{token}/participants/active")
    assert polling.result(10).status_code in (404, 409)
    socket.close()


def test_a_session_without_polls_ends_with_its_socket_although_it_once_polled_at_another_process(
    pair: tuple[Server, Server],
) -> None:
    first, second = pair
    alice = first.add_user("alice")
    token = alice.create_room()
    socket = Socket(first)
    socket.hello(alice, token=token)
    session = alice.join(token)["sessionId"]
    socket.join(token, session)
    same_device(second, alice).get(f"v3/signaling/{token}")
    socket.send("room", roomid="")
    soon(lambda: not exists(first, session))
    socket.close()
