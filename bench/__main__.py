"""`python -m bench`: measure a running server and print the figures beside their aims."""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from bench import data as setup
from bench import long_polls, throughput
from bench import server as servers
from bench.data import Data
from bench.report import Row, table
from bench.server import Server

Case = Callable[[Server, Data], Awaitable[list[Row]]]


def cases(*, quick: bool) -> dict[str, Case]:
    """Return all cases by the name that --only takes."""
    seconds = 1.5 if quick else 4.0
    times = 50 if quick else 150

    async def two_clients(server: Server, data: Data) -> list[Row]:
        return [await long_polls.two_clients(server, data, times)]

    async def large_room(server: Server, data: Data) -> list[Row]:
        return [await long_polls.large_room(server, data, 5 if quick else 15)]

    def rooms_of_ten(clients: int) -> Case:
        return lambda server, data: long_polls.rooms_of_ten(server, data, clients, times)

    return {
        "post": lambda server, data: throughput.post_messages(server, data, seconds),
        "rooms": lambda server, data: throughput.list_rooms(server, data, seconds),
        "history": lambda server, data: throughput.read_history(server, data, seconds),
        "login": lambda server, data: throughput.log_in(server, data, seconds),
        "wake-two": two_clients,
        "wake-1000": rooms_of_ten(1_000),
        "wake-10000": rooms_of_ten(10_000),
        "wake-large": large_room,
    }


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=list(cases(quick=True)),
        help="measure only this case; may be repeated: %(choices)s",
    )
    parser.add_argument("--quick", action="store_true", help="measure for about a minute in all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", metavar="URL", default="", help="an empty PostgreSQL database")
    where.add_argument("--postgres", action="store_true", help="start a temporary PostgreSQL")
    return parser.parse_args()


@contextlib.contextmanager
def database(options: argparse.Namespace) -> Iterator[str]:
    """Yield the URL of the PostgreSQL database to measure, or an empty text for SQLite."""
    if options.postgres:
        with servers.postgres() as url:
            yield url
    else:
        yield options.database


def raise_file_limit() -> None:
    """Allow as many open files as possible, because every waiting client has its own connection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def measure(options: argparse.Namespace, folder: Path, url: str) -> list[Row]:
    """Measure the chosen cases. Each gets a freshly started server."""
    every = cases(quick=options.quick)
    chosen = {name: every[name] for name in options.only or every}
    began = time.monotonic()
    data = await setup.make(
        folder,
        url,
        rooms_of_ten=1_000 if "wake-10000" in chosen else 100,
        large_room=1_000 if "wake-large" in chosen else 10,
        room_counts=(1, 100, 1_000) if "rooms" in chosen else (1,),
    )
    print(f"made the data in {time.monotonic() - began:.0f} s", file=sys.stderr)
    rows: list[Row] = []
    gc.collect()
    gc.freeze()
    gc.disable()  # pauses of the load generator would count as latency
    for name, case in chosen.items():
        began = time.monotonic()
        with servers.serving(folder, url) as server:
            rows += await case(server, data)
        print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr)
        gc.collect()
    return rows


def main() -> None:
    options = arguments()
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="talkd-bench-") as folder, database(options) as url:
        rows = asyncio.run(measure(options, Path(folder), url))
    load = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    engine = "PostgreSQL" if url else "SQLite, durable"
    print(f"\n{engine}; Python {sys.version.split()[0]}; {os.cpu_count()} cores, load {load}")
    print("CPU is the server's time, all threads, for each answer or delivery. One core gives 1000 / CPU a second.\n")
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([one.as_json() for one in rows], indent=2) + "\n")


main()
