"""Cases in which the server has little to do: its start, and connections that stay open."""

import asyncio

from bench import server as servers
from bench.client import ask_many, connect_many, request
from bench.data import Data
from bench.report import Aim, Row, percentile
from bench.server import Server

AFTER_START = 3.0
"""Seconds after which the start is over."""
AT_ONCE = 200


async def open_connections(server: Server, _: Data, count: int) -> list[Row]:
    """Clients keep their connections open after an answer."""
    ask = request("GET", "/status.php")
    before = server.memory()
    connections = await connect_many(server.port, count)
    for start in range(0, count, AT_ONCE):
        batch = connections[start : start + AT_ONCE]
        await ask_many(batch, [ask] * len(batch))
    memory = (server.memory() - before) / count
    for connection in connections:
        connection.close()
    return [Row(f"{count:,} idle connections", memory=memory / 1000)]


async def starts(server: Server, __: Data, times: int) -> list[Row]:
    """Start the server again and again with the data that it has."""
    server.stop()
    seconds: list[float] = []
    cpu: list[float] = []
    memory: list[int] = []
    for _ in range(times):
        with servers.serving(server.data, server.database) as started:
            seconds.append(started.started_in)
            cpu.append(started.cpu())
            await asyncio.sleep(AFTER_START)
            memory.append(started.memory())
    return [
        Row(
            "start",
            p50=percentile(seconds, 0.5) * 1000,
            p95=percentile(seconds, 0.95) * 1000,
            cpu=percentile(cpu, 0.5) * 1000,
            aims=(Aim("p50", 500), Aim("MB idle", 90)),
            others={"MB idle": percentile(memory, 0.5) / 1e6},
        )
    ]
