"""Sockets move to breakout rooms and back."""

from collections.abc import Callable
from typing import Any

from support.people import Person
from support.sockets import Socket

AUTOMATIC = 1


def switches(socket: Socket) -> list[Any]:
    return [
        each["event"]["switchto"]
        for each in socket.drain()
        if each["type"] == "event" and each["event"]["type"] == "switchto"
    ]


def test_members_move_to_their_breakout_room_when_it_opens_and_back_when_it_closes(
    enter: Callable[..., Socket], alice: Person, bob: Person, token: str
) -> None:
    alice.post(f"v1/breakout-rooms/{token}", mode=AUTOMATIC, amount=1)
    (part,) = (each["token"] for each in alice.get(f"v4/room/{token}/breakout-rooms") if each["token"] != token)
    moderator, member = enter(alice, token), enter(bob, token)
    assert switches(member) == [], "it is closed"
    alice.post(f"v1/breakout-rooms/{token}/rooms")
    assert member.event("room", "switchto") == {"roomid": part}
    assert switches(moderator) == [], "moderators go where they want"
    member.session = bob.join(part)["sessionId"]
    member.join(part, member.session)
    moderator.join(part, alice.join(part)["sessionId"])
    alice.delete(f"v1/breakout-rooms/{token}/rooms")
    assert member.event("room", "switchto") == {"roomid": token}
    assert moderator.event("room", "switchto") == {"roomid": token}


def test_moderators_hear_who_asks_for_help(
    enter: Callable[..., Socket], alice: Person, bob: Person, token: str
) -> None:
    alice.post(f"v1/breakout-rooms/{token}", mode=AUTOMATIC, amount=1)
    (part,) = (each["token"] for each in alice.get(f"v4/room/{token}/breakout-rooms") if each["token"] != token)
    moderator = enter(alice, token)
    alice.post(f"v1/breakout-rooms/{token}/rooms")
    later = alice.create_room(name="Later")
    moderator.until("roomlist", "invite", lambda told: told["roomid"] == later)
    moderator.drain()  # what the opening has changed
    bob.post(f"v1/breakout-rooms/{part}/request-assistance")
    moderator.until("roomlist", "update", lambda told: told["roomid"] == part and "name" in told["properties"])
    assert alice.room(part)["breakoutRoomStatus"] == 2
