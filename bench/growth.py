"""Measure whether a large database is slower than a small one: `python -m bench.growth`, also with `--postgres`.

Two servers run at the same time. One has the data of the other cases and a few messages more, the other has 10,000
rooms and 1,111,000 messages more. Each operation is measured on both in turns, so what else the machine does slows
both. The ratio is the median of the ratios of all rounds.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import data as setup
from bench import long_polls, signaling, throughput, volume
from bench import server as servers
from bench.client import API, request
from bench.data import Data
from bench.report import Row
from bench.server import Server

AIM = 1.3
"""How many times the p95 of the small database that of the large one may be."""
SMALL = 100, 2_000
"""Rooms and messages that the small database gets, so that both give answers of the same size."""
ROOMS, MESSAGES = 10_000, 1_111_000
WAITING, TIMES = 200, 40
"""Clients that wait, and messages that they get in a round."""
Operation = Callable[[Server, Data, float], Awaitable[Row]]


@dataclass
class Compared:
    """The figures of an operation, one for each round: p95 and CPU in milliseconds, small and large."""

    name: str
    p95: list[tuple[float, float]] = field(default_factory=list)
    cpu: list[tuple[float, float]] = field(default_factory=list)

    def add(self, small: Row, large: Row) -> None:
        """Add a round."""
        assert small.p95 is not None
        assert large.p95 is not None
        assert small.cpu is not None
        assert large.cpu is not None
        self.p95.append((small.p95, large.p95))
        self.cpu.append((small.cpu, large.cpu))

    @property
    def ratio(self) -> float:
        """How many times as long the large database takes, by p95."""
        return _ratio(self.p95)

    def line(self) -> str:
        """Return the row of the table."""
        small, large = (statistics.median(each) for each in zip(*self.p95, strict=True))
        cpu = [statistics.median(each) for each in zip(*self.cpu, strict=True)]
        verdict = "ok" if self.ratio <= AIM else "MISS"
        return (
            f"{self.name:24} {small:9.2f} {large:9.2f} {self.ratio:7.2f} {verdict:>5} "
            f"{cpu[0]:9.3f} {cpu[1]:9.3f} {_ratio(self.cpu):7.2f}"
        )


def _ratio(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(large / small for small, large in pairs if small)


def operations() -> dict[str, Operation]:
    """Return what is measured, by name."""

    async def post(server: Server, data: Data, seconds: float) -> Row:
        posts = [throughput.post_requests(room.token, room.members[0]) for room in data.rooms_of_ten]
        return await throughput.measure(server, "", [_in_turns(posts)], seconds=seconds, wanted=201)

    def get(path: Callable[[Data], str], account: str) -> Operation:
        async def work(server: Server, data: Data, seconds: float) -> Row:
            asker = data.by_room_count[100] if account == "lister" else data.history.members[0]
            asks = itertools.repeat(request("GET", path(data), asker))
            return await throughput.measure(server, "", [asks], seconds=seconds, wanted=200)

        return work

    async def waiting(server: Server, data: Data, seconds: float) -> Row:  # noqa: ARG001 - by number, not by time
        return (await long_polls.rooms_of_ten(server, data, WAITING, TIMES))[0]

    def search(term: str) -> Operation:
        return get(lambda _: f"/ocs/v2.php/search/providers/talk-message/search?term={term}&limit=25", "lister")

    return {
        "post": post,
        "list of 100 rooms": get(lambda _: f"{API}/v4/room", "lister"),
        "history": get(lambda data: f"{API}/v1/chat/{data.history.token}?lookIntoFuture=0&setReadMarker=0", "member"),
        "waiting": waiting,
        "search, common word": search(volume.COMMON),
        "search, rare word": search(volume.RARE),
        "search, no result": search(volume.NOWHERE),
    }


def _in_turns(streams: list[Iterator[bytes]]) -> Iterator[bytes]:
    for stream in itertools.cycle(streams):
        yield next(stream)


async def measure(options: argparse.Namespace, folders: list[Path], urls: list[str]) -> list[Compared]:
    """Fill both databases, and measure the operations in turns."""
    sides: list[Data] = []
    for folder, url, size in zip(folders, urls, (SMALL, (options.rooms, options.messages)), strict=True):
        began = time.monotonic()
        sides.append(await setup.make(folder, url, rooms_of_ten=100, large_room=10, room_counts=(100,)))
        found = await volume.grow(folder, url, *size)
        print(f"{found:,} messages after {time.monotonic() - began:.0f} s", flush=True)
    chosen = {name: work for name, work in operations().items() if not options.only or name in options.only}
    compared = {name: Compared(name) for name in chosen}
    gc.collect()
    gc.freeze()
    gc.disable()  # pauses of the load generator would count as latency
    with servers.serving(folders[0], urls[0]) as small, servers.serving(folders[1], urls[1]) as large:
        pair = list(zip((small, large), sides, strict=True))
        for number in range(-1, options.rounds):
            for name, work in chosen.items():
                order = pair if number % 2 else pair[::-1]
                rows = {server: await work(server, data, options.seconds) for server, data in order}
                for server, _ in order:
                    await signaling.rest(server)  # after posting, it still has to index and to notify
                if number >= 0:  # the first round fills caches
                    compared[name].add(rows[small], rows[large])
            gc.collect()
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    return list(compared.values())


def table(rows: list[Compared]) -> str:
    """Return the figures as a text."""
    head = f"{'operation':24} {'p95 ms':>9} {'large':>9} {'times':>7} {'':5} {'CPU ms':>9} {'large':>9} {'times':>7}"
    return "\n".join([head, *(row.line() for row in rows)])


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="start a temporary PostgreSQL")
    parser.add_argument("--rooms", type=int, default=ROOMS, help="rooms more (default %(default)s)")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="messages more (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="how often all is measured (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement (default %(default)s)")
    parser.add_argument("--only", action="append", choices=list(operations()), help="only this; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    return parser.parse_args()


@contextlib.contextmanager
def databases(*, postgres: bool) -> Iterator[list[str]]:
    """Yield the addresses of two databases. Those of SQLite are empty."""
    if not postgres:
        yield ["", ""]
        return
    with servers.postgres() as url, servers.postgres() as other:
        yield [url, other]


def main() -> None:
    options = arguments()
    with (
        tempfile.TemporaryDirectory(prefix="talkd-bench-") as small,
        tempfile.TemporaryDirectory(prefix="talkd-bench-") as large,
        databases(postgres=options.postgres) as urls,
    ):
        rows = asyncio.run(measure(options, [Path(small), Path(large)], urls))
    print(f"\n{'PostgreSQL' if options.postgres else 'SQLite, durable'}\n\n{table(rows)}")
    if options.json:
        figures = {row.name: {"p95": row.p95, "cpu": row.cpu, "ratio": row.ratio} for row in rows}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
