"""What happens in rooms reaches the sockets."""

from collections.abc import Callable
from typing import Any

import pytest

from support.people import Person
from support.sockets import Socket
from talkd.signaling.peer import CHAT_RELAY

Enter = Callable[..., Socket]


@pytest.fixture
def pair(enter: Enter, alice: Person, bob: Person, token: str) -> tuple[Socket, Socket]:
    """The sockets of a moderator and a member of one room."""
    return enter(alice, token), enter(bob, token)


def in_call(update: dict[str, Any]) -> dict[str, int]:
    return {each["sessionId"]: each["inCall"] for each in update["users"] if each["inCall"]}


def test_a_call_is_announced_with_its_flags(
    pair: tuple[Socket, Socket], alice: Person, bob: Person, token: str
) -> None:
    first, second = pair
    alice.post(f"v4/call/{token}", flags=7)
    update = second.until("participants", "update", in_call)
    assert update["roomid"] == token
    assert in_call(update) == {first.id: 7}
    entry = next(each for each in update["users"] if each["sessionId"] == first.id)
    assert entry["nextcloudSessionId"] == first.session
    assert (entry["userId"], entry["actorType"], entry["actorId"]) == (alice.id, "users", alice.id)
    assert (entry["participantType"], entry["participantPermissions"]) == (1, 254)
    bob.post(f"v4/call/{token}", flags=3)
    assert in_call(first.until("participants", "update", lambda each: len(in_call(each)) == 2)) == {
        first.id: 7,
        second.id: 3,
    }
    alice.put(f"v4/call/{token}", flags=1)
    changed = second.until("participants", "update", lambda each: in_call(each).get(first.id) == 1)["changed"]
    assert [each["sessionId"] for each in changed] == [first.id]
    alice.delete(f"v4/call/{token}")
    second.until("participants", "update", lambda each: first.id not in in_call(each))


def test_a_newcomer_learns_who_is_in_the_call(
    enter: Enter, pair: tuple[Socket, Socket], carol: Person, alice: Person, token: str
) -> None:
    alice.post(f"v4/call/{token}", flags=7)
    alice.add(token, carol)
    newcomer = enter(carol, token)
    assert in_call(newcomer.until("participants", "update", in_call)) == {pair[0].id: 7}


def test_ending_the_call_for_everyone_is_one_event(
    pair: tuple[Socket, Socket], alice: Person, bob: Person, token: str
) -> None:
    for person in (alice, bob):
        person.post(f"v4/call/{token}", flags=7)
    alice.delete(f"v4/call/{token}", all=True)
    update = pair[1].until("participants", "update", lambda each: each.get("all"))
    assert update == {"roomid": token, "incall": 0, "all": True}


def test_chat_reaches_clients_that_take_it(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    first, second = enter(alice, token, features=(CHAT_RELAY,)), enter(bob, token)
    sent = bob.say(token, "hello *all*")
    data = first.event("room", "message")["data"]
    comment = data["chat"]["comment"]
    assert (data["type"], comment["id"], comment["message"]) == ("chat", sent["id"], "hello *all*")
    newest = alice.history(token, limit=1)[0]
    assert comment == newest
    assert second.event("room", "message")["data"] == {"type": "chat", "chat": {"refresh": True}}


def test_chat_is_complete_and_in_order(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    socket = enter(alice, token, features=(CHAT_RELAY,))
    sent = [bob.say(token, str(number))["id"] for number in range(40)]
    got = [socket.event("room", "message")["data"]["chat"]["comment"]["id"] for _ in sent]
    assert got == sent


def test_reactions_reach_clients_that_take_messages(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    socket = enter(alice, token, features=(CHAT_RELAY,))
    message = bob.say(token, "hello")["id"]
    bob.post(f"v1/reaction/{token}/{message}", reaction="👍")
    bob.delete(f"v1/reaction/{token}/{message}", reaction="👍")
    comments = [socket.event("room", "message")["data"]["chat"]["comment"] for _ in range(3)]
    assert [each["systemMessage"] for each in comments[::2]] == ["", "reaction_revoked"]
    assert comments[1]["parent"]["id"] == comments[2]["parent"]["id"] == message
    assert comments[2]["parent"]["reactions"] == {}


def test_each_reader_gets_their_own_form_of_a_message(enter: Enter, alice: Person, bob: Person, token: str) -> None:
    sockets = [enter(person, token, features=(CHAT_RELAY,)) for person in (alice, bob)]
    alice.put(f"v4/room/{token}/description", description="new")
    texts = [socket.event("room", "message")["data"]["chat"]["comment"]["message"] for socket in sockets]
    assert texts == [person.history(token, limit=1)[0]["message"] for person in (alice, bob)]
    assert texts[0] != texts[1]


def test_an_invited_user_is_told(enter: Enter, open_socket: Callable[..., Socket], alice: Person, bob: Person) -> None:
    socket = open_socket()
    socket.hello(bob)
    token = alice.create_room(name="New")
    alice.add(token, bob)
    invite = socket.event("roomlist", "invite")
    assert (invite["roomid"], invite["properties"]["name"]) == (token, "New")
    alice.put(f"v4/room/{token}", roomName="Newer")
    assert socket.event("roomlist", "update")["properties"]["name"] == "Newer"
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, bob))
    assert socket.event("roomlist", "disinvite") == {"roomid": token, "reason": "removed"}


def test_outsiders_hear_nothing_of_a_room(
    open_socket: Callable[..., Socket], alice: Person, carol: Person, token: str
) -> None:
    socket = open_socket()
    socket.hello(carol)
    alice.put(f"v4/room/{token}", roomName="Secret")
    own = carol.create_room()
    assert socket.event("roomlist", "invite")["roomid"] == own
    assert not [each for each in socket.drain() if each["type"] == "event" and token in str(each)]


def test_who_may_mention_everybody_is_news(pair: tuple[Socket, Socket], alice: Person, token: str) -> None:
    alice.put(f"v4/room/{token}/mention-permissions", mentionPermissions=1)
    for socket in pair:  # their lists tell them of the whole room, if they have just been added to it
        assert socket.expect("room")["roomid"] == token


def test_the_room_has_new_properties(pair: tuple[Socket, Socket], alice: Person, token: str) -> None:
    alice.put(f"v4/room/{token}", roomName="Other")
    assert pair[1].expect("room")["properties"]["name"] == "Other"


def test_transient_data_reaches_all_and_newcomers(
    enter: Enter, pair: tuple[Socket, Socket], alice: Person, carol: Person, token: str
) -> None:
    first, second = pair
    first.send("transient", type="set", key="topic", value={"a": 1})
    assert second.expect("transient") == {"type": "set", "key": "topic", "value": {"a": 1}}
    first.send("transient", type="set", key="topic", value=2)
    assert second.expect("transient") == {"type": "set", "key": "topic", "value": 2, "oldvalue": {"a": 1}}
    second.send("transient", type="set", key=f"sd:{second.id}", value="mine")
    assert first.expect("transient")["key"] == "topic"
    alice.add(token, carol)
    third = enter(carol, token)
    assert third.expect("transient") == {"type": "initial", "data": {"topic": 2, f"sd:{second.id}": "mine"}}
    second.ask("room", roomid="")
    assert third.expect("transient") == {"type": "remove", "key": f"sd:{second.id}", "oldvalue": "mine"}
    first.send("transient", type="remove", key="topic")
    assert third.expect("transient") == {"type": "remove", "key": "topic", "oldvalue": 2}


def test_transient_data_of_others_cannot_be_written(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    assert second.refusal("transient", type="set", key="topic", value=1) == "not_allowed"
    assert first.refusal("transient", type="set", key=f"sd:{second.id}", value=1) == "not_allowed"


def test_transient_data_expires(pair: tuple[Socket, Socket]) -> None:
    first, second = pair
    first.send("transient", type="set", key="short", value=1, ttl=50_000_000)
    assert second.expect("transient")["type"] == "set"
    assert second.expect("transient") == {"type": "remove", "key": "short", "oldvalue": 1}
