"""Cases of the signaling sockets: clients that join, send each other messages, and all join one room at once."""

import asyncio
import itertools
import json
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from bench.client import API, Account, ask_many, connect_many, request
from bench.data import Data, Room
from bench.long_polls import Delivery
from bench.report import Aim, Row, percentile, row
from bench.server import Server
from bench.sockets import Entry, Socket, message_to

AT_ONCE = 50
"""Clients that connect, or join, at the same moment."""
GROUP = 1_000
"""Clients that join over HTTP before they connect."""
SETTLE = 60.0
QUIET = 1.0
"""Seconds without a message after which nothing more is expected."""
PAIRED = 100
"""Clients in pairs. Fewer would send more messages a second than the server lets one client send."""
IN_ONE_ROOM = 100
STORM = 500


async def hold(server: Server, data: Data, count: int) -> list[Row]:
    """Clients connect, say hello and join rooms of ten. Then they stay.

    They come in groups, because a session that nobody uses ends after a while.
    """
    measured, members = server.signaling, in_tens(data, count)
    clients: list[Socket] = []
    latencies: list[float] = []
    memory, hello_cpu, join_cpu, seconds = measured.memory(), 0.0, 0.0, 0.0
    for start in range(0, count, GROUP):
        group = await prepare(server, members[start : start + GROUP], first=start)
        clients += group
        before, began = measured.cpu(), time.perf_counter()
        hellos = await timed(group, say_hello(server))
        between = measured.cpu()
        joins = await timed(group, lambda client: client.join())
        seconds += time.perf_counter() - began
        await settle(clients)
        hello_cpu += between - before
        join_cpu += measured.cpu() - between
        latencies += [hello + join for hello, join in zip(hellos, joins, strict=True)]
    memory = measured.memory() - memory
    close(clients)
    return [
        row(
            f"{count:,} connect, say hello and join tens",
            latencies,
            seconds=seconds,
            cpu=hello_cpu + join_cpu,
            memory=memory / count,
            aims=(Aim("cpu", 0.6), Aim("kB", 30)),
            others={"CPU ms for hello": hello_cpu / count * 1000, "CPU ms for the room": join_cpu / count * 1000},
        )
    ]


async def relay(server: Server, data: Data, seconds: float) -> list[Row]:
    """Pairs of clients in rooms of ten send messages to each other."""
    clients = await enter(server, in_tens(data, PAIRED))
    pairs = dict(zip(clients[::2], clients[1::2], strict=True))
    partners = pairs | {second: first for first, second in pairs.items()}
    messages = {client: message_to({"type": "session", "sessionid": other.id}) for client, other in partners.items()}
    latencies: list[float] = []
    is_running = True

    def answer(client: Socket, at: float) -> None:
        latencies.append(at - partners[client].sent.popleft())
        if is_running:
            client.relay(messages[client])

    for client in clients:
        client.on_relayed = answer
    for first in pairs:
        first.relay(messages[first])
    await asyncio.sleep(seconds / 4)
    latencies.clear()
    cpu, began = server.signaling.cpu(), time.perf_counter()
    await asyncio.sleep(seconds)
    spent, cpu = time.perf_counter() - began, server.signaling.cpu() - cpu
    is_running, measured = False, list(latencies)
    await settle(clients)
    require_all_arrived(clients)
    close(clients)
    return [row("message to a session", measured, seconds=spent, cpu=cpu, aims=(Aim("cpu", 0.02),))]


async def fan_out(server: Server, data: Data, seconds: float) -> list[Row]:
    """Clients in turn send a message to all others in their room, the next when all have received the last."""
    clients = await enter(server, in_one_room(data, IN_ONE_ROOM))
    senders = itertools.cycle(clients)
    message, others = message_to({"type": "room"}), len(clients) - 1
    delivery = Delivery(0.0, 0)
    for client in clients:
        client.on_relayed = lambda _, at: delivery.add_arrival(at)
    deliveries: list[Delivery] = []
    cpu, began = 0.0, 0.0
    for duration in (seconds / 4, seconds):
        deliveries.clear()
        cpu, began = server.signaling.cpu(), time.perf_counter()
        while time.perf_counter() < began + duration:
            delivery = Delivery(time.perf_counter(), others)
            deliveries.append(delivery)
            next(senders).send(message)
            async with asyncio.timeout(SETTLE):
                await delivery.done.wait()
    spent, cpu = time.perf_counter() - began, server.signaling.cpu() - cpu
    close(clients)
    return [
        row(
            f"message to {others} in a room",
            [at for one in deliveries for at in one.arrived],
            seconds=spent,
            cpu=cpu,
            last=percentile([max(one.arrived) for one in deliveries], 0.5),
            aims=(Aim("cpu", 0.012),),
        )
    ]


async def storm(server: Server, data: Data) -> list[Row]:
    """Many clients join one room at the same moment. The latency is the time until a client knows of all others."""
    clients = await prepare(server, in_one_room(data, STORM))
    await timed(clients, say_hello(server))
    await settle(clients)
    for client in clients:
        client.frames = client.bytes = 0
        client.kept = []
    cpu, began = server.signaling.cpu(), time.perf_counter()
    await asyncio.gather(*(client.join() for client in clients))
    await settle(clients)
    cpu = server.signaling.cpu() - cpu
    complete = [saw_all(client, clients) - began for client in clients]
    close(clients)
    return [
        row(
            f"{len(clients)} join one room at once",
            complete,
            seconds=max(complete),
            cpu=cpu,
            last=max(complete),
            aims=(Aim("last", 1000), Aim("incomplete", 0)),
            others={
                "incomplete": complete.count(math.inf),
                "frames": sum(client.frames for client in clients),
                "MB": sum(client.bytes for client in clients) / 1e6,
                "s CPU": cpu,
            },
        )
    ]


def saw_all(client: Socket, clients: Sequence[Socket]) -> float:
    """Return when a client had been told of all others in its room, or infinity."""
    missing = {each.id for each in clients if each is not client}
    for at, content in client.kept or ():
        message = json.loads(content) if b'"join"' in content else {}
        if message.get("type") == "event":
            missing.difference_update(one["sessionid"] for one in message["event"].get("join", ()))
        if not missing:
            return at
    return math.inf


# --- clients ---------------------------------------------------------------------------------
def in_tens(data: Data, count: int) -> list[tuple[Room, Account]]:
    """Return so many members of rooms of ten, all of one room beside each other."""
    return [(room, member) for room in data.rooms_of_ten for member in room.members][:count]


def in_one_room(data: Data, count: int) -> list[tuple[Room, Account]]:
    """Return so many members of the large room."""
    return [(data.large_room, member) for member in data.large_room.members[:count]]


async def prepare(server: Server, members: Sequence[tuple[Room, Account]], first: int = 0) -> list[Socket]:
    """Join rooms over HTTP. Return the clients, which have not connected yet. `first` is the number of the first."""
    connections = await connect_many(server.port, min(len(members), AT_ONCE))
    entries: list[Entry] = []
    for start in range(0, len(members), AT_ONCE):
        batch = members[start : start + AT_ONCE]
        used = connections[: len(batch)]
        joins = [request("POST", f"{API}/v4/room/{room.token}/participants/active", who, {}) for room, who in batch]
        joined = await ask_many(used, joins)
        asks = [request("GET", f"{API}/v3/signaling/settings?token={room.token}", who) for room, who in batch]
        settings = await ask_many(used, asks)
        for (room, _), join, setting in zip(batch, joined, settings, strict=True):
            session = join.data()["sessionId"]
            proof = setting.data()["helloAuthParams"]["1.0"]
            url = f"http://127.0.0.1:{server.port}{API}/v3/signaling/backend"
            entries.append(Entry(room.token, session, {"url": url, "params": proof}))
    for connection in connections:
        connection.close()
    await rest(server)
    return [Socket(entry, number) for number, entry in enumerate(entries, first)]


async def enter(server: Server, members: Sequence[tuple[Room, Account]]) -> list[Socket]:
    """Return clients that have joined rooms."""
    clients = await prepare(server, members)
    await timed(clients, say_hello(server))
    await timed(clients, lambda client: client.join())
    await settle(clients)
    return clients


def say_hello(server: Server) -> Callable[[Socket], Awaitable[object]]:
    """Return a function that connects a client and says hello."""

    async def connect(client: Socket) -> None:
        await client.open(server.signaling.port, server.signaling.path)
        await client.say_hello()

    return connect


async def timed(clients: Sequence[Socket], work: Callable[[Socket], Awaitable[object]]) -> list[float]:
    """Do something with each client, some of them at once. Return the seconds that each took."""

    async def one(client: Socket) -> float:
        began = time.perf_counter()
        await work(client)
        return time.perf_counter() - began

    found: list[float] = []
    for start in range(0, len(clients), AT_ONCE):
        found += await asyncio.gather(*(one(client) for client in clients[start : start + AT_ONCE]))
    return found


async def settle(clients: Sequence[Socket]) -> None:
    """Return when no client has received anything for a moment. Raises ConnectionResetError if one was closed."""
    before, frames, until = -1, 0, time.monotonic() + SETTLE
    while frames != before:
        if time.monotonic() > until:
            raise TimeoutError(f"after {SETTLE:.0f} s the server still sends")
        before = frames
        await asyncio.sleep(QUIET)
        frames = sum(client.frames for client in clients)
    closed = sum(not client.is_open for client in clients)
    if closed:
        raise ConnectionResetError(f"the server closed {closed} of {len(clients)} connections")


async def rest(server: Server) -> None:
    """Return when the servers have little to do."""
    until = time.monotonic() + SETTLE
    while time.monotonic() < until:
        before = server.cpu() + server.signaling.cpu()
        await asyncio.sleep(QUIET)
        if server.cpu() + server.signaling.cpu() - before < QUIET / 10:
            return
    raise TimeoutError(f"after {SETTLE:.0f} s the servers still work")


def require_all_arrived(clients: Iterable[Socket]) -> None:
    """Raises ValueError if messages between clients were lost."""
    lost = sum(len(client.sent) for client in clients)
    if lost:
        raise ValueError(f"{lost} messages did not arrive")


def close(clients: Iterable[Socket]) -> None:
    """End all connections."""
    for client in clients:
        client.close()
