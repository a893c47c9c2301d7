"""Compare the buses between processes: `python -m bench.buses`. NATS is measured if `nats-server` is installed.

One process sends messages of the size of an event, another receives them: first one at a time, for the latency, then as
many as it can, for the CPU that each costs on both sides.
"""

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from talkd.bus.interface import Bus
from talkd.bus.nats import NatsBus
from talkd.bus.sockets import SocketBus
from talkd.config_groups import BusConfig

SIZE = 300
"""Bytes of a message, as those of one event have."""
BURST = 200
"""Messages that are sent before the sender lets other tasks run."""
PAUSE = 0.002
SENDER, RECEIVER = 1, 2
PORT = 24_222


def _bus(place: str) -> Bus:
    return NatsBus(BusConfig(url=place)) if place.startswith("nats:") else SocketBus(Path(place))


@contextlib.contextmanager
def _nats() -> Iterator[str]:
    program = shutil.which("nats-server") or "/usr/sbin/nats-server"
    with subprocess.Popen([program, "-a", "127.0.0.1", "-p", str(PORT)], stderr=subprocess.DEVNULL) as server:
        try:
            time.sleep(0.5)
            yield f"nats://127.0.0.1:{PORT}"
        finally:
            server.terminate()


async def _receive(place: str, alone: int, many: int) -> dict[str, float]:
    """Receive so many messages one at a time, then so many at once. Return what that took."""
    bus, done = _bus(place), asyncio.Event()
    delays: list[float] = []
    state = {"count": 0, "cpu": 0.0, "began": 0.0}

    def take(message: bytes) -> None:
        state["count"] += 1
        if state["count"] <= alone:
            delays.append(time.time() - float(message[:20]))
        elif state["count"] == alone + 1:
            state["cpu"], state["began"] = time.process_time(), time.time()
        elif state["count"] == alone + many:
            state["cpu"] = time.process_time() - state["cpu"]
            state["began"] = time.time() - state["began"]
            done.set()

    bus.receive = take
    await bus.open(RECEIVER, "bench")
    print("ready", flush=True)
    await done.wait()
    await bus.close()
    delays.sort()
    return {
        "p50_ms": delays[len(delays) // 2] * 1000,
        "p99_ms": delays[len(delays) * 99 // 100] * 1000,
        "receive_us": state["cpu"] / many * 1e6,
        "per_second": many / state["began"],
    }


async def _send(place: str, alone: int, many: int) -> float:
    """Send the messages. Return the CPU in microseconds for each of the many."""
    bus = _bus(place)
    await bus.open(SENDER, "bench")
    await asyncio.sleep(1)
    for _ in range(alone):
        bus.send(f"{time.time():020.6f}".encode().ljust(SIZE))
        await asyncio.sleep(PAUSE)
    before = time.process_time()
    for number in range(many):
        bus.send(b"x" * SIZE)
        if number % BURST == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    await bus.close()
    return (time.process_time() - before) / many * 1e6


def _measure(name: str, place: str, alone: int, many: int) -> None:
    command = [sys.executable, "-m", "bench.buses", "--receive", place, "--alone", str(alone), "--many", str(many)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None, "it is a pipe"
        receiver.stdout.readline()
        sent = asyncio.run(_send(place, alone, many))
        found = json.loads(receiver.stdout.readline())
    print(
        f"{name:14} {found['p50_ms']:7.2f} ms {found['p99_ms']:7.2f} ms   {sent:6.1f} µs {found['receive_us']:6.1f} µs"
        f"   {found['per_second']:9,.0f}/s"
    )


@click.command
@click.option("--alone", default=1000, help="Messages that are sent one at a time.")
@click.option("--many", default=100_000, help="Messages that are sent at once.")
@click.option("--receive", hidden=True)
def main(alone: int, many: int, receive: str | None) -> None:
    """Print latency, CPU of sender and receiver for each message, and messages a second."""
    if receive:
        print(json.dumps(asyncio.run(_receive(receive, alone, many))), flush=True)
        return
    print(f"{'bus':14} {'p50':>10} {'p99':>10}   {'send':>9} {'receive':>9}   {'messages':>11}")
    with tempfile.TemporaryDirectory(prefix="talkd-bus-") as folder:
        _measure("Unix sockets", folder, alone, many)
    if shutil.which("nats-server") or Path("/usr/sbin/nats-server").exists():
        with _nats() as place:
            _measure("NATS", place, alone, many)


if __name__ == "__main__":
    main()
