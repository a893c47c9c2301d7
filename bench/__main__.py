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

from bench import browsers, files, go_server, idle, large_calls, long_polls, pages, signaling, throughput
from bench import data as setup
from bench import server as servers
from bench.data import Data
from bench.report import Row, beside, table
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
        **signaling_cases(quick=quick),
        "idle": lambda server, data: idle.open_connections(server, data, 10_000),
        "start": lambda server, data: idle.starts(server, data, 5 if quick else 15),
        "calls": lambda server, data: browsers.set_up_calls(server, data, 5 if quick else 20),
        "large-call": lambda server, data: large_calls.set_up(server, data, 4 if quick else 10),
        "files": lambda server, data: files.transfer(server, data, 100 if quick else 500, 3),
        "uploads": lambda server, data: files.many_uploads(server, data, 20 if quick else 100, 10),
        "pages": lambda server, data: pages.use_pages(
            server, data, visits=3 if quick else 15, pings=times // 3, arriving=1_000 if quick else 36_000
        ),
    }


def signaling_cases(*, quick: bool) -> dict[str, Case]:
    """Return the cases in which clients use the signaling sockets, which other servers have too."""
    seconds = 1.5 if quick else 4.0
    return {
        "relay": lambda server, data: signaling.relay(server, data, seconds),
        "fan-out": lambda server, data: signaling.fan_out(server, data, seconds),
        "storm": signaling.storm,
        "hold": lambda server, data: signaling.hold(server, data, 1_000 if quick else 10_000),
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
    parser.add_argument("--quick", action="store_true", help="measure each case for a shorter time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    parser.add_argument(
        "--go",
        action="store_true",
        help="compare the signaling sockets with the signaling server of Nextcloud Talk",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", metavar="URL", default="", help="an empty PostgreSQL database")
    where.add_argument("--postgres", action="store_true", help="start a temporary PostgreSQL")
    options = parser.parse_args()
    if options.go and not go_server.is_installed():
        parser.error(go_server.MISSING)
    return options


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
        rooms_of_ten=1_000 if {"wake-10000", "hold"} & {*chosen} else 100,
        large_room=1_000 if {"wake-large", "fan-out", "storm"} & {*chosen} else 10,
        room_counts=(1, 100, 1_000) if {"rooms", "pages"} & {*chosen} else (1,),
        long=0 if "pages" not in chosen else 1_000 if options.quick else 10_000,
    )
    print(f"made the data in {time.monotonic() - began:.0f} s", file=sys.stderr)
    rows: list[Row] = []
    gc.collect()
    gc.freeze()
    gc.disable()  # pauses of the load generator would count as latency
    for name, case in chosen.items():
        began = time.monotonic()
        with servers.serving(folder, url) as server:
            measured = await case(server, data)
        rows += measured
        if options.go and name in signaling_cases(quick=True):
            with servers.serving(folder, url) as server, go_server.beside(server, folder):
                others = await case(server, data)
            rows += [beside(ours, theirs, "the Go server") for ours, theirs in zip(measured, others, strict=True)]
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
    print("CPU is the server's time, all threads, for each answer or delivery. One core gives 1000 / CPU a second.")
    print("DB is the time of PostgreSQL's processes. An aim on cpu is for both.\n")
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([one.as_json() for one in rows], indent=2) + "\n")


main()
