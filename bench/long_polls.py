"""Cases in which many clients wait with a long poll, and a message wakes some of them.

The waiting clients behave like the apps: each poll sets the read marker and sends the last common read message, and
the next poll follows at once.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.client import API, Account, Connection, connect, connect_many, request, require
from bench.data import Data, Room
from bench.report import Aim, Row, percentile, row
from bench.server import Server
from bench.throughput import STATEMENTS, post_requests

WAITING = "talkd_waiting_polls"
SETTLE = 60.0
"""Seconds in which all clients must be waiting again."""
SENDERS = 100


@dataclass
class Delivery:
    """A message and the times when the waiting clients of its room received it."""

    sent: float
    wanted: int
    arrived: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def add_arrival(self, at: float) -> None:
        """Record that one client received the message."""
        self.arrived.append(at - self.sent)
        if len(self.arrived) == self.wanted:
            self.done.set()


class WaitingClients:
    """Clients that wait in rooms, one connection each."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.waiting: dict[str, int] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.polls = 0
        self._connections: list[Connection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._idle_memory = server.memory()

    async def start(self, rooms: Sequence[tuple[Room, Sequence[Account]]]) -> None:
        """Let these accounts wait in these rooms. Returns when all of them wait."""
        pairs = [(room.token, account) for room, accounts in rooms for account in accounts]
        known = await newest_messages(self.server, [room for room, _ in rooms])
        at_once = asyncio.Semaphore(200)
        for number, (token, account) in enumerate(pairs):
            self.waiting[token] = self.waiting.get(token, 0) + 1
            self._tasks.append(asyncio.create_task(self._wait(number, token, account, known[token], at_once)))
        await self.settle()

    async def _wait(self, number: int, token: str, account: Account, known: int, at_once: asyncio.Semaphore) -> None:
        async with at_once:  # thousands of connections in one moment would overflow the backlog
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
                if token in self.deliveries:
                    self.deliveries[token].add_arrival(answer.at)

    async def settle(self) -> None:
        """Return when all clients wait and no poll ended for a moment. Raises the error of a client that failed."""
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
        raise TimeoutError(f"after {SETTLE:.0f} s some clients do not wait")

    def memory(self) -> float:
        """Return the memory of the server in bytes for each waiting client."""
        return (self.server.memory() - self._idle_memory) / len(self._tasks)

    async def deliver(self, room: Room, sender: Connection, data: bytes) -> Delivery:
        """Send a message and return when all waiting clients of its room have received it."""
        delivery = self.deliveries[room.token] = Delivery(time.perf_counter(), self.waiting[room.token])
        require(await sender.ask(data), 201)
        async with asyncio.timeout(SETTLE):
            await delivery.done.wait()
        return delivery

    async def stop(self) -> None:
        """Disconnect all clients."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            connection.close()


async def newest_messages(server: Server, rooms: Iterable[Room]) -> dict[str, int]:
    """Return the id of the newest message of each room, by token."""
    connection = (await connect_many(server.port, 1))[0]
    found = {}
    for room in rooms:
        answer = require(await connection.ask(request("GET", f"{API}/v4/room/{room.token}", room.members[0])), 200)
        found[room.token] = answer.data()["lastMessage"]["id"]
    connection.close()
    return found


async def two_clients(server: Server, data: Data, times: int) -> Row:
    """One client waits, another sends."""
    room = data.rooms_of_ten[0]
    return await _one_at_a_time(
        server, "one polls, one sends", [(room, room.members[:1])], times, pause=0.005, aims=(Aim("p50", 20),)
    )


async def rooms_of_ten(server: Server, data: Data, count: int, times: int) -> list[Row]:
    """Rooms of ten: 50 messages a second, then messages to 100 rooms at the same moment."""
    rooms = [(room, room.members) for room in data.rooms_of_ten[: count // 10]]
    clients = WaitingClients(server)
    await clients.start(rooms)
    memory = clients.memory()
    try:
        arrived, seconds, cpu = await _steadily(clients, rooms, times)
        steady = row(
            f"{count:,} wait in tens, 50 messages/s",
            arrived,
            seconds=seconds,
            cpu=cpu,
            memory=memory,
            last=max(arrived),
            aims=(Aim("p95", 10), Aim("kB", 20)),
        )
        await clients.settle()
        arrived, seconds, cpu = await _at_once(clients, rooms[:SENDERS])
        name = f"{count:,} wait in tens, {len(rooms[:SENDERS])} messages at once"
        return [steady, row(name, arrived, seconds=seconds, cpu=cpu, last=max(arrived))]
    finally:
        await clients.stop()


async def large_room(server: Server, data: Data, times: int) -> Row:
    """All clients wait in one room."""
    count = len(data.large_room.members)
    return await _one_at_a_time(
        server,
        f"{count:,} wait in one room",
        [(data.large_room, data.large_room.members)],
        times,
        pause=0.0,
        aims=(Aim("last", 100), Aim("kB", 20)),
    )


async def _one_at_a_time(
    server: Server,
    case: str,
    rooms: Sequence[tuple[Room, Sequence[Account]]],
    times: int,
    *,
    pause: float,
    aims: Sequence[Aim],
) -> Row:
    """Send a message. Send the next when all clients wait again. `last` is the median of the rounds."""
    clients = WaitingClients(server)
    await clients.start(rooms)
    memory = clients.memory()
    room = rooms[0][0]
    sender = (await connect_many(server.port, 1))[0]
    todo = post_requests(room.token, room.members[-1])
    latencies: list[float] = []
    lasts: list[float] = []
    statements, cpu, database_cpu = server.figure(STATEMENTS), server.cpu(), server.database_cpu()
    try:
        for _ in range(times):
            delivery = await clients.deliver(room, sender, next(todo))
            latencies += delivery.arrived
            lasts.append(max(delivery.arrived))
            await (asyncio.sleep(pause) if pause else clients.settle())
        statements, cpu = server.figure(STATEMENTS) - statements, server.cpu() - cpu
        database_cpu = server.database_cpu() - database_cpu
        return row(
            case,
            latencies,
            seconds=sum(lasts),
            cpu=cpu,
            database_cpu=database_cpu,
            last=percentile(lasts, 0.5),
            memory=memory,
            aims=aims,
            statements=statements,
        )
    finally:
        await clients.stop()
        sender.close()


async def _steadily(
    clients: WaitingClients, rooms: Sequence[tuple[Room, Sequence[Account]]], times: int
) -> tuple[list[float], float, float]:
    """Send a message every 20 ms, each to another room. Return latencies, duration and CPU time in seconds."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    senders = await connect_many(clients.server.port, SENDERS)
    for sender in senders:
        idle.put_nowait(sender)
    chosen = random.sample([room for room, _ in rooms], min(times, len(rooms)))

    async def send(room: Room) -> Delivery:
        sender = await idle.get()
        delivery = await clients.deliver(room, sender, next(post_requests(room.token, room.members[0])))
        idle.put_nowait(sender)
        return delivery

    cpu, began = clients.server.cpu(), time.perf_counter()
    tasks = []
    for number, room in enumerate(chosen):
        await asyncio.sleep(max(0.0, began + number * 0.02 - time.perf_counter()))
        tasks.append(asyncio.create_task(send(room)))
    deliveries = await asyncio.gather(*tasks)
    seconds, cpu = time.perf_counter() - began, clients.server.cpu() - cpu
    for sender in senders:
        sender.close()
    return [at for delivery in deliveries for at in delivery.arrived], seconds, cpu


async def _at_once(
    clients: WaitingClients, rooms: Sequence[tuple[Room, Sequence[Account]]]
) -> tuple[list[float], float, float]:
    """Send a message to each room at the same moment. Return latencies, duration and CPU time in seconds."""
    senders = await connect_many(clients.server.port, len(rooms))
    data = [next(post_requests(room.token, room.members[0])) for room, _ in rooms]
    cpu, began = clients.server.cpu(), time.perf_counter()
    deliveries = await asyncio.gather(
        *(clients.deliver(room, sender, what) for (room, _), sender, what in zip(rooms, senders, data, strict=True))
    )
    seconds = time.perf_counter() - began
    for sender in senders:
        sender.close()
    await clients.settle()
    return [at for delivery in deliveries for at in delivery.arrived], seconds, clients.server.cpu() - cpu
