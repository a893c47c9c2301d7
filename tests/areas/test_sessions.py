"""Join rooms with devices, and end sessions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import PUBLIC, Person
from support.running import Server
from support.time import pass_time
from talkd.areas.sessions import service as sessions
from talkd.conversation.pings import Pings
from talkd.core.errors import Unavailable

COOKIE = "talkd_session"


def device(server: Server, person: Person) -> Person:
    """Return another device of the same user."""
    return Person(server.client(person.id), person.id)


@pytest.fixture
def later(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that moves the server's clock by seconds."""

    def move(seconds: float) -> None:
        pass_time(monkeypatch, seconds)
        server.run(server.app.world[Pings].flush())

    return move


def test_joining_gives_a_session_and_a_cookie(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    assert alice.room(token)["sessionId"] == "0"
    joined = alice.join(token)
    assert len(joined["sessionId"]) == 512
    assert COOKIE in alice.http.cookies
    assert alice.room(token)["sessionId"] == joined["sessionId"]
    assert alice.participants(token)[alice.id]["sessionIds"] == [joined["sessionId"]]


def test_every_device_has_its_own_session(server: Server) -> None:
    phone = server.add_user("alice")
    laptop = device(server, phone)
    token = phone.create_room()
    first, second = phone.join(token)["sessionId"], laptop.join(token)["sessionId"]
    assert first != second
    assert set(phone.participants(token)[phone.id]["sessionIds"]) == {first, second}
    assert (phone.room(token)["sessionId"], laptop.room(token)["sessionId"]) == (first, second)
    phone.delete(f"v4/room/{token}/participants/active")
    assert (phone.room(token)["sessionId"], laptop.room(token)["sessionId"]) == ("0", second)


def test_pings_outlast_a_failure_of_the_database(
    server: Server, monkeypatch: pytest.MonkeyPatch, later: Callable[[float], None]
) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    session = alice.join(token)["sessionId"]
    later(90)
    alice.get(f"v1/chat/{token}", lookIntoFuture=1, timeout=0)

    async def fail(_work: object, queue: str = "") -> None:
        raise Unavailable(5, message=queue)

    with monkeypatch.context() as patch:
        patch.setattr(server.app.world.db, "write", fail)
        with pytest.raises(Unavailable):
            server.run_job("store_pings")
    pass_time(monkeypatch, 150)
    server.run_job("end_timed_out_sessions")
    assert alice.room(token)["sessionId"] == session


def test_joining_again_on_a_device_replaces_its_session(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    first, second = alice.join(token)["sessionId"], alice.join(token)["sessionId"]
    assert first != second
    assert alice.participants(token)[alice.id]["sessionIds"] == [second]


@pytest.mark.parametrize("force", [True, False])
def test_a_device_in_a_call_may_join_again_with_and_without_force(server: Server, force: bool) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    first = alice.join(token)["sessionId"]
    alice.post(f"v4/call/{token}", flags=7)
    joined = alice.join(token, force=force)
    assert joined["sessionId"] != first
    assert not joined["hasCall"]
    assert alice.participants(token)[alice.id]["sessionIds"] == [joined["sessionId"]]


def test_a_client_without_cookies_has_its_newest_session(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    first = alice.join(token)["sessionId"]
    alice.http.cookies.clear()
    second = alice.join(token)["sessionId"]
    alice.http.cookies.clear()
    assert first != second
    assert alice.room(token)["sessionId"] == second
    alice.post(f"v4/call/{token}", flags=3)
    peers = alice.get(f"v4/call/{token}")
    assert [peer["sessionId"] for peer in peers] == [second]


def test_a_self_joined_user_who_joins_again_is_new_in_the_room(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC, password="Secret.7-word")
    first = bob.join(token, password="Secret.7-word")
    bob.post(f"v4/room/{token}/favorite")
    bob.post(f"v4/room/{token}/notify", level=1)
    said = alice.say(token, "Hello")
    assert bob.room(token)["unreadMessages"] == 1
    again = bob.join(token)
    assert again["attendeeId"] > first["attendeeId"]
    assert (again["participantType"], again["isFavorite"], again["notificationLevel"]) == (5, False, 2)
    assert (again["unreadMessages"], again["lastReadMessage"]) == (0, said["id"])
    assert list(alice.participants(token)) == [alice.id, bob.id]
    assert alice.system_messages(token) == bob.system_messages(token), "no system message about the rejoin"


def test_a_self_joined_user_with_another_device_stays(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    phone = device(server, bob)
    token = alice.create_room(PUBLIC)
    first = bob.join(token)
    phone.join(token)
    bob.post(f"v4/room/{token}/favorite")
    again = bob.join(token)
    assert (again["attendeeId"], again["isFavorite"]) == (first["attendeeId"], True)


def test_a_member_who_joins_again_keeps_everything(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    first = bob.join(token)
    bob.post(f"v4/room/{token}/favorite")
    again = bob.join(token)
    assert (again["attendeeId"], again["isFavorite"]) == (first["attendeeId"], True)


def test_a_guest_has_a_name_and_keeps_it(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    joined = visitor.join(token)
    assert (joined["actorType"], joined["participantType"]) == ("guests", 4)
    assert len(joined["actorId"]) == 40
    visitor.post(f"v1/guest/{token}/name", displayName="Ada")
    sent = visitor.say(token, "Hello")
    assert (sent["actorType"], sent["actorId"], sent["actorDisplayName"]) == ("guests", joined["actorId"], "Ada")
    assert alice.participants(token)[joined["actorId"]]["displayName"] == "Ada"
    assert visitor.join(token)["actorId"] == joined["actorId"]
    assert visitor.refused("POST", f"v1/guest/{token}/name", displayName="x" * 65) == (400, "name")
    assert alice.status("POST", f"v1/guest/{token}/name", displayName="x") == 403


def test_two_guests_are_two_people(server: Server) -> None:
    alice, one, other = server.add_user("alice"), server.visitor(), server.visitor()
    token = alice.create_room(PUBLIC)
    assert one.join(token)["actorId"] != other.join(token)["actorId"]
    assert len(alice.participants(token)) == 3


def test_a_guest_who_leaves_is_removed(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    guest = visitor.join(token)["actorId"]
    visitor.delete(f"v4/room/{token}/participants/active")
    assert guest not in alice.participants(token)
    assert visitor.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404


def test_a_guest_of_one_room_has_no_access_to_another(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    here, there = alice.create_room(PUBLIC), alice.create_room(PUBLIC)
    first = visitor.join(here)
    assert visitor.status("GET", f"v1/chat/{there}", lookIntoFuture=0) == 404
    assert visitor.join(there)["sessionId"] != first["sessionId"]
    assert visitor.texts(here) == []


def end_timed_out(server: Server) -> None:
    """End all sessions that have timed out. Earlier tests leave more than one portion of them."""
    while server.write(sessions.end_timed_out):
        pass


def test_sessions_without_pings_end(server: Server, later: Callable[[float], None]) -> None:
    alice, bob, visitor = server.add_user("alice"), server.add_user("bob"), server.visitor()
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    for person in (alice, bob):
        person.join(token)
    guest = visitor.join(token)["actorId"]
    bob.post(f"v4/call/{token}", flags=7)
    end_timed_out(server)
    assert all(each["sessionIds"] for each in alice.participants(token).values())
    later(101)
    end_timed_out(server)
    present = alice.participants(token)
    assert set(present) == {alice.id, bob.id}
    assert guest not in present
    assert all(not each["sessionIds"] for each in present.values())
    assert alice.room(token)["hasCall"] is False


def test_polling_keeps_a_session_open(server: Server, later: Callable[[float], None]) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    session = alice.join(token)["sessionId"]
    later(90)
    assert alice.status("GET", f"v1/chat/{token}", lookIntoFuture=1, timeout=0, lastKnownMessageId=10**9) == 304
    later(150)
    end_timed_out(server)
    assert alice.room(token)["sessionId"] == session
    alice.status("GET", f"v1/chat/{token}", lookIntoFuture=1, timeout=0, lastKnownMessageId=10**9, noStatusUpdate=1)
    later(300)
    end_timed_out(server)
    assert alice.room(token)["sessionId"] == "0"


def test_concurrent_joins_of_a_device_leave_one_session(server: Server, threads: ThreadPoolExecutor) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    alice.join(token)
    joins = [threads.submit(alice.status, "POST", f"v4/room/{token}/participants/active") for _ in range(8)]
    assert {each.result() for each in joins} == {200}
    assert len(alice.participants(token)[alice.id]["sessionIds"]) == 1


def test_concurrent_guests_become_separate_attendees(server: Server, threads: ThreadPoolExecutor) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    visitors = [server.visitor() for _ in range(8)]
    joined = [each.result()["actorId"] for each in [threads.submit(visitor.join, token) for visitor in visitors]]
    assert len(set(joined)) == 8
    assert len(alice.participants(token)) == 9


def test_leaving_a_room_that_was_not_joined_succeeds(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    for person in (alice, server.add_user("stranger"), server.visitor()):
        assert person.status("DELETE", f"v4/room/{token}/participants/active") == 200
        assert person.status("DELETE", "v4/room/abcdefgh/participants/active") == 200
