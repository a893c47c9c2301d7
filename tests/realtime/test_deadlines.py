"""Timeouts of polls are upper bounds: the answer begins within the seconds that were asked for."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import Person
from support.running import LoopThread, Server
from talkd.realtime.timers import Deadlines, end_of_wait

LAST_MOMENT = 0.1
"""Seconds before the end of a poll at which it must be answered."""


@given(began=st.floats(0, 10**7), seconds=st.integers(0, 60))
def test_a_wait_leaves_time_for_its_answer(began: float, seconds: int) -> None:
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


def await_waiting(server: Server, count: int) -> None:
    """Return once exactly that many polls have looked and wait for their deadline."""
    buckets = server.app.world.changes.deadlines._buckets
    until = time.monotonic() + 40
    while (waiting := sum(len(bucket) for bucket in list(buckets.values()))) != count:
        assert time.monotonic() < until, waiting
        time.sleep(0.01)


def answer_after(
    server: Server, loop_thread: LoopThread, person: Person, path: str, seconds: float, **params: int
) -> httpx.Response:
    """The answer of a poll that waits until the clock has moved on by so many seconds."""
    await_waiting(server, 0)  # the polls of other tests have ended
    with loop_thread.still_clock() as move, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(person.request, "GET", path, **params)
        await_waiting(server, 1)
        move(seconds * 0.8)
        time.sleep(0.1)
        assert not answer.done(), answer.result().text
        move(seconds * 0.2 - LAST_MOMENT)
        return answer.result(10)


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
    server: Server, loop_thread: LoopThread, params: dict[str, int], seconds: int, status: int
) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    known = alice.say(token, "Hello")["id"]
    where = {"lastKnownMessageId": known} if "lookIntoFuture" in params else {"offset": 1}
    answer = answer_after(server, loop_thread, alice, f"v1/chat/{token}", seconds, **where, **params)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_signaling_poll_is_answered_within_half_a_minute(
    server: Server, loop_thread: LoopThread, version: str
) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    alice.join(token)
    path = f"{version}/signaling/{token}"
    assert alice.status("GET", path) == 200  # who is in the room is news the first time
    answer = answer_after(server, loop_thread, alice, path, 30)
    assert answer.status_code == 200
