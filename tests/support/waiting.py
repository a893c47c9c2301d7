"""Polls that wait until their time is over, without waiting that long."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from support.people import Person
from support.running import LoopThread, Server

LAST_MOMENT = 0.1
"""Seconds before the end of a poll at which it must be answered."""


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
