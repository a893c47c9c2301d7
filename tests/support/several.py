"""Several servers in processes of their own, on one PostgreSQL database and one bus."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from support.people import Person
from support.processes import Process
from support.running import PASSWORD, unique
from support.sockets import Socket

PEOPLE = ("alice", "bob", "clara")
RECOVERY_SECONDS = 40.0


def await_true(condition: Callable[[], Any], seconds: float = RECOVERY_SECONDS) -> None:
    """Wait until a condition is true."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition was never true"
        time.sleep(0.02)


class Company:
    """Servers on one database, each reached at the address that it has kept since it was first started."""

    def __init__(self, folder: Path, database: str, buses: Sequence[str], **settings: str) -> None:
        """Prepare one server for each address of the bus, which may be the same."""
        self._folder, self._buses = folder, buses
        self.database = database.rpartition("/")[2]
        self._settings = {
            "DATABASE": database,
            "DATABASE_CONNECTIONS": "6",
            "SECURITY_THROTTLE": "false",
            "LOG_LEVEL": "info",
            **settings,
        }
        self.processes: list[Process] = []

    def start(self) -> None:
        """Start all, and create the people."""
        for number in range(len(self._buses)):
            self.processes.append(self._new(number))
            self.processes[0].await_health()  # the first one creates the tables
        for process in self.processes:
            process.await_health()
        for name in PEOPLE:
            account = {"userid": name, "password": PASSWORD}
            answer = self.processes[0].admin.post("/ocs/v2.php/cloud/users", data=account)
            assert answer.is_success, answer.text

    def _new(self, number: int, port: str = "") -> Process:
        words = ("--bus", self._buses[number])
        return Process(self._folder / f"talkd{number}", *words, port=port, **self._settings)

    def start_again(self, number: int) -> Process:
        """Start a server that has ended, at its old address."""
        before = self.processes[number]
        before.kill()
        self.processes[number] = self._new(number, str(before.port))
        self.processes[number].await_health()
        return self.processes[number]

    def repair(self) -> None:
        """Start the servers that have ended, and wait until all know each other."""
        for number, process in enumerate(self.processes):
            if process.popen.poll() is not None:
                self.start_again(number)
        await_true(lambda: all(self.figure(each, "talkd_processes") == len(self.processes) for each in self.processes))

    def stop(self) -> None:
        """End all at once."""
        for process in self.processes:
            process.kill()

    @property
    def urls(self) -> list[str]:
        """The addresses of all."""
        return [each.url for each in self.processes]

    def figure(self, process: Process, name: str) -> float:
        """Return a metric of a process; -1 while it does not answer."""
        try:
            text = process.admin.get("/metrics").text
        except httpx.TransportError:
            return -1
        for line in text.splitlines():
            if line.startswith((f"{name} ", f'{name}{{process="{process.popen.pid}"}}')):
                return float(line.split()[1])
        return -1

    def count_logged(self, event: str) -> int:
        """Return how often all processes have logged an event."""
        return sum(each.output.count(f'"{event}"') for each in self.processes)

    def person(self, number: int, process: Process | None = None) -> Person:
        """Return a device of one of the people at a process, or at the first one."""
        process = process or self.processes[0]
        return Person(process.client(PEOPLE[number], PASSWORD), PEOPLE[number])

    def create_room(self) -> str:
        """Return a new room with all people."""
        owner = self.person(0)
        token = owner.create_room(name=unique("Room"))
        for name in PEOPLE[1:]:
            owner.add(token, name)
        return token


class Phone:
    """A client with a socket in a room. It connects again wherever it can, as apps do."""

    def __init__(self, company: Company, number: int, token: str, at: int) -> None:
        self._company, self._number, self._token = company, number, token
        self.at = at
        self.anew = 0
        """How often it had to begin a new session."""
        self._begin(company.processes[at])

    def _begin(self, process: Process) -> None:
        person = self._company.person(self._number, process)
        session = person.join(self._token)["sessionId"]  # first, because the server waits only 2 seconds for a hello
        self.socket = Socket(process)
        self.socket.hello(person, token=self._token)
        self.socket.join(self._token, session)

    def connect_again(self) -> None:
        """Resume at a process that answers, or begin anew there."""
        self.socket.close()
        processes = self._company.processes
        until = time.monotonic() + RECOVERY_SECONDS
        while True:
            self.at = (self.at + 1) % len(processes)
            try:
                return self._resume(processes[self.at])
            except (OSError, WebSocketException, httpx.TransportError, AssertionError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _resume(self, process: Process) -> None:
        before = self.socket.resume_id
        self.socket = Socket(process)
        self.socket.resume_id = before
        if not self.socket.try_to_resume(before):
            self._begin(process)
            self.anew += 1

    def is_heard_by(self, other: "Phone", text: str) -> bool:
        """Say something to another client. Return whether it arrives soon. Clients without connection connect again."""
        try:
            self.socket.say(other.socket, text)
            self.socket.drain()
        except (OSError, WebSocketException, TimeoutError, AssertionError):
            self.connect_again()
            return False
        return other.hears(text)

    def hears(self, text: str) -> bool:
        """Return whether a text arrives soon."""
        try:
            return self.socket.await_data(text, 3)
        except (OSError, WebSocketException):
            self.connect_again()
            return False


@contextmanager
def phones_in(company: Company, token: str, places: Sequence[int] = (0, 1, 2)) -> Iterator[list[Phone]]:
    """Yield clients of a room, each connected to another process, who hear each other."""
    phones = [Phone(company, number, token, at) for number, at in enumerate(places)]
    try:
        await_hearing(phones)
        yield phones
    finally:
        for phone in phones:
            phone.socket.close()


def await_hearing(phones: Sequence[Phone]) -> None:
    """Wait until each client hears each other one."""
    until = time.monotonic() + RECOVERY_SECONDS
    pairs = [(one, other) for one in phones for other in phones if one is not other]
    while pairs:
        pairs = [pair for pair in pairs if not pair[0].is_heard_by(pair[1], unique("hello"))]
        assert time.monotonic() < until or not pairs, f"{len(pairs)} pairs do not hear each other"
