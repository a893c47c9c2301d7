"""Cases in which many clients wait by long poll, and a message wakes some of them.

The waiting clients do what the apps do: they set the read marker by asking for what comes after a message,
tell how far they know everybody has read, and ask again at once after every answer.
"""

import asyncio
import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from asking import STATEMENTS, posts
from client import API, Account, Connection, connect, connect_many, request, require
from data import Data, Room
from report import Aim, Row, percentile, row
from server import Server

WAITING = "talkd_waiting_polls"
SETTLE = 60.0
"""Seconds in which everybody has come to wait again."""
SENDERS = 100


@dataclass
class Delivery:
    """A message on its way to everybody who waits in its room."""

    sent: float
    wanted: int
    arrived: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, at: float) -> None:
        """Somebody has it."""
        self.arrived.append(at - self.sent)
        if len(self.arrived) == self.wanted:
            self.done.set()


class Crowd:
    """Clients that wait in rooms, one connection each."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.waiting: dict[str, int] = {}
        self.under_way: dict[str, Delivery] = {}
        self.polls = 0
        self._connections: list[Connection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._idle_memory = server.memory()

    async def gather(self, rooms: Sequence[tuple[Room, Sequence[Account]]]) -> None:
        """Have these accounts wait in these rooms; returns once they do."""
        pairs = [(room.token, account) for room, accounts in rooms for account in accounts]
        known = await newest(self.server, [room for room, _ in rooms])
        at_once = asyncio.Semaphore(200)
        for number, (token, account) in enumerate(pairs):
            self.waiting[token] = self.waiting.get(token, 0) + 1
            self._tasks.append(asyncio.create_task(self._wait(number, token, account, known[token], at_once)))
        await self.settle()

    async def _wait(self, number: int, token: str, account: Account, known: int, at_once: asyncio.Semaphore) -> None:
        async with at_once:  # gently: a crowd does not come in one instant
            connection = await connect(self.server.port, number)
            self._connections.append(connection)
            await connection.ask(request("GET", f"{API}/v4/room/{token}", account))
        common = 0
        while True:
            wanted = f"lookIntoFuture=1&lastKnownMessageId={known}&lastCommonReadId={common}&timeout=30"
            answer = await connection.ask(request("GET", f"{API}/v1/chat/{token}?{wanted}", account))
            self.polls += 1
            if answer.status == 304:
                continue
            require(answer, 200)
            common = answer.header(b"x-chat-last-common-read") or common
            newer = answer.header(b"x-chat-last-given")
            if newer > known:
                known = newer
                if token in self.under_way:
                    self.under_way[token].note(answer.at)

    async def settle(self) -> None:
        """Returns once all wait and nothing moves; raises what has gone wrong with one of them."""
        until, before = time.monotonic() + SETTLE, -1
        while time.monotonic() < until:
            await asyncio.sleep(0.2)
            for task in self._tasks:
                if task.done():
                    task.result()
            waiting = await asyncio.to_thread(self.server.figure, WAITING)
            if waiting == len(self._tasks) and self.polls == before:
                return
            before = self.polls
        raise TimeoutError("the clients do not come to rest")

    def memory(self) -> float:
        """Bytes of the server for each who waits."""
        return (self.server.memory() - self._idle_memory) / len(self._tasks)

    async def message(self, room: Room, sender: Connection, data: bytes) -> Delivery:
        """Send a message and return once everybody who waits in its room has it."""
        delivery = self.under_way[room.token] = Delivery(time.perf_counter(), self.waiting[room.token])
        require(await sender.ask(data), 201)
        async with asyncio.timeout(SETTLE):
            await delivery.done.wait()
        return delivery

    async def leave(self) -> None:
        """Nobody waits any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            connection.close()


async def newest(server: Server, rooms: Iterable[Room]) -> dict[str, int]:
    """The last message of each room by token."""
    connection = (await connect_many(server.port, 1))[0]
    found = {}
    for room in rooms:
        answer = require(await connection.ask(request("GET", f"{API}/v4/room/{room.token}", room.members[0])), 200)
        found[room.token] = json.loads(answer.body)["ocs"]["data"]["lastMessage"]["id"]
    connection.close()
    return found


async def two_clients(server: Server, data: Data, times: int) -> Row:
    """One waits, one sends."""
    room = data.tens[0]
    return await _one_by_one(
        server, "one polls, one sends", [(room, room.members[:1])], times, pause=0.005, aims=(Aim("p50", 20),)
    )


async def teams(server: Server, data: Data, clients: int, times: int) -> list[Row]:
    """Rooms of ten: messages at 50 a second, then one to each of 100 rooms at the same moment."""
    rooms = [(room, room.members) for room in data.tens[: clients // 10]]
    crowd = Crowd(server)
    await crowd.gather(rooms)
    memory = crowd.memory()
    try:
        arrived, seconds, cpu = await _steadily(crowd, rooms, times)
        calm = row(
            f"{clients:,} wait in tens, 50 messages/s",
            arrived,
            seconds=seconds,
            cpu=cpu,
            memory=memory,
            last=max(arrived),
            aims=(Aim("p95", 10), Aim("kB", 20)),
        )
        await crowd.settle()
        arrived, seconds, cpu = await _at_once(crowd, rooms[:SENDERS])
        name = f"{clients:,} wait in tens, {len(rooms[:SENDERS])} messages at once"
        return [calm, row(name, arrived, seconds=seconds, cpu=cpu, last=max(arrived))]
    finally:
        await crowd.leave()


async def hall(server: Server, data: Data, times: int) -> Row:
    """All in one room."""
    count = len(data.hall.members)
    return await _one_by_one(
        server,
        f"{count:,} wait in one room",
        [(data.hall, data.hall.members)],
        times,
        pause=0.0,
        aims=(Aim("last", 100), Aim("kB", 20)),
    )


async def _one_by_one(
    server: Server,
    case: str,
    rooms: Sequence[tuple[Room, Sequence[Account]]],
    times: int,
    *,
    pause: float,
    aims: Sequence[Aim],
) -> Row:
    """A message, and the next when all have it and wait again. `last` is the median of the rounds."""
    crowd = Crowd(server)
    await crowd.gather(rooms)
    memory = crowd.memory()
    room = rooms[0][0]
    sender = (await connect_many(server.port, 1))[0]
    todo = posts(room.token, room.members[-1])
    latencies: list[float] = []
    lasts: list[float] = []
    statements, cpu = server.figure(STATEMENTS), server.cpu()
    try:
        for _ in range(times):
            delivery = await crowd.message(room, sender, next(todo))
            latencies += delivery.arrived
            lasts.append(max(delivery.arrived))
            await (asyncio.sleep(pause) if pause else crowd.settle())
        statements, cpu = server.figure(STATEMENTS) - statements, server.cpu() - cpu
        return row(
            case,
            latencies,
            seconds=sum(lasts),
            cpu=cpu,
            last=percentile(lasts, 0.5),
            memory=memory,
            aims=aims,
            statements=statements,
        )
    finally:
        await crowd.leave()
        sender.close()


async def _steadily(
    crowd: Crowd, rooms: Sequence[tuple[Room, Sequence[Account]]], times: int
) -> tuple[list[float], float, float]:
    """Latencies, seconds and CPU of messages that come every 20 ms, each into another room."""
    rest: asyncio.Queue[Connection] = asyncio.Queue()
    senders = await connect_many(crowd.server.port, SENDERS)
    for sender in senders:
        rest.put_nowait(sender)
    chosen = random.sample([room for room, _ in rooms], min(times, len(rooms)))

    async def one(room: Room) -> Delivery:
        sender = await rest.get()
        delivery = await crowd.message(room, sender, next(posts(room.token, room.members[0])))
        rest.put_nowait(sender)
        return delivery

    cpu, began = crowd.server.cpu(), time.perf_counter()
    tasks = []
    for number, room in enumerate(chosen):
        await asyncio.sleep(max(0.0, began + number * 0.02 - time.perf_counter()))
        tasks.append(asyncio.create_task(one(room)))
    deliveries = await asyncio.gather(*tasks)
    seconds, cpu = time.perf_counter() - began, crowd.server.cpu() - cpu
    for sender in senders:
        sender.close()
    return [at for delivery in deliveries for at in delivery.arrived], seconds, cpu


async def _at_once(crowd: Crowd, rooms: Sequence[tuple[Room, Sequence[Account]]]) -> tuple[list[float], float, float]:
    """Latencies, seconds and CPU of one message into each room, all sent at the same moment."""
    senders = await connect_many(crowd.server.port, len(rooms))
    data = [next(posts(room.token, room.members[0])) for room, _ in rooms]
    cpu, began = crowd.server.cpu(), time.perf_counter()
    deliveries = await asyncio.gather(
        *(crowd.message(room, sender, what) for (room, _), sender, what in zip(rooms, senders, data, strict=True))
    )
    seconds = time.perf_counter() - began
    for sender in senders:
        sender.close()
    await crowd.settle()
    return [at for delivery in deliveries for at in delivery.arrived], seconds, crowd.server.cpu() - cpu
