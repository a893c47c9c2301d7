"""CPU and memory of the processes of the server, and of the load generator itself."""

import abc
import asyncio
import contextlib
import time
from urllib.parse import urlsplit

import psutil
from prometheus_client.parser import text_string_to_metric_families

from talkd.load.http import Address, Failed, Line, Login
from talkd.load.measures import Durations
from talkd.load.plan import Wrong

LOOK_SECONDS = 1.0
TICK = 0.05
"""How often the event loop is asked how late it is, in seconds."""
CPU_FIGURE, MEMORY_FIGURE = "process_cpu_seconds_total", "process_resident_memory_bytes"


class Watched(abc.ABC):
    """Something whose CPU time and memory can be read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cpu = 0.0
        """CPU seconds so far."""
        self.cpu_before = 0.0
        """Those when the measuring began."""
        self.memory = 0
        """The most memory in bytes since the measuring began."""

    async def look(self, *, begins: bool = False) -> None:
        """Read both. If the measuring `begins`, forget what was before."""
        cpu, memory = await self.read()
        self.cpu = cpu
        if begins:
            self.cpu_before, self.memory = cpu, 0
        self.memory = max(self.memory, memory)

    def close(self) -> None:  # noqa: B027 - not all have something to close
        """Look no more."""

    @abc.abstractmethod
    async def read(self) -> tuple[float, int]:
        """Return the CPU seconds so far, and the bytes of memory."""


class WatchedProcess(Watched):
    """A process of this machine with all that it has started."""

    def __init__(self, name: str, pid: int) -> None:
        super().__init__(name)
        try:
            self._process = psutil.Process(pid)
        except psutil.Error as error:
            raise Wrong(f"--pid {name}={pid}: there is no such process") from error
        self._cpu_of: dict[int, float] = {}
        """The CPU seconds of each process when it was last seen, also of those that have ended."""

    async def read(self) -> tuple[float, int]:
        return await asyncio.to_thread(self._read)

    def _read(self) -> tuple[float, int]:
        memory = 0
        with contextlib.suppress(psutil.Error):
            for each in (self._process, *self._process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = each.cpu_times()
                    self._cpu_of[each.pid] = times.user + times.system
                    memory += _memory_of(each)
        return sum(self._cpu_of.values()), memory


def _memory_of(process: psutil.Process) -> int:
    """Return the memory of a process. What several processes share counts in parts, if the system tells."""
    try:
        info = process.memory_full_info()
        return int(getattr(info, "pss", 0) or info.rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


class WatchedMetrics(Watched):
    """A server that tells its CPU time and memory at an address, as talkd does at `/metrics`."""

    def __init__(self, name: str, url: str, *, verify: bool = True) -> None:
        super().__init__(name)
        try:
            address = Address(url, verify=verify)
        except ValueError as error:
            raise Wrong(f"--metrics {url} is no address") from error
        parts = urlsplit(url)
        address.path = ""
        self._path = parts.path or "/metrics"
        self._line = Line(address, Login())
        self._last: dict[str, tuple[float, int]] = {}
        """The CPU seconds and memory of each process of the server, also of one that an answer leaves out."""

    async def read(self) -> tuple[float, int]:
        with contextlib.suppress(Failed, ValueError):
            self._last |= processes_in((await self._line.ask("GET", self._path)).body.decode())
        return sum(cpu for cpu, _ in self._last.values()), sum(memory for _, memory in self._last.values())

    def close(self) -> None:
        self._line.close()

    async def is_there(self) -> bool:
        """Return whether the server tells."""
        await self.look(begins=True)
        return self.cpu > 0


def processes_in(text: str) -> dict[str, tuple[float, int]]:
    """Return the CPU seconds and memory in a text of metrics, by process. Raises ValueError if it is none."""
    cpu: dict[str, float] = {}
    memory: dict[str, int] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == CPU_FIGURE:
                cpu[sample.labels.get("process", "")] = sample.value
            elif sample.name == MEMORY_FIGURE:
                memory[sample.labels.get("process", "")] = int(sample.value)
    return {process: (cpu[process], memory.get(process, 0)) for process in cpu}


class Own:
    """How much of a core the load generator uses, and how late its event loop is."""

    def __init__(self) -> None:
        self.begin()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to measure."""
        self.lag = Durations()
        self._cpu, self._at = time.process_time(), time.perf_counter()

    @property
    def share(self) -> float:
        """The share of one core that was used since `begin`."""
        return (time.process_time() - self._cpu) / max(1e-9, time.perf_counter() - self._at)

    @staticmethod
    def memory() -> int:
        """Return the memory of this process in bytes."""
        return int(psutil.Process().memory_info().rss)

    def start(self) -> None:
        """Begin to look at the event loop."""
        self._task = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self) -> None:
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self.lag.add(time.perf_counter() - due)
