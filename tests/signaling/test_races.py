"""What happens while the server handles a message: nobody stays in a room as a ghost."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.people import PUBLIC, Person
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.areas.sessions import service as sessions
from talkd.areas.signaling import identity_service as identities
from talkd.signaling.dispatch import ROOM_SECONDS, Signaling

Enter = Callable[..., Socket]
Open = Callable[..., Socket]
During = Callable[[str, Callable[[], Awaitable[Any]]], None]


@pytest.fixture
def during(server: Server, monkeypatch: pytest.MonkeyPatch) -> During:
    """Lets something happen once, after the transaction that calls a function of `identities`."""

    def let(function: str, happen: Callable[[], Awaitable[Any]]) -> None:
        database = server.app.world.db
        read, look, seen = database.read, getattr(identities, function), [False]

        async def note(*given: Any) -> Any:
            seen[0] = True
            return await look(*given)

        async def read_then(work: Any) -> Any:
            found = await read(work)
            if seen[0]:
                monkeypatch.undo()
                await happen()
            return found

        monkeypatch.setattr(identities, function, note)
        monkeypatch.setattr(database, "read", read_then)

    return let


def _members(server: Server, token: str) -> list[str]:
    rooms = server.app.world[Signaling].registry.list_rooms()
    return [peer_id for room in rooms if room.token == token for peer_id in room.members]


def test_a_session_that_ends_while_its_client_joins_joins_nothing(
    open_socket: Open, server: Server, alice: Person, token: str, during: During
) -> None:
    socket = open_socket()
    socket.hello(alice)
    session = alice.join(token)["sessionId"]
    during("get_room_name", lambda: server.app.world.db.write(lambda tx: sessions.end_by_id(tx, session)))
    assert socket.refusal("room", roomid=token, sessionid=session) == "no_such_room"
    assert _members(server, token) == []


def test_a_client_whose_login_ends_while_it_joins_joins_nothing(
    open_socket: Open, server: Server, alice: Person, token: str, during: During
) -> None:
    socket = open_socket()
    socket.hello(alice)
    session = alice.join(token)["sessionId"]

    async def end() -> None:
        signaling = server.app.world[Signaling]
        for peer in signaling.registry.list_of_user(str(alice.id)):
            signaling.end(peer, "logged_out")

    during("get_room_name", end)
    socket.send("room", roomid=token, sessionid=session)
    assert socket.close_code() == 1000
    assert _members(server, token) == []


def test_a_guest_that_resumes_while_it_joins_stays(
    open_socket: Open, server: Server, loop_thread: LoopThread, alice: Person, guest: Person, during: During
) -> None:
    token = alice.create_room(PUBLIC)
    first, second = open_socket(), open_socket()
    first.hello(guest, token=token)
    session = guest.join(token)["sessionId"]
    may_go_on = threading.Event()

    async def resume() -> None:
        while not may_go_on.is_set():  # noqa: ASYNC110 - the event is one of threads
            await asyncio.sleep(0.01)

    during("get_room_name", resume)
    first.send("room", roomid=token, sessionid=session)
    second.resume(first.resume_id)
    may_go_on.set()
    assert second.expect("room")["roomid"] == token
    second.drain()
    with loop_thread.still_clock() as move:
        move(ROOM_SECONDS + 1)
        second.drain()
        assert _members(server, token) == [second.id]


def test_a_session_that_another_socket_has_joined_goes_on(
    enter: Enter, open_socket: Open, server: Server, alice: Person, token: str
) -> None:
    first = enter(alice, token)
    alice.post(f"v4/call/{token}", flags=7)
    again = open_socket()
    again.hello(alice)
    again.join(token, first.session)
    signaling = server.app.world[Signaling]
    server.run(signaling._end_session(first.session))  # as for a socket whose client did not resume
    assert alice.room(token)["hasCall"]
    assert {"type": "room", "room": {"roomid": ""}} not in again.drain()


def test_who_waits_in_the_lobby_does_not_see_the_data_of_the_room(
    enter: Enter, open_socket: Open, alice: Person, bob: Person, token: str
) -> None:
    first = enter(alice, token)
    first.send("transient", type="set", key="shown", value=1)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    second = open_socket()
    second.hello(bob)
    second.join(token, bob.join(token)["sessionId"])
    assert not [each for each in second.drain() if each["type"] == "transient"]
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert second.expect("transient") == {"type": "initial", "data": {"shown": 1}}
