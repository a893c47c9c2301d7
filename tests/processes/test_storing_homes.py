"""What a process stores of its peers and rooms for the others."""

from collections.abc import Callable
from typing import Any

import pytest

from support.company import Enter, make_room
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.areas.signaling import home_service
from talkd.core.errors import Unavailable
from talkd.signaling import elsewhere
from talkd.signaling.dispatch import Signaling
from talkd.signaling.homes import Homes
from talkd.signaling.registry import LiveRoom


def homes_of(server: Server) -> Homes:
    return server.app.world[Signaling].homes


def test_a_join_is_answered_while_changes_cannot_be_stored_and_they_are_stored_later(
    two: list[Server], enter_at: Enter, open_at: Callable[[Server], Socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(two[0])
    attempts: list[Any] = []

    async def fail(_tx: Any, **changes: Any) -> None:
        attempts.append(changes)
        raise Unavailable(1, message="The database cannot be written.")

    with monkeypatch.context() as outage:
        outage.setattr(home_service, "keep", fail)
        enter_at(two[0], alice, token)
        two[0].wait_for(lambda: attempts)
        second = enter_at(two[0], bob, token)
    two[0].wait_for(lambda: homes_of(two[0])._storing is None)
    second.drain()
    second.drop()
    again = open_at(two[1])
    again.resume(second.resume_id)
    assert again.id == second.id


def test_rooms_are_read_again_some_at_a_time(
    two: list[Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch, loop_thread: LoopThread
) -> None:
    alice = two[0].add_user("alice")
    sockets = [enter_at(two[0], alice, alice.create_room()) for _ in range(3)]
    signaling = two[0].app.world[Signaling]
    looked: list[str] = []

    async def note(_homes: Homes, room: LiveRoom) -> None:
        looked.append(room.token)

    async def look_twice() -> None:
        signaling.elsewhere.look_again()
        signaling.elsewhere.look_again()

    monkeypatch.setattr(elsewhere, "AT_ONCE", 2)
    monkeypatch.setattr(Homes, "drop_ended", note)
    with loop_thread.still_clock() as move:
        two[0].run(look_twice())
        two[0].wait_for(lambda: len(looked) == 2)
        move(1)
        two[0].wait_for(lambda: len(looked) == 4)
        move(1)
        two[0].wait_for(lambda: len(looked) == 5)
    assert len(set(looked)) == len(sockets)
    assert not signaling.elsewhere._outdated
