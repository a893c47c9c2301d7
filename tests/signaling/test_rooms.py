"""Join and leave rooms over a socket."""

from collections.abc import Callable

from support.people import PUBLIC, Person
from support.running import Server
from support.sockets import Socket

Enter = Callable[..., Socket]
Open = Callable[..., Socket]


def test_the_answer_has_the_properties_of_the_room(open_socket: Open, alice: Person) -> None:
    token = alice.create_room(name="Team", description="What we do")
    socket = open_socket()
    socket.hello(alice)
    shown = socket.join(token, alice.join(token)["sessionId"])["properties"]
    assert (shown["name"], shown["type"], shown["description"], shown["read-only"]) == ("Team", 2, "What we do", 0)
    assert (shown["active-since"], shown["lobby-timer"]) == (None, None)


def test_a_one_to_one_room_has_the_name_of_the_other(
    enter: Enter, open_socket: Open, alice: Person, bob: Person
) -> None:
    token = alice.post("v4/room", roomType=1, invite=bob.id)["token"]
    socket = open_socket()
    socket.hello(alice)
    shown = socket.join(token, alice.join(token)["sessionId"])["properties"]
    assert shown["name"] == alice.room(token)["displayName"]


def test_everybody_learns_who_is_there(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    first = enter(alice, token)
    second = enter(bob, token)
    seen_by_first = first.until("room", "join", lambda joined: any(each["userid"] == bob.id for each in joined))
    assert second.id in {each["sessionid"] for each in seen_by_first}
    seen_by_second = {each["sessionid"]: each for each in second.seen}
    assert seen_by_second.keys() == {first.id, second.id}
    entry = seen_by_second[first.id]
    assert (entry["userid"], entry["roomsessionid"]) == (alice.id, first.session)
    assert entry["user"]["displayname"]


def test_others_learn_who_leaves(server: Server, enter: Enter, alice: Person, bob: Person, token: str) -> None:
    first, second = enter(alice, token), enter(bob, token)
    assert second.ask("room", roomid="") == {"roomid": ""}
    assert first.event("room", "leave") == [second.id]
    server.wait_for(lambda: bob.participants(token)[bob.id]["sessionIds"] == [])


def test_a_second_join_with_the_same_session_is_refused(enter: Enter, alice: Person, token: str) -> None:
    socket = enter(alice, token)
    assert socket.refusal("room", roomid=token, sessionid=socket.session) == "already_joined"


def test_only_ones_own_sessions_open_a_room(
    open_socket: Open, alice: Person, bob: Person, guest: Person, token: str
) -> None:
    public = alice.create_room(PUBLIC)
    session, of_guest = alice.join(token)["sessionId"], guest.join(public)["sessionId"]
    socket = open_socket()
    socket.hello(bob)
    for room, wrong in ((token, session), (public, of_guest), (token, ""), (token, "x"), ("unknown1", session)):
        assert socket.refusal("room", roomid=room, sessionid=wrong) == "no_such_room"
    visitor = open_socket()
    visitor.hello(guest, token=public)
    assert visitor.refusal("room", roomid=token, sessionid=session) == "no_such_room"
    assert visitor.join(public, of_guest)["properties"]["type"] == PUBLIC


def test_a_socket_changes_rooms(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    other = alice.create_room()
    first, second = enter(alice, token), enter(bob, token)
    first.join(other, alice.join(other)["sessionId"])
    assert second.event("room", "leave") == [first.id]


def test_a_later_socket_takes_over_the_session(enter: Enter, open_socket: Open, alice: Person, token: str) -> None:
    first = enter(alice, token)
    second = open_socket()
    second.hello(alice)
    second.join(token, first.session)
    assert first.expect("bye")["reason"] == "room_session_reconnected"
    assert first.close_code() == 1000


def test_a_guest_cannot_push_out_another(
    enter: Enter, open_socket: Open, alice: Person, guest: Person, server: Server
) -> None:
    token = alice.create_room(PUBLIC)
    victim = enter(guest, token)
    attacker = open_socket()
    attacker.hello(server.visitor(), token=token)
    assert attacker.refusal("room", roomid=token, sessionid=victim.session) == "no_such_room"
    again = open_socket()
    again.hello(guest, token=token)  # with the cookie of the session
    again.join(token, victim.session)
    assert victim.expect("bye")["reason"] == "room_session_reconnected"


def test_a_guest_cannot_take_the_session_of_another_whose_connection_is_lost(
    enter: Enter, open_socket: Open, alice: Person, guest: Person, server: Server
) -> None:
    token = alice.create_room(PUBLIC)
    victim = enter(guest, token)
    victim.drop()
    server.wait_for(lambda: server.peer(victim.id).line is None)
    attacker = open_socket()
    attacker.hello(server.visitor(), token=token)
    assert attacker.refusal("room", roomid=token, sessionid=victim.session) == "no_such_room"
    again = open_socket()
    again.resume(victim.resume_id)
    assert again.id == victim.id


def test_a_guest_gets_back_a_session_that_another_has_claimed(
    open_socket: Open, alice: Person, guest: Person, server: Server
) -> None:
    """The proof of a page that was open before the join has the cookie before it, so the first to come is let in."""
    token = alice.create_room(PUBLIC)
    guest.join(token)  # gives the guest a cookie, as the page of a room does
    victim = open_socket()
    victim.hello(guest, token=token)
    session = guest.join(token)["sessionId"]
    attacker = open_socket()
    attacker.hello(server.visitor(), token=token)
    attacker.join(token, session)
    victim.join(token, session)
    assert attacker.expect("bye")["reason"] == "room_session_reconnected"
    again = open_socket()
    again.hello(server.visitor(), token=token)
    assert again.refusal("room", roomid=token, sessionid=session) == "no_such_room"
    newest = open_socket()
    newest.hello(guest, token=token)  # with the cookie of the session
    newest.join(token, session)
    assert victim.expect("bye")["reason"] == "room_session_reconnected"


def test_a_guest_cannot_claim_the_session_of_another_who_polls(
    open_socket: Open, alice: Person, guest: Person, server: Server
) -> None:
    token = alice.create_room(PUBLIC)
    session = guest.join(token)["sessionId"]
    guest.get(f"v3/signaling/{token}")
    attacker = open_socket()
    attacker.hello(server.visitor(), token=token)
    assert attacker.refusal("room", roomid=token, sessionid=session) == "no_such_room"
    own = open_socket()
    own.hello(guest, token=token)  # with the cookie of the session
    own.join(token, session)
