"""Servers in processes of their own, a PostgreSQL and a NATS that drills may end, and cables that they may cut."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.cable import Cable
from support.load import Load
from support.nats import Nats
from support.replication import Instance, running_instances
from support.running import PASSWORD, LoopThread, unique
from support.several import PEOPLE, Company, await_true
from talkd.storage.postgres_lock import LEADING, MEMBERS
from talkd.storage.postgres_migrate import migrate_postgres

TEMPLATE = "drills"
_LEADERS = f"""
    SELECT substring(processes.place from '[0-9]+$')
    FROM pg_locks AS held
    JOIN pg_locks AS member ON member.pid = held.pid AND member.classid = {MEMBERS} AND member.objsubid = 2
    JOIN processes ON processes.id = member.objid::bigint
    WHERE held.locktype = 'advisory' AND held.granted AND held.classid = 0 AND held.objid = {LEADING}
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Instance]:
    """A PostgreSQL that drills may stop and kill. They leave it running."""
    with running_instances() as folder:
        instance = Instance.create(folder / "postgres", connections=100)
        try:
            instance.psql(f"CREATE DATABASE {TEMPLATE}")
            asyncio.run(migrate_postgres(instance.url(TEMPLATE), timeout=30))
            yield instance
        finally:
            instance.remove()


@pytest.fixture(scope="session")
def new_database(postgres: Instance) -> Callable[[], str]:
    """Creates databases with talkd's tables, and returns their URLs."""

    def create() -> str:
        name = unique("drill")
        postgres.psql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return postgres.url(name)

    return create


class Site:
    """Three servers, each connected to the same NATS by a cable of its own."""

    def __init__(self, company: Company, nats: Nats, cables: list[Cable], postgres: Instance) -> None:
        self.company, self.nats, self.cables, self.postgres = company, nats, cables, postgres

    def repair(self) -> None:
        """Let everything run again, for the next drill."""
        self.nats.start()
        for cable in self.cables:
            cable.heal()
        self.company.repair()

    def list_leaders(self) -> list[int]:
        """Return the numbers of the processes that have the lock of the one that leads: at most one."""
        pids = [int(each) for each in self.postgres.psql(_LEADERS, self.company.database).split()]
        return [n for n, each in enumerate(self.company.processes) if each.popen.pid in pids]

    def find_leader(self) -> int:
        """Wait until a process leads, and return its number."""
        await_true(self.list_leaders)
        return self.list_leaders()[0]

    def load(self, seconds: float) -> "Drilled":
        """Return people who post to a new room and follow it."""
        return Drilled(self.company, self.company.create_room(), seconds)


class Drilled(Load):
    """The load of a drill: so many `seconds` before and after a fault, and some messages at least."""

    def __init__(self, company: Company, token: str, seconds: float) -> None:
        super().__init__(company.urls, token, [(name, PASSWORD) for name in PEOPLE])
        self.token, self._seconds = token, seconds

    def go_on(self) -> None:
        """Let the load go on for a while."""
        until = time.monotonic() + self._seconds
        self.await_more()
        while time.monotonic() < until:
            self.await_more()


@pytest.fixture(scope="session")
def the_site(
    postgres: Instance,
    new_database: Callable[[], str],
    loop_thread: LoopThread,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """The servers that all drills of a worker use. Each drill gets them repaired, as `site`."""
    folder = tmp_path_factory.mktemp("site")
    with Nats(folder) as nats:
        cables = [Cable(loop_thread, nats.port) for _ in range(3)]
        buses = [f"nats://127.0.0.1:{cable.port}" for cable in cables]
        company = Company(folder, new_database(), buses)
        try:
            company.start()
            yield Site(company, nats, cables, postgres)
        finally:
            company.stop()
            for cable in cables:
                cable.close()


@pytest.fixture
def site(the_site: Site) -> Site:
    """Three servers that all run and know each other."""
    the_site.repair()
    return the_site


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """How long the load runs before and after each fault, at least."""
    return float(request.config.getoption("--drill-seconds"))


@pytest.fixture
def new_company(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Callable[..., Company]]:
    """Prepares companies of servers with these addresses of the bus, and ends them."""
    made: list[Company] = []

    def prepare(*buses: str, **settings: str) -> Company:
        made.append(Company(tmp_path, new_database(), buses, **settings))
        return made[-1]

    yield prepare
    for company in made:
        company.stop()
