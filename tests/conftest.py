"""Servers for tests: one for each kind of database in each worker, started when a test first uses it."""

import gc
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import pytest
from aioice.ice import get_host_addresses
from argon2 import PasswordHasher, Type
from hypothesis import HealthCheck, settings

from support.janus import Janus
from support.parts import GATEWAY, NETWORK
from support.people import Person
from support.postgres import Cluster, running_cluster
from support.running import LoopThread, Server, unique
from talkd.areas.files.contents import Contents
from talkd.areas.users import passwords
from talkd.config import Config
from talkd.storage import postgres_lock
from talkd.storage.migrate import migrate_sqlite

DATABASES = ("sqlite", "postgres")
PATIENCE_SECONDS = 3600
"""The time that servers of tests wait for PostgreSQL. It is longer than any move of their clock."""

gc.set_threshold(20_000, 10, 10)  # Python's 700 objects make collections a tenth of the tests' time

# The machine may be busy, so tests have no deadline.
settings.register_profile("tests", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-matrix", action="store_true", help="write the permission matrix anew")
    parser.addoption("--fuzz", type=int, default=100, help="random requests of each kind in tests/security")
    parser.addoption("--examples", type=int, default=2, help="random requests of each caller to each operation")
    parser.addoption("--kills", type=int, default=3, help="how often a running server is killed in tests/crash")
    parser.addoption("--drill-seconds", type=float, default=0, help="load before and after each fault in tests/drills")
    parser.addoption("--update-api-documents", action="store_true", help="write the API documents in docs/api anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the further variants of tests that take long, unless there is time (`--drill-seconds`)."""
    if not config.getoption("--drill-seconds"):
        left_out = [each for each in items if each.get_closest_marker("variant") is not None]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [each for each in items if each.get_closest_marker("variant") is None]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """List at the end every part that was skipped, with reason and remedy (`support/parts.py`)."""
    yield
    skipped = Counter(report.longrepr[2] for report in terminalreporter.getreports("skipped"))
    if skipped:
        terminalreporter.section("not tested on this machine")
    for reason, tests in sorted(skipped.items()):
        number = "1 test" if tests == 1 else f"{tests} tests"
        terminalreporter.line(f"{number} skipped: {reason.removeprefix('Skipped: ')}")


@pytest.fixture(scope="session")
def fuzz_requests(request: pytest.FixtureRequest) -> int:
    """The number of random requests that a test sends."""
    return int(request.config.getoption("--fuzz"))


@pytest.fixture(scope="session")
def examples(request: pytest.FixtureRequest) -> int:
    """The number of random requests that each caller sends to each operation."""
    return int(request.config.getoption("--examples"))


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """The number of times that a test kills a server."""
    return int(request.config.getoption("--kills"))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords in microseconds, because a safe hash would make the tests slow."""
    with pytest.MonkeyPatch.context() as patch:
        hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID)
        patch.setattr(passwords, "_hasher", hasher)
        patch.setattr(passwords, "_NOBODY", hasher.hash("nobody"))
        yield


@pytest.fixture(scope="session", autouse=True)
def patient_servers() -> Iterator[None]:
    """Let tests move a server's clock by minutes without a lost connection to PostgreSQL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_lock, "ANSWER_SECONDS", PATIENCE_SECONDS)
        yield


@pytest.fixture(scope="session")
def loop_thread() -> Iterator[LoopThread]:
    """The event loop in which the servers run."""
    thread = LoopThread()
    yield thread
    thread.close()


class Databases:
    """Creates databases of both kinds."""

    def __init__(self, folder: Path, stack: ExitStack, run: str) -> None:
        self._folder, self._stack, self._run = folder, stack, run
        self._cluster: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        """The PostgreSQL cluster of this run."""
        if self._cluster is None:
            self._cluster = self._stack.enter_context(running_cluster(self._run))
        return self._cluster

    @cached_property
    def _migrated_file(self) -> Path:
        """A SQLite database with talkd's tables, to copy. Creating them takes longer than most tests."""
        path = self._folder / "migrated" / "talkd.db"
        path.parent.mkdir()
        migrate_sqlite(path)
        return path

    def config(self, kind: str, *, empty: bool = False) -> Config:
        """Return settings for a new database, without throttling. It has talkd's tables unless it is `empty`."""
        folder = self._folder / unique(kind)
        folder.mkdir()
        config = Config(data=str(folder))
        config.database.durable = False
        config.security.throttle = False
        if kind == "postgres":
            name = unique(f"{self._folder.name}_".replace("-", "_"))
            config.database.url = self.cluster.create(name) if empty else self.cluster.create_migrated(name)
            config.database.connections = 5
        elif not empty:
            shutil.copy(self._migrated_file, folder / "talkd.db")
        return config


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Creates databases. All workers of a run share one PostgreSQL cluster."""
    base = tmp_path_factory.getbasetemp()
    run = str(base.parent if hasattr(request.config, "workerinput") else base)
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp(getattr(request.config, "workerinput", {}).get("workerid", "main"))
        yield Databases(folder, stack, run)


@pytest.fixture(scope="session")
def servers(databases: Databases, loop_thread: LoopThread) -> Iterator[Callable[[str], Server]]:
    """Returns the worker's server for a kind of database."""
    started: dict[str, Server] = {}

    def get(kind: str) -> Server:
        if kind not in started:
            config = databases.config(kind)
            config.database.connection_timeout = PATIENCE_SECONDS
            started[kind] = Server(loop_thread, config)
        return started[kind]

    yield get
    for server in started.values():
        server.stop()


@pytest.fixture(scope="session")
def janus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Janus]:
    """A gateway that all tests share, and that runs again after a test that has ended it."""
    if not get_host_addresses(use_ipv4=True, use_ipv6=False):
        NETWORK.skip()
    with Janus(GATEWAY.find("janus"), tmp_path_factory.mktemp("janus")) as running:
        yield running


@pytest.fixture(params=DATABASES)
def server(request: pytest.FixtureRequest, servers: Callable[[str], Server]) -> Iterator[Server]:
    """A running server on each database. Other tests use it too, so names must be unique, as by `add_user`."""
    running = servers(request.param)
    yield running
    running.close_clients()


@pytest.fixture
def sqlite_server(servers: Callable[[str], Server]) -> Iterator[Server]:
    """A running server on SQLite, for tests that do not depend on the database."""
    running = servers("sqlite")
    yield running
    running.close_clients()


@pytest.fixture
def new_server(databases: Databases, loop_thread: LoopThread) -> Iterator[Callable[[Config], Server]]:
    """Starts new servers, for tests with settings of their own or that stop the server."""
    started: list[Server] = []

    def start(config: Config) -> Server:
        started.append(Server(loop_thread, config))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(params=DATABASES)
def throttled_server(
    request: pytest.FixtureRequest, databases: Databases, new_server: Callable[[Config], Server]
) -> Server:
    """A new server with throttling. It trusts X-Forwarded-For, so that tests can choose their address."""
    config = databases.config(request.param)
    config.security.throttle = True
    config.server.trusted_proxies = ["127.0.0.1"]
    return new_server(config)


@pytest.fixture
def own_server(databases: Databases, new_server: Callable[[Config], Server]) -> Server:
    """Return a new server with the throttle on and the account alice. No other test uses it."""
    config = databases.config("sqlite")
    config.security.throttle = True
    server = new_server(config)
    server.add_account("alice", "Alice A.", email="alice@talk.test")
    return server


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for concurrent requests."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def limits(server: Server) -> Iterator[Contents]:
    """The limits of the server for files, which are as before afterwards."""
    contents = server.app.world[Contents]
    before = contents.limits
    yield contents
    contents.limits = before


@pytest.fixture
def alice(server: Server) -> Person:
    """A user, the owner of `token`."""
    return server.add_user("alice")


@pytest.fixture
def bob(server: Server) -> Person:
    """A user, a member of `token`."""
    return server.add_user("bob")


@pytest.fixture
def token(alice: Person, bob: Person) -> str:
    """The token of a group room of Alice and Bob."""
    made = alice.create_room()
    alice.add(made, bob)
    return made
