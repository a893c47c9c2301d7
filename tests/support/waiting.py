"""Let polls reach their deadline without waiting in real time."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import httpx

from support.people import Person
from support.running import Server

T = TypeVar("T")

LAST_MOMENT = 0.1
"""Seconds before the end of a poll at which it must be answered."""


def await_waiting(server: Server, count: int) -> None:
    """Wait until exactly this many polls wait for their deadline."""
    buckets = server.app.world.changes.deadlines._buckets
    until = time.monotonic() + 40
    while (waiting := sum(len(bucket) for bucket in list(buckets.values()))) != count:
        assert time.monotonic() < until, waiting
        time.sleep(0.01)


def begin_waiting(
    server: Server, threads: ThreadPoolExecutor, request: Callable[..., T], *args: object, **params: object
) -> Future[T]:
    """Call a function that requests a poll. Return its future once the poll waits for its deadline."""
    await_waiting(server, 0)  # the polls of other tests have ended
    answer = threads.submit(request, *args, **params)
    await_waiting(server, 1)
    return answer


def answer_after(server: Server, person: Person, path: str, seconds: float, **params: int) -> httpx.Response:
    """Send a poll, move the clock forward by so many seconds, and return the answer."""
    await_waiting(server, 0)  # the polls of other tests have ended
    with server.loop_thread.still_clock() as move, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(person.request, "GET", path, **params)
        await_waiting(server, 1)
        move(seconds * 0.8)
        server.run(asyncio.sleep(0))  # the polls whose time is up end before this does
        await_waiting(server, 1)
        move(seconds * 0.2 - LAST_MOMENT)
        return answer.result(10)
