"""Cases in which a few clients send each request as soon as the last one was answered."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence

from bench.client import API, Account, Answer, Connection, connect_many, request, require
from bench.data import TEXT, Data
from bench.report import Aim, Row, row
from bench.server import Server

STATEMENTS = "talkd_database_statements_total"


async def measure(
    server: Server,
    case: str,
    requests: Sequence[Iterator[bytes]],
    *,
    seconds: float,
    wanted: int,
    aims: Sequence[Aim] = (),
) -> Row:
    """Open one connection for each iterator, warm up briefly, then measure for `seconds`. `wanted` is the status."""
    connections = await connect_many(server.port, len(requests))
    latencies: list[float] = []

    async def send_all(connection: Connection, todo: Iterator[bytes], until: float, keep: list[float]) -> None:
        while (started := time.perf_counter()) < until:
            answer = require(await connection.ask(next(todo)), wanted)
            keep.append(answer.at - started)

    async def round_of(duration: float, keep: list[float]) -> None:
        until = time.perf_counter() + duration
        await asyncio.gather(
            *(send_all(one, todo, until, keep) for one, todo in zip(connections, requests, strict=True))
        )

    try:
        await round_of(max(0.3, seconds / 8), [])
        statements = server.figure(STATEMENTS)
        cpu, database_cpu, began = server.cpu(), server.database_cpu(), time.perf_counter()
        await round_of(seconds, latencies)
        spent, cpu, database_cpu = (
            time.perf_counter() - began,
            server.cpu() - cpu,
            server.database_cpu() - database_cpu,
        )
        statements = server.figure(STATEMENTS) - statements
    finally:
        for connection in connections:
            connection.close()
    return row(
        case,
        latencies,
        seconds=spent,
        cpu=cpu,
        database_cpu=database_cpu,
        statements=statements,
        aims=aims,
    )


def post_requests(token: str, account: Account, text: str = TEXT, reply_to: int = 0) -> Iterator[bytes]:
    """Yield requests that post messages, each with its own reference id, as the apps send it."""
    for number in itertools.count():
        body = {"message": f"{text} {number}", "referenceId": f"{account.id}-{time.time_ns():x}", "replyTo": reply_to}
        yield request("POST", f"{API}/v1/chat/{token}", account, body)


async def post_messages(server: Server, data: Data, seconds: float) -> list[Row]:
    """Post messages to rooms of ten without waiting clients."""
    aims = (Aim("cpu", 0.3), Aim("/s per core", 3000, at_least=True), Aim("SQL", 6))
    rows = []
    for clients in (1, 8, 64):
        pairs = [
            (room.token, room.members[number // len(data.rooms_of_ten) % len(room.members)])
            for number in range(clients)
            for room in [data.rooms_of_ten[number % len(data.rooms_of_ten)]]
        ]
        rows.append(
            await measure(
                server,
                f"POST chat, {clients} client{'s' * (clients > 1)}",
                [post_requests(*pair) for pair in pairs],
                seconds=seconds,
                wanted=201,
                aims=aims,
            )
        )
    room = data.rooms_of_ten[0]
    sender, other = room.members[:2]
    replied_to = await _post(server, room.token, other)
    for name, todo in (
        ("with a mention", post_requests(room.token, sender, f"@{other.id} {TEXT}")),
        ("as a reply", post_requests(room.token, sender, reply_to=replied_to)),
    ):
        rows.append(
            await measure(server, f"POST chat, {name}", [todo], seconds=seconds, wanted=201, aims=(Aim("SQL", 6),))
        )
    return rows


async def log_in(server: Server, data: Data, seconds: float) -> list[Row]:
    """Measure what Basic auth costs: the same request with the password of an account and without credentials."""
    path = "/ocs/v2.php/cloud/capabilities"
    requests = request("GET", path, data.password_account), request("GET", path)
    with_password, without = [
        await measure(server, name, [itertools.repeat(ask)] * 4, seconds=seconds, wanted=200)
        for name, ask in zip(("GET capabilities, password", "GET capabilities, no login"), requests, strict=True)
    ]
    assert with_password.cpu is not None
    assert without.cpu is not None
    cost = max(0.0, with_password.cpu - without.cpu)
    return [without, with_password, Row("  of which Basic auth", cpu=cost, aims=(Aim("cpu", 0.1),))]


async def list_rooms(server: Server, data: Data, seconds: float) -> list[Row]:
    """Get the room list, each room with its last message."""
    rows = []
    for count, account in data.by_room_count.items():
        aims = {100: (Aim("cpu", 2), Aim("SQL", 3)), 1: (Aim("SQL", 3),), 1000: (Aim("cpu", 20), Aim("SQL", 3))}
        ask = request("GET", f"{API}/v4/room", account)
        size = await _size(server, ask)
        rows.append(
            await measure(
                server,
                f"GET {count} room{'s' * (count > 1)} ({size / 1000:.0f} kB)",
                [itertools.repeat(ask)] * 4,
                seconds=seconds,
                wanted=200,
                aims=aims.get(count, ()),
            )
        )
    return rows


async def read_history(server: Server, data: Data, seconds: float) -> list[Row]:
    """Get 100 messages of history, and get one room."""
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
            await measure(
                server,
                f"{name} ({size / 1000:.0f} kB)",
                [itertools.repeat(ask) for ask in asks],
                seconds=seconds,
                wanted=200,
                aims=aims,
            )
        )
    return rows


async def _post(server: Server, token: str, account: Account) -> int:
    """Post a message and return its id."""
    connection = (await connect_many(server.port, 1))[0]
    answer = require(await connection.ask(next(post_requests(token, account))), 201)
    connection.close()
    return int(answer.data()["id"])


async def _size(server: Server, ask: bytes) -> int:
    connection = (await connect_many(server.port, 1))[0]
    answer: Answer = require(await connection.ask(ask), 200)
    connection.close()
    return len(answer.body)
