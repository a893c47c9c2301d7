"""`python -m bench`: measure a real server, and print what it costs beside what it may cost."""

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

sys.path.insert(0, str(Path(__file__).parent))

import asking
import data as setup
import server as servers
import waiting
from data import Data
from report import Row, table
from server import Server

Case = Callable[[Server, Data], Awaitable[list[Row]]]


def cases(*, quick: bool) -> dict[str, Case]:
    """Everything there is to measure, by the name that --only takes."""
    seconds = 1.5 if quick else 4.0
    times = 50 if quick else 150

    async def two(server: Server, data: Data) -> list[Row]:
        return [await waiting.two_clients(server, data, times)]

    async def hall(server: Server, data: Data) -> list[Row]:
        return [await waiting.hall(server, data, 5 if quick else 15)]

    def teams(clients: int) -> Case:
        return lambda server, data: waiting.teams(server, data, clients, times)

    return {
        "post": lambda server, data: asking.sending(server, data, seconds),
        "rooms": lambda server, data: asking.listing(server, data, seconds),
        "history": lambda server, data: asking.reading(server, data, seconds),
        "login": lambda server, data: asking.logging_in(server, data, seconds),
        "wake-two": two,
        "wake-1000": teams(1_000),
        "wake-10000": teams(10_000),
        "wake-hall": hall,
    }


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=list(cases(quick=True)),
        help="only this case (may be repeated): %(choices)s",
    )
    parser.add_argument("--quick", action="store_true", help="about a minute instead of some")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--database", metavar="URL", default="", help="an empty PostgreSQL database")
    where.add_argument("--postgres", action="store_true", help="start a PostgreSQL of its own")
    return parser.parse_args()


@contextlib.contextmanager
def database(options: argparse.Namespace) -> Iterator[str]:
    """The URL to measure with; empty for SQLite."""
    if options.postgres:
        with servers.postgres() as url:
            yield url
    else:
        yield options.database


def raise_file_limit() -> None:
    """Every waiting client has a connection of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def measure(options: argparse.Namespace, folder: Path, url: str) -> list[Row]:
    """All chosen cases, each with a server that has just started."""
    every = cases(quick=options.quick)
    chosen = {name: every[name] for name in options.only or every}
    began = time.monotonic()
    data = await setup.make(
        folder,
        url,
        rooms_of_ten=1_000 if "wake-10000" in chosen else 100,
        hall=1_000 if "wake-hall" in chosen else 10,
        lists=(1, 100, 1_000) if "rooms" in chosen else (1,),
    )
    print(f"made the data in {time.monotonic() - began:.0f} s", file=sys.stderr)
    rows: list[Row] = []
    gc.collect()
    gc.freeze()
    gc.disable()  # pauses of this process are not the server's
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
    with contextlib.suppress(ImportError):
        import uvloop  # spends less on the client's side

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with tempfile.TemporaryDirectory(prefix="talkd-bench-") as folder, database(options) as url:
        rows = asyncio.run(measure(options, Path(folder), url))
    load = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    engine = "PostgreSQL" if url else "SQLite, durable"
    print(f"\n{engine}; Python {sys.version.split()[0]}; {os.cpu_count()} cores, load {load}")
    print("CPU is the server process's, all threads, per answer or delivery: one core gives 1000 / CPU a second.\n")
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps([one.as_json() for one in rows], indent=2) + "\n")


main()
