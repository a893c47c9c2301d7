"""While the database is unavailable, writes get 503, reads work, and health, metrics and log report it."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from support.people import Person
from support.postgres import Cluster, running_cluster
from support.running import Server
from talkd.config import Config
from talkd.core.errors import Unavailable
from talkd.storage.database import Database, Tx
from talkd.storage.postgres import Limits, PostgresDatabase
from talkd.storage.sqlite import SqliteDatabase

CHAT = "v1/chat/"


async def _do(work: Callable[[], Any]) -> Any:
    return work()


def on_writer(server: Server, text: str) -> Any:
    """Run a statement on the server's writing connection, in the server's event loop."""
    return server.run(_do(lambda: server.app.world.db._writer.execute(text).fetchall()))  # type: ignore[attr-defined]


def forget_health(server: Server) -> None:
    """Let the next health check test the database again instead of reusing its last result."""
    server.run(_do(server.app.world.db._forget_try))


def figures(server: Server) -> dict[str, float]:
    lines = server.client().get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


@contextlib.contextmanager
def full(server: Server) -> Iterator[None]:
    """Make the disk full, with no free pages in the file."""
    [[pages]] = on_writer(server, "PRAGMA page_count")
    on_writer(server, f"PRAGMA max_page_count = {pages}")
    yield
    on_writer(server, f"PRAGMA max_page_count = {pages + 10_000}")


@contextlib.contextmanager
def read_only(server: Server) -> Iterator[None]:
    on_writer(server, "PRAGMA query_only = ON")
    yield
    on_writer(server, "PRAGMA query_only = OFF")


@contextlib.contextmanager
def locked(server: Server) -> Iterator[None]:
    """Let another process hold the write lock."""
    with contextlib.closing(apsw.Connection(str(Path(server.config.data) / "talkd.db"))) as other:
        other.execute("BEGIN IMMEDIATE")
        server.app.world.db._patience = 0.1  # type: ignore[attr-defined]
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def sqlite(databases: Any, new_server: Any) -> Server:
    server: Server = new_server(databases.config("sqlite"))
    return server


@pytest.mark.parametrize("trouble", [full, read_only, locked])
def test_an_sqlite_file_that_cannot_be_written(trouble: Any, sqlite: Server, caplog: pytest.LogCaptureFixture) -> None:
    ann = sqlite.add_user("ann")
    token = ann.create_room()
    ann.say(token, "before")
    large = "x" * 30_000
    with trouble(sqlite), caplog.at_level(logging.INFO):
        refused = [ann.request("POST", CHAT + token, message=large) for _ in range(20)]
        assert {answer.status_code for answer in refused[-10:]} == {503}
        last = refused[-1]
        assert int(last.headers["retry-after"]) > 0
        assert last.json()["ocs"]["meta"]["statuscode"] == 503
        old = ann.http.post(f"/ocs/v1.php/apps/spreed/api/v1/chat/{token}", data={"message": large, "format": "xml"})
        assert (old.status_code, "<statuscode>503</statuscode>" in old.text) == (503, True)
        history = ann.get(CHAT + token, lookIntoFuture=0, setReadMarker=1)
        assert "before" in {message["message"] for message in history}
        assert token in {room["token"] for room in ann.get("v4/room")}
        assert sqlite.client().get("/ocs/v2.php/cloud/capabilities").status_code == 200, "it was not requested before"
        again = Person(sqlite.client(ann.id), ann.id)
        assert again.get(f"v4/room/{token}")["token"] == token, "a login stores nothing"
        failed = figures(sqlite)['talkd_database_failures_total{kind="write"}']
        assert failed >= 10
        if trouble is not full:  # a small write may still fit
            forget_health(sqlite)
            assert sqlite.client().get("/healthz").status_code == 503
    sqlite.run(_do(sqlite.app.world.db.availability.flush))
    said = [record for record in caplog.records if record.message == "database_unavailable"]
    assert 0 < len(said) <= 8, "at most one line a second"
    assert sum(record.__dict__["values"]["write"] for record in said) >= failed
    assert all(record.exc_info is None for record in caplog.records)
    ann.say(token, "after")
    forget_health(sqlite)
    assert sqlite.client().get("/healthz").status_code == 200


# --- PostgreSQL -----------------------------------------------------------------------------
@pytest.fixture
def postgres(databases: Any, new_server: Any) -> Server:
    config: Config = databases.config("postgres")
    config.database.connections = 8
    config.database.lock_timeout, config.database.connection_timeout = 1, 2
    config.database.outage_patience = 1
    server: Server = new_server(config)
    return server


def cut_off(server: Server, databases: Any, *, also_the_lock: bool = True) -> None:
    """Terminate all connections of the server and wait until they have ended."""
    name = server.config.database.url.partition("?")[0].rpartition("/")[2]
    whose = "" if also_the_lock else "AND application_name = 'talkd'"
    databases.cluster.psql(
        f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}' {whose}"
    )


def test_a_lost_connection_is_replaced_within_a_request(postgres: Server, databases: Any) -> None:
    ann = postgres.add_user("ann")
    token = ann.create_room()
    for number in range(5):
        cut_off(postgres, databases, also_the_lock=False)
        ann.say(token, f"after cut {number}")
        assert ann.get("v4/room/" + token)["token"] == token


def test_a_connection_goes_back_to_its_pool_without_a_statement(postgres: Server, databases: Any) -> None:
    """PostgreSQL remembers the last statement of each connection."""
    ann = postgres.add_user("ann")
    token = ann.create_room()
    ann.say(token, "hello")
    ann.history(token)
    name = postgres.config.database.url.partition("?")[0].rpartition("/")[2]
    last = databases.cluster.psql(
        f"SELECT query FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'talkd'"
    )
    assert "COMMIT" in last
    assert "RESET" not in last


def test_a_lost_serving_lock_is_taken_again(postgres: Server, databases: Any) -> None:
    ann = postgres.add_user("ann")
    token = ann.create_room()
    cut_off(postgres, databases)
    until = time.monotonic() + 10
    # The first message may be stored before the server notices that its lock is lost.
    while ann.status("POST", CHAT + token, message="hello") != 201 or postgres.app.world.db.damage:
        assert time.monotonic() < until
        time.sleep(0.1)


async def hold_room(url: str, token: str, held: threading.Event, release: threading.Event) -> None:
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM rooms WHERE token = $1 FOR UPDATE", token)
        held.set()
        await asyncio.to_thread(release.wait, 30)
    await connection.close()


def test_one_locked_row_does_not_stop_other_rooms(postgres: Server) -> None:
    ann = postgres.add_user("ann")
    stuck, free = ann.create_room(), ann.create_room()
    held, release = threading.Event(), threading.Event()
    with ThreadPoolExecutor(40) as pool:
        holding = pool.submit(lambda: asyncio.run(hold_room(postgres.config.database.url, stuck, held, release)))
        assert held.wait(10)
        people = [Person(postgres.client(ann.id), ann.id) for _ in range(36)]
        waiting = [pool.submit(each.status, "POST", CHAT + stuck, message="hello") for each in people]
        for _ in range(5):
            before = time.monotonic()
            ann.say(free, "meanwhile")
            assert time.monotonic() - before < 1, "another room waits for the locked one"
        assert {each.result() for each in waiting} == {503}
        release.set()
        holding.result()
    ann.say(stuck, "again")


def test_a_read_only_postgres_is_read_and_then_written_again(postgres: Server, databases: Any) -> None:
    """After a fail-over, old connections lead to a server that is read-only."""
    ann = postgres.add_user("ann")
    token = ann.create_room()
    name = postgres.config.database.url.partition("?")[0].rpartition("/")[2]
    databases.cluster.psql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    cut_off(postgres, databases, also_the_lock=False)
    assert ann.status("POST", CHAT + token, message="hello") == 503
    assert ann.get("v4/room/" + token)["token"] == token
    forget_health(postgres)
    assert postgres.client().get("/healthz").status_code == 503
    databases.cluster.psql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    ann.say(token, "hello")


def test_a_postgres_that_accepts_no_connections_for_a_while(postgres: Server, databases: Any) -> None:
    ann = postgres.add_user("ann")
    token = ann.create_room()
    name = postgres.config.database.url.partition("?")[0].rpartition("/")[2]
    databases.cluster.psql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    cut_off(postgres, databases)
    assert ann.status("GET", "v4/room") == 503
    assert ann.status("POST", CHAT + token, message="hello") == 503
    databases.cluster.psql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    while ann.status("POST", CHAT + token, message="hello") == 503:
        time.sleep(0.05)  # wait until the server has its lock again
    assert ann.status("GET", "v4/room") == 200


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    with running_cluster(str(tmp_path)) as cluster:
        yield cluster


def test_a_postgres_that_stops_and_starts_again(own_cluster: Cluster, tmp_path: Path, new_server: Any) -> None:
    config = Config(data=str(tmp_path))
    config.database.url, config.security.throttle = own_cluster.create("talkd"), False
    config.database.outage_patience = 1
    server: Server = new_server(config)
    ann = server.add_user("ann")
    token = ann.create_room()
    own_cluster.stop()
    for method, path in (("POST", CHAT + token), ("GET", "v4/room")):
        answer = ann.request(method, path, message="lost")
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    forget_health(server)
    assert server.client().get("/healthz").status_code == 503
    assert figures(server)["talkd_database_writable"] == 0
    own_cluster.start()
    until = time.monotonic() + 15
    while ann.status("POST", CHAT + token, message="back") != 201:
        assert time.monotonic() < until
        time.sleep(0.1)
    server.stop()
    own_cluster.stop()
    late = threading.Timer(1.5, own_cluster.start)
    late.start()
    server.start()  # waits
    late.join()
    assert "back" in {message["message"] for message in ann_again(server, ann).get(CHAT + token, lookIntoFuture=0)}


def test_a_server_can_stop_while_postgres_does_not_answer(
    own_cluster: Cluster, tmp_path: Path, new_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(data=str(tmp_path))
    config.database.url, config.database.connection_timeout = own_cluster.create("talkd"), 1
    server: Server = new_server(config)
    for limit in (
        "server.LAST_WRITES_SECONDS",
        "storage.postgres.CLOSE_SECONDS",
        "storage.postgres_lock.ANSWER_SECONDS",
    ):
        monkeypatch.setattr(f"talkd.{limit}", 0.5)
    with own_cluster.frozen():
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10


def ann_again(server: Server, ann: Person) -> Person:
    return Person(server.client(ann.id), ann.id)


async def test_a_start_waits_a_limited_time_for_postgres(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = PostgresDatabase(f"postgresql://talkd@/talkd?host={tmp_path}")
    with pytest.raises(OSError, match="No such file"):
        await database.open(patience=0.6)
    assert [record.message for record in caplog.records].count("waiting_for_database") == 1


# --- what counts as an outage ---------------------------------------------------------------
@pytest.fixture(params=["sqlite", "postgres"])
async def db(request: pytest.FixtureRequest, databases: Any) -> AsyncIterator[Database]:
    config: Config = databases.config(request.param)
    database: Database = (
        PostgresDatabase(config.database.url, connections=3, limits=Limits(outage=0))
        if config.database.url
        else SqliteDatabase(Path(config.data) / "talkd.db", durable=False)
    )
    await database.open()
    yield database
    await database.close()


OUTAGES: dict[type[Database], tuple[type[Exception], ...]] = {
    SqliteDatabase: (
        apsw.FullError,
        apsw.IOError,
        apsw.ReadOnlyError,
        apsw.BusyError,
        apsw.CantOpenError,
        apsw.CorruptError,
        apsw.NotADBError,
        apsw.LockedError,
        apsw.NoMemError,
        apsw.PermissionsError,
    ),
    PostgresDatabase: (
        OSError,
        ConnectionResetError,
        TimeoutError,
        asyncpg.TooManyConnectionsError,
        asyncpg.DiskFullError,
        asyncpg.OutOfMemoryError,
        asyncpg.AdminShutdownError,
        asyncpg.CannotConnectNowError,
        asyncpg.QueryCanceledError,
        asyncpg.LockNotAvailableError,
        asyncpg.ReadOnlySQLTransactionError,
        asyncpg.ConnectionDoesNotExistError,
        asyncpg.InterfaceError,
        asyncpg.InvalidPasswordError,
        asyncpg.DataCorruptedError,
        asyncpg.DeadlockDetectedError,
        asyncpg.ObjectNotInPrerequisiteStateError,
        asyncpg.InsufficientPrivilegeError,
    ),
}
MISTAKES: dict[type[Database], tuple[type[Exception], ...]] = {
    SqliteDatabase: (apsw.SQLError, apsw.ConstraintError, apsw.MismatchError, LookupError),
    PostgresDatabase: (asyncpg.PostgresSyntaxError, asyncpg.NotNullViolationError, asyncpg.DataError, LookupError),
}


async def test_outages_are_distinguished_from_bugs(db: Database) -> None:
    def raising(kind: type[Exception]) -> Callable[[Tx], Any]:
        async def work(_tx: Tx) -> None:
            raise kind("broken")

        return work

    for kind in OUTAGES[type(db)]:
        for run in (db.read, db.read_aside, db.write):
            with pytest.raises(Unavailable):
                await run(raising(kind))
    for kind in MISTAKES[type(db)]:
        for run in (db.read, db.write):
            with pytest.raises(kind):
                await run(raising(kind))
