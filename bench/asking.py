"""Cases in which a few clients ask as fast as they are answered."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence

from client import API, Account, Answer, Connection, connect_many, request, require
from data import TEXT, Data
from report import Aim, Row, row
from server import Server

STATEMENTS = "talkd_database_statements_total"

Ask = Callable[[int], bytes]


async def hammer(
    server: Server,
    case: str,
    requests: Sequence[Iterator[bytes]],
    *,
    seconds: float,
    wanted: int,
    aims: Sequence[Aim] = (),
) -> Row:
    """One connection for each iterator of requests, for some seconds after a short warm-up."""
    connections = await connect_many(server.port, len(requests))
    latencies: list[float] = []

    async def work(connection: Connection, todo: Iterator[bytes], until: float, keep: list[float]) -> None:
        while (started := time.perf_counter()) < until:
            answer = require(await connection.ask(next(todo)), wanted)
            keep.append(answer.at - started)

    async def round_of(duration: float, keep: list[float]) -> None:
        until = time.perf_counter() + duration
        await asyncio.gather(*(work(one, todo, until, keep) for one, todo in zip(connections, requests, strict=True)))

    try:
        await round_of(max(0.3, seconds / 8), [])
        statements = server.figure(STATEMENTS)
        cpu, began = server.cpu(), time.perf_counter()
        await round_of(seconds, latencies)
        spent, cpu = time.perf_counter() - began, server.cpu() - cpu
        statements = server.figure(STATEMENTS) - statements
    finally:
        for connection in connections:
            connection.close()
    return row(case, latencies, seconds=spent, cpu=cpu, statements=statements, aims=aims)


def posts(token: str, account: Account, text: str = TEXT, answered: int = 0) -> Iterator[bytes]:
    """Messages, each with a reference id of its own as the apps send it."""
    for number in itertools.count():
        body = {"message": f"{text} {number}", "referenceId": f"{account.id}-{time.time_ns():x}", "replyTo": answered}
        yield request("POST", f"{API}/v1/chat/{token}", account, body)


async def sending(server: Server, data: Data, seconds: float) -> list[Row]:
    """Sending messages into rooms of ten where nobody waits."""
    aims = (Aim("cpu", 0.3), Aim("/s per core", 3000, at_least=True), Aim("SQL", 6))
    rows = []
    for clients in (1, 8, 64):
        pairs = [
            (room.token, room.members[number // len(data.tens) % len(room.members)])
            for number in range(clients)
            for room in [data.tens[number % len(data.tens)]]
        ]
        rows.append(
            await hammer(
                server,
                f"POST chat, {clients} client{'s' * (clients > 1)}",
                [posts(*pair) for pair in pairs],
                seconds=seconds,
                wanted=201,
                aims=aims,
            )
        )
    room = data.tens[0]
    me, other = room.members[:2]
    first = await _say(server, room.token, other)
    for name, todo in (
        ("mentioning", posts(room.token, me, f"@{other.id} {TEXT}")),
        ("answering", posts(room.token, me, answered=first)),
    ):
        rows.append(
            await hammer(server, f"POST chat, {name}", [todo], seconds=seconds, wanted=201, aims=(Aim("SQL", 6),))
        )
    return rows


async def logging_in(server: Server, data: Data, seconds: float) -> list[Row]:
    """What Basic auth costs: the same with the account's own password and without any."""
    path = "/ocs/v2.php/cloud/capabilities"
    asks = request("GET", path, data.person), request("GET", path)
    with_password, without = [
        await hammer(server, name, [itertools.repeat(ask)] * 4, seconds=seconds, wanted=200)
        for name, ask in zip(("GET capabilities, password", "GET capabilities, nobody"), asks, strict=True)
    ]
    cost = max(0.0, with_password.cpu - without.cpu)
    return [without, with_password, Row("  of which Basic auth", 0, 0, 0, 0, cpu=cost, aims=(Aim("cpu", 0.1),))]


async def listing(server: Server, data: Data, seconds: float) -> list[Row]:
    """The list of rooms, each with its last message."""
    rows = []
    for count, account in data.lists.items():
        aims = {100: (Aim("cpu", 2), Aim("SQL", 3)), 1: (Aim("SQL", 3),), 1000: (Aim("cpu", 20), Aim("SQL", 3))}
        ask = request("GET", f"{API}/v4/room", account)
        size = await _size(server, ask)
        rows.append(
            await hammer(
                server,
                f"GET {count} room{'s' * (count > 1)} ({size / 1000:.0f} kB)",
                [itertools.repeat(ask)] * 4,
                seconds=seconds,
                wanted=200,
                aims=aims.get(count, ()),
            )
        )
    return rows


async def reading(server: Server, data: Data, seconds: float) -> list[Row]:
    """100 messages of history, and one room."""
    room = data.history
    history = f"{API}/v1/chat/{room.token}?lookIntoFuture=0&limit=100&setReadMarker=0"
    rows = []
    for name, path, aims in (
        ("GET 100 messages", history, (Aim("cpu", 0.8), Aim("SQL", 6))),
        ("GET a room", f"{API}/v4/room/{room.token}", ()),
    ):
        asks = [request("GET", path, member) for member in room.members[:8]]
        size = await _size(server, asks[0])
        rows.append(
            await hammer(
                server,
                f"{name} ({size / 1000:.0f} kB)",
                [itertools.repeat(ask) for ask in asks],
                seconds=seconds,
                wanted=200,
                aims=aims,
            )
        )
    return rows


async def _say(server: Server, token: str, account: Account) -> int:
    """The id of a new message."""
    connection = (await connect_many(server.port, 1))[0]
    answer = require(await connection.ask(next(posts(token, account))), 201)
    connection.close()
    return int(json.loads(answer.body)["ocs"]["data"]["id"])


async def _size(server: Server, ask: bytes) -> int:
    connection = (await connect_many(server.port, 1))[0]
    answer: Answer = require(await connection.ask(ask), 200)
    connection.close()
    return len(answer.body)
