"""PostgreSQL restarts, crashes, freezes or hands over to its replica while clients use a server.

Every acknowledged message is there once and in order, requests wait for a short outage, and waiting polls survive it.
"""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest

from support.people import Person
from support.replication import Instance, running_instances
from support.running import Server
from talkd.areas.chat import waiting
from talkd.areas.chat.feed import Feed
from talkd.cli import checks
from talkd.cli.doctor import OK, WARN
from talkd.config import Config
from talkd.server import App
from talkd.storage import postgres_lock, postgres_outage
from talkd.storage.postgres_hosts import CONNECT_SECONDS, Connector, list_addresses

CHAT = "v1/chat/"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with running_instances() as made:
        yield made


@pytest.fixture(scope="module")
def instance(folder: Path) -> Iterator[Instance]:
    made = Instance.create(folder / "primary")
    yield made
    made.remove()


@pytest.fixture
def primary(instance: Instance) -> Iterator[Instance]:
    """A running server. A failed test may have stopped it."""
    yield instance
    if not instance.is_running:
        instance.start()


@pytest.fixture
def server(primary: Instance, tmp_path: Path, new_server: Any) -> Server:
    primary.psql("DROP DATABASE IF EXISTS talkd WITH (FORCE)")
    primary.psql("CREATE DATABASE talkd")
    return start(new_server, tmp_path, primary.url())


def start(new_server: Any, tmp_path: Path, url: str, *, patience: int = 30) -> Server:
    config = Config(data=str(tmp_path))
    config.database.url, config.database.outage_patience = url, patience
    config.database.connections = 6
    config.security.throttle = False
    server: Server = new_server(config)
    return server


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


class Load:
    """Threads that post and read in a room, and a poll that follows it."""

    def __init__(self, server: Server, *, posters: int = 3) -> None:
        self._server = server
        self.ann = server.add_user("ann")
        self.token = self.ann.create_room()
        self.acknowledged: list[list[str]] = [[] for _ in range(posters)]
        """The texts of acknowledged messages of each poster."""
        self.refused: list[str] = []
        """The texts of messages that got 503."""
        self.reads: list[int] = []
        """The statuses of reads."""
        self.polled: list[str] = []
        self._stop = threading.Event()
        self._known = self.ann.room(self.token)["lastMessage"]["id"]

    @property
    def total(self) -> int:
        return sum(map(len, self.acknowledged))

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(len(self.acknowledged) + 2) as pool:
            tasks = [pool.submit(self._post, number) for number in range(len(self.acknowledged))]
            tasks += [pool.submit(self._read), pool.submit(self._poll)]
            try:
                yield
            finally:
                self._stop.set()
            for task in tasks:
                task.result()

    def _device(self) -> Person:
        return Person(self._server.client(self.ann.id), self.ann.id)

    def _post(self, number: int) -> None:
        device = self._device()
        for each in count():
            text = f"{number}/{each}"
            status = device.status("POST", CHAT + self.token, message=text)
            assert status in (201, 503)
            self.acknowledged[number].append(text) if status == 201 else self.refused.append(text)
            if self._stop.wait(0.005):
                return

    def _read(self) -> None:
        device = self._device()
        while not self._stop.wait(0.01):
            self.reads.append(device.status("GET", f"v4/room/{self.token}"))

    def _poll(self) -> None:
        """Poll until the posters have ended and nothing is left."""
        device = self._device()
        while True:
            is_last = self._stop.is_set()
            answer = device.request(
                "GET", CHAT + self.token, lookIntoFuture=1, lastKnownMessageId=self._known, timeout=1, limit=200
            )
            assert answer.status_code in (200, 304), answer.text
            found = answer.json()["ocs"]["data"] if answer.status_code == 200 else []
            self.polled += [message["message"] for message in found if not message["systemMessage"]]
            self._known = max([self._known, *(message["id"] for message in found)])
            if is_last and not found:
                return

    def check(self) -> None:
        """Every acknowledged message is there once, in the order of its poster, and the poll has got all of them."""
        history = list(reversed(self.ann.get(CHAT + self.token, lookIntoFuture=0, limit=200)))
        while (
            page := self.ann.request(
                "GET", CHAT + self.token, lookIntoFuture=0, limit=200, lastKnownMessageId=history[0]["id"]
            )
        ).status_code == 200:
            history = [*reversed(page.json()["ocs"]["data"]), *history]
        stored = [message["message"] for message in history if not message["systemMessage"]]
        assert len(stored) == len(set(stored)), "a message was stored twice"
        for texts in self.acknowledged:
            assert [text for text in stored if text in set(texts)] == texts, "an acknowledged message is missing"
        assert self.polled == stored, "the poll missed a message or got it twice"
        assert self.ann.room(self.token)["lastMessage"]["id"] == history[-1]["id"]


def logged(caplog: pytest.LogCaptureFixture, line: str) -> int:
    return [record.message for record in caplog.records].count(line)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_requests_wait_while_postgres_restarts(
    mode: Literal["fast", "immediate"], server: Server, primary: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    load = Load(server)
    caplog.set_level(logging.WARNING)
    with load.running():
        wait_for(lambda: load.total > 20)
        primary.stop(mode)
        primary.start()
        before = load.total
        wait_for(lambda: load.total > before + 20)
    load.check()
    assert set(load.reads) == {200}, "reads are repeated"
    assert len(load.refused) <= 3, "only a commit without an answer is refused"
    assert (logged(caplog, "database_lost"), logged(caplog, "database_back")) == (1, 1)
    assert all(record.exc_info is None for record in caplog.records)
    assert "talkd_database_outages_total 1.0" in server.client().get("/metrics").text


def test_a_replica_takes_over_and_nothing_acknowledged_is_lost(
    folder: Path, tmp_path: Path, new_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = Instance.create(folder / "first")
    second = first.create_replica(folder / "second")
    try:
        first.psql("CREATE DATABASE talkd")
        first.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        first.psql("SELECT pg_reload_conf()")
        url = f"postgresql://postgres@127.0.0.1:{second.port},127.0.0.1:{first.port}/talkd"
        server = start(new_server, tmp_path, url)
        load = Load(server)
        with load.running():
            wait_for(lambda: load.total > 20)
            first.stop("immediate")
            second.promote()
            before = load.total
            wait_for(lambda: load.total > before + 20)
        load.check()
        assert set(load.reads) == {200}
        assert second.psql("SELECT count(*) > 20 FROM messages", "talkd") == "t"
        server.stop()
    finally:
        second.remove()
        first.remove()


async def test_a_host_that_does_not_answer_delays_no_connection_to_the_others(primary: Instance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead = f"127.0.0.1:{silent.getsockname()[1]}"
        connector = Connector(f"postgresql://postgres@{dead},127.0.0.1:{primary.port}/postgres")
        async with asyncio.timeout(CONNECT_SECONDS):
            for _ in range(2):
                connection = await connector.connect()
                assert await connection.fetchval("SELECT 1") == 1
                await connection.close()


def test_every_host_is_reached_with_the_same_user_and_options() -> None:
    url = "postgresql://me:p%40ss%2C@[::1]:5433,b.example/name?sslmode=require"
    assert list_addresses(url) == [
        f"postgresql://me:p%40ss%2C@{host}/name?target_session_attrs=primary&sslmode=require"
        for host in ("[::1]:5433", "b.example")
    ]
    other = url.replace("?", "?target_session_attrs=any&")
    assert all(each.count("target_session_attrs=any") == 1 for each in list_addresses(other))
    assert list_addresses("postgresql://me@a/name") == ["postgresql://me@a/name"]


def test_requests_share_the_connections_that_postgres_allows(
    primary: Instance, tmp_path: Path, new_server: Any
) -> None:
    primary.psql("CREATE ROLE few LOGIN CONNECTION LIMIT 4")
    primary.psql("CREATE DATABASE few OWNER few")
    server = start(new_server, tmp_path, primary.url("few").replace("postgres@", "few@"))
    load = Load(server, posters=8)
    with load.running():
        wait_for(lambda: load.total > 100)
    load.check()
    assert load.refused == []
    assert set(load.reads) == {200}
    assert server.app.world.db.availability.outages == 0


def test_a_poll_that_looks_during_an_outage_goes_on_waiting(
    primary: Instance, tmp_path: Path, new_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary.psql("DROP DATABASE IF EXISTS talkd WITH (FORCE)")
    primary.psql("CREATE DATABASE talkd")
    server = start(new_server, tmp_path, primary.url(), patience=1)
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0.5)
    ann = server.add_user("ann")
    token = ann.create_room()
    known = ann.room(token)["lastMessage"]["id"]
    db, changes = server.app.world.db, server.app.world.changes
    device = Person(server.client(ann.id), ann.id)
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(device.request, "GET", CHAT + token, lookIntoFuture=1, lastKnownMessageId=known, timeout=30)
        wait_for(lambda: changes.waiting)
        primary.stop()
        wait_for(lambda: db.damage)
        failed = db.availability.failures["read"]
        server.loop_thread.loop.call_soon_threadsafe(changes.publish_slowly)
        server.loop_thread.loop.call_soon_threadsafe(server.app.world[Feed].clear)
        wait_for(lambda: db.availability.failures["read"] > failed + 3)
        assert not poll.done()
        primary.start()
        wait_for(lambda: ann.status("POST", CHAT + token, message="at last") == 201)
        assert [message["message"] for message in poll.result().json()["ocs"]["data"]] == ["at last"]


def test_a_killed_transaction_is_repeated(server: Server, primary: Instance) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    waits = "FROM pg_stat_activity WHERE application_name = 'talkd' AND wait_event_type = 'Lock'"

    async def hold_and_kill() -> None:
        connection = await asyncpg.connect(primary.url())
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM rooms WHERE token = $1 FOR UPDATE", token)
            held.set()
            while not await connection.fetchval(f"SELECT count(pg_terminate_backend(pid)) {waits}"):
                await connection.execute("SELECT pg_sleep(0.02)")
        await connection.close()

    held = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(lambda: asyncio.run(hold_and_kill()))
        assert held.wait(30)
        ann.say(token, "survives")
        holding.result()
    assert [each["message"] for each in ann.history(token)].count("survives") == 1


def test_a_commit_without_an_answer_is_refused_and_still_reaches_those_who_wait(
    folder: Path, tmp_path: Path, new_server: Any
) -> None:
    first = Instance.create(folder / "answers")
    replica = first.create_replica(folder / "stuck")
    try:
        first.psql("CREATE DATABASE talkd")
        server = start(new_server, tmp_path, first.url())
        ann = server.add_user("ann")
        token = ann.create_room()
        known = ann.room(token)["lastMessage"]["id"]
        first.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        with replica.frozen(), ThreadPoolExecutor(2) as pool:
            first.psql("SELECT pg_reload_conf()")
            poll = pool.submit(
                Person(server.client(ann.id), ann.id).get,
                CHAT + token,
                lookIntoFuture=1,
                lastKnownMessageId=known,
                timeout=30,
                setReadMarker=0,
                markNotificationsAsRead=0,
            )
            wait_for(lambda: server.app.world.changes.waiting)
            post = pool.submit(ann.status, "POST", CHAT + token, message="unknown")
            waits = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'talkd'"
            wait_for(lambda: first.psql(f"SELECT count(*) {waits}") != "0")
            first.psql("ALTER SYSTEM RESET synchronous_standby_names")
            first.psql(f"SELECT pg_terminate_backend(pid) {waits}")
            first.psql("SELECT pg_reload_conf()")
            assert post.result() == 503
            assert [message["message"] for message in poll.result()] == ["unknown"]
        server.stop()
    finally:
        replica.remove()
        first.remove()


def test_a_postgres_that_does_not_answer_is_noticed_and_used_again(
    primary: Instance, tmp_path: Path, new_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary.psql("DROP DATABASE IF EXISTS talkd WITH (FORCE)")
    primary.psql("CREATE DATABASE talkd")
    server = start(new_server, tmp_path, primary.url(), patience=1)
    ann = server.add_user("ann")
    token = ann.create_room()
    monkeypatch.setattr(postgres_lock, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("talkd.storage.postgres.CONNECT_SECONDS", 0.5)
    with primary.frozen():
        wait_for(lambda: server.app.world.db.damage)
        began = time.monotonic()
        assert {ann.status("GET", f"v4/room/{token}"), ann.status("POST", CHAT + token, message="lost")} == {503}
        assert server.client().get("/healthz").status_code == 503
        assert time.monotonic() - began < 10
    wait_for(lambda: ann.status("POST", CHAT + token, message="back") == 201)
    assert "lost" not in [each["message"] for each in ann.history(token)]


async def test_a_start_and_the_doctor_warn_if_postgres_allows_too_few_connections(
    primary: Instance, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    primary.psql("CREATE DATABASE small CONNECTION LIMIT 20")
    config = Config(data=str(tmp_path))
    config.database.url, config.database.connections = primary.url("small"), 20
    for connections, warnings in ((20, 0), (21, 1)):
        config.database.connections = connections
        app = App(config)
        await app.start()
        found = {each.subject: each for each in await checks.examine(config)}["connections"]
        await app.stop()
        lines = [record for record in caplog.records if record.message == "few_postgres_connections"]
        assert [record.__dict__["values"] for record in lines] == [
            {"needed": 21, "allowed": 20, "processes": 1}
        ] * warnings
        assert (found.state, found.found) == (
            WARN if warnings else OK,
            f"up to {connections} to PostgreSQL, which allows 20",
        )


def test_only_a_limited_number_of_requests_wait(
    primary: Instance, tmp_path: Path, new_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary.psql("DROP DATABASE IF EXISTS talkd WITH (FORCE)")
    primary.psql("CREATE DATABASE talkd")
    server = start(new_server, tmp_path, primary.url())
    ann = server.add_user("ann")
    token = ann.create_room()
    monkeypatch.setattr(postgres_outage, "MOST_WAITING", 3)
    primary.stop()
    with ThreadPoolExecutor(3) as pool:
        devices = [Person(server.client(ann.id), ann.id) for _ in range(3)]
        waiting = [pool.submit(device.status, "GET", f"v4/room/{token}") for device in devices]
        wait_for(lambda: server.app.world.db.availability.waiting == 3)
        assert ann.status("GET", f"v4/room/{token}") == 503
        primary.start()
        assert {each.result() for each in waiting} == {200}
