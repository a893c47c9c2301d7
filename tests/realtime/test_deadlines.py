"""Polls are answered within the seconds that the client asked for."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.running import Server
from support.waiting import answer_after
from talkd.realtime.timers import Deadlines, end_of_wait


@given(began=st.floats(0, 10**7), seconds=st.integers(0, 60))
def test_a_wait_ends_early_enough_for_its_answer(began: float, seconds: int) -> None:
    until = end_of_wait(began, seconds)
    fired: list[float] = []

    def record(when: float, *_: Any) -> None:
        fired.append(when)

    async def wait() -> None:
        loop = asyncio.get_running_loop()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "call_at", record)
            Deadlines().add(until, loop.create_future())

    asyncio.run(wait())
    assert until <= fired[0] + 1e-6
    assert fired[0] <= began + seconds + (0.1 if seconds == 0 else -0.14)
    assert seconds < 2 or fired[0] <= began + seconds - 0.29
    assert until >= began + seconds * 0.75 - 1e-6


@pytest.mark.parametrize(
    ("params", "seconds", "status"),
    [
        ({"lookIntoFuture": 1, "timeout": 30}, 30, 304),
        ({"lookIntoFuture": 1, "timeout": 5}, 5, 304),
        ({"lookIntoFuture": 1}, 30, 304),
        ({"lookIntoFuture": 1, "timeout": 60}, 30, 304),
        ({"timeout": 60}, 60, 200),
        ({"timeout": 90}, 60, 200),
        ({"timeout": 10}, 10, 200),
        ({}, 30, 200),
    ],
)
def test_a_chat_poll_is_answered_within_its_timeout(
    server: Server, params: dict[str, int], seconds: int, status: int
) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    known = alice.say(token, "Hello")["id"]
    where = {"lastKnownMessageId": known} if "lookIntoFuture" in params else {"offset": 1}
    answer = answer_after(server, alice, f"v1/chat/{token}", seconds, **where, **params)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_signaling_poll_is_answered_within_half_a_minute(server: Server, version: str) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    alice.join(token)
    path = f"{version}/signaling/{token}"
    assert alice.status("GET", path) == 200  # the first poll gets the list of sessions at once
    answer = answer_after(server, alice, path, 30)
    assert answer.status_code == 200
