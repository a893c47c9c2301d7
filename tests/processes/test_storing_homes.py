"""What a process stores of its peers and rooms for the others."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from support.company import Enter, make_room
from support.running import LoopThread, Server
from support.sockets import Socket
from talkd.areas.signaling import home_service
from talkd.core.errors import Unavailable
from talkd.signaling import elsewhere, transient
from talkd.signaling.dispatch import Signaling
from talkd.signaling.homes import PAUSE, TRANSIENT_PAUSE, Homes
from talkd.signaling.registry import LiveRoom
from talkd.storage.database import Tx


def homes_of(server: Server) -> Homes:
    return server.app.world[Signaling].homes


def test_a_join_is_answered_while_changes_cannot_be_stored_and_they_are_stored_later(
    pair: tuple[Server, Server], enter_at: Enter, open_at: Callable[[Server], Socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(pair[0])
    attempts: list[Any] = []

    async def fail(_tx: Any, **changes: Any) -> None:
        attempts.append(changes)
        raise Unavailable(1, message="The database cannot be written.")

    with monkeypatch.context() as outage:
        outage.setattr(home_service, "keep", fail)
        enter_at(pair[0], alice, token)
        pair[0].wait_for(lambda: attempts)
        second = enter_at(pair[0], bob, token)
    pair[0].wait_for(lambda: homes_of(pair[0])._storing is None)
    second.drain()
    second.drop()
    again = open_at(pair[1])
    again.resume(second.resume_id)
    assert again.id == second.id


def test_rooms_are_read_again_some_at_a_time(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch, loop_thread: LoopThread
) -> None:
    alice = pair[0].add_user("alice")
    sockets = [enter_at(pair[0], alice, alice.create_room()) for _ in range(3)]
    signaling = pair[0].app.world[Signaling]
    looked: list[str] = []

    async def note(_homes: Homes, room: LiveRoom) -> None:
        looked.append(room.token)

    async def look_twice() -> None:
        signaling.elsewhere.look_again()
        signaling.elsewhere.look_again()

    monkeypatch.setattr(elsewhere, "AT_ONCE", 2)
    monkeypatch.setattr(Homes, "drop_ended", note)
    with loop_thread.still_clock() as move:
        pair[0].run(look_twice())
        pair[0].wait_for(lambda: len(looked) == 2)
        move(1)
        pair[0].wait_for(lambda: len(looked) == 4)
        move(1)
        pair[0].wait_for(lambda: len(looked) == 5)
    assert len(set(looked)) == len(sockets)
    assert not signaling.elsewhere._outdated


def test_a_newcomer_gets_no_value_whose_removal_is_not_stored_yet(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, token = make_room(pair[0])
    first = enter_at(pair[0], alice, token)
    first.send("transient", type="set", key="agenda", value=["one"])
    first.expect("transient")
    homes = homes_of(pair[0])
    pair[0].wait_for(lambda: not homes._changing and homes._storing is None)

    async def fail(_tx: Any, **_changes: Any) -> None:
        raise Unavailable(1, message="The database cannot be written.")

    with monkeypatch.context() as outage:
        outage.setattr(home_service, "keep", fail)
        first.send("transient", type="remove", key="agenda")
        assert first.expect("transient")["type"] == "remove"
        second = enter_at(pair[0], bob, token)
        first.send("transient", type="set", key="agenda", value=["two"])
        assert second.expect("transient") == {"type": "set", "key": "agenda", "value": ["two"]}


GONE = 999


def leave_behind(server: Server, room_id: int, values: dict[str, str]) -> None:
    """Store a room and its values as those of a process that has died."""
    content = msgspec.json.encode([{"key": key, "value": each, "until": 0} for key, each in values.items()]).decode()

    async def store(tx: Tx) -> None:
        await home_service.claim(tx, room_id, GONE)
        await home_service.keep(tx, GONE, peers=[], ended=[], transient={room_id: content}, left=[])

    server.run(server.app.world.db.write(store))


def test_values_of_clients_that_do_not_come_back_are_removed(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _, token = make_room(pair[0])
    room_id = alice.room(token)["id"]
    leave_behind(pair[0], room_id, {"agenda": "one", "sd:gone": "two"})
    monkeypatch.setattr(transient, "ABSENT_SECONDS", 0.1)
    enter_at(pair[0], alice, token)
    room = pair[0].app.world[Signaling].registry.find_room(room_id)
    assert room is not None
    pair[0].wait_for(lambda: list(room.transient) == ["agenda"])


def test_rooms_of_a_process_that_has_died_are_given_up(pair: tuple[Server, Server]) -> None:
    leave_behind(pair[0], 1, {"agenda": "one"})
    homes = homes_of(pair[0])
    for _ in range(2):
        pair[0].run(homes.forget_unserved())
    assert pair[0].run(pair[0].app.world.db.write(lambda tx: home_service.claim(tx, 1, homes.me))) == (homes.me, "")


def test_values_of_a_room_that_change_often_are_stored_once_a_second(
    pair: tuple[Server, Server], enter_at: Enter, monkeypatch: pytest.MonkeyPatch, loop_thread: LoopThread
) -> None:
    alice, _, token = make_room(pair[0])
    socket = enter_at(pair[0], alice, token)
    homes, keep = homes_of(pair[0]), home_service.keep
    pair[0].wait_for(lambda: homes._storing is None)
    stored: list[str] = []

    async def keep_noting(tx: Tx, **changes: Any) -> None:
        stored.extend(changes["transient"].values())
        await keep(tx, **changes)

    monkeypatch.setattr(home_service, "keep", keep_noting)
    with loop_thread.still_clock() as move:
        for number in range(9):
            socket.send("transient", type="set", key="agenda", value=number)
            socket.expect("transient")
            move(0.1)
        assert homes._storing is None
        move(TRANSIENT_PAUSE)
        pair[0].wait_for(lambda: homes._storing)
        move(PAUSE)
        pair[0].wait_for(lambda: homes._storing is None)
    assert [json.loads(each)[0]["value"] for each in stored] == [8]
