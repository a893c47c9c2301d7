"""Changes of many members that one process runs, while another one leads."""

import asyncio
import threading
from typing import Any

import pytest

from support.company import Company, at
from support.people import PUBLIC
from support.running import Server, set_interval, unique
from support.time import pass_time
from talkd.areas.rooms import member_service
from talkd.areas.rooms.member_changes import PATIENCE, MemberChanges
from talkd.areas.rooms.member_model import Newcomer
from talkd.areas.rooms.member_service import PORTION
from talkd.conversation import room_store
from talkd.core.actor import USERS, Actor
from talkd.storage.database import Tx


@pytest.fixture
def pair(company: Company, monkeypatch: pytest.MonkeyPatch) -> tuple[Server, Server]:
    """Two servers, of which the first leads. It runs the job when the test says so."""
    set_interval(monkeypatch, "finish_member_changes", 100_000)
    first, second = company(2)
    assert first.app.world.db.leads
    return first, second


def test_a_request_gets_the_results_of_all_portions(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leading process does not run portions of a change that another one is running."""
    first, second = pair
    alice = at(second, first.add_user("alice"))
    strangers = [unique("nobody") for _ in range(3 * PORTION)]
    run_portion, between, go_on = member_service.run_portion, threading.Event(), threading.Event()

    async def wait(*given: Any, **named: Any) -> Any:
        between.set()
        await asyncio.to_thread(go_on.wait, 30)
        return await run_portion(*given, **named)

    monkeypatch.setattr(member_service, "run_portion", wait)
    answers: list[Any] = []
    people = {"users": [alice.id, *strangers], "emails": ["nonsense"]}
    thread = threading.Thread(
        target=lambda: answers.append(
            alice.request("POST", "v4/room", roomType=PUBLIC, roomName="Room", participants=people)
        )
    )
    thread.start()
    assert between.wait(10)
    monkeypatch.setattr(member_service, "run_portion", run_portion)
    first.run_job("finish_member_changes")
    go_on.set()
    thread.join(30)
    assert answers[0].json()["ocs"]["data"]["invalidParticipants"]["users"] == strangers


def test_the_leading_process_finishes_what_another_one_has_left(
    pair: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    alice = first.add_user("alice")
    people = [first.add_user("member").id for _ in range(PORTION + 5)]
    token = alice.create_room()

    async def begin(tx: Tx) -> None:
        room = await room_store.get_room(tx, token)
        assert room is not None
        newcomers = [Newcomer("users", each) for each in people]
        settings = second.app.world.talk_settings
        await member_service.add(tx, room, Actor(USERS, alice.id, "Alice"), newcomers, settings, most=1000)

    second.write(begin)
    first.run(first.app.world[MemberChanges].resume())
    assert set(alice.participants(token)) == {alice.id, *people[:PORTION]}
    pass_time(monkeypatch, PATIENCE + 1)
    first.run(first.app.world[MemberChanges].resume())
    assert set(alice.participants(token)) == {alice.id, *people}
