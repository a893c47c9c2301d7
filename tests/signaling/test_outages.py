"""An outage of the database during a call: nothing that sockets write is lost."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import apsw
import pytest

from support.people import Person
from support.polling import Polling
from support.postgres import Cluster, running_cluster
from support.running import Server
from support.sockets import Socket
from talkd.config import Config

Enter = Callable[..., Socket]
Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["sqlite", "postgres"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster | None]:
    """A PostgreSQL of this test, or None for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with running_cluster(str(tmp_path)) as running:
        yield running


@pytest.fixture
def server(cluster: Cluster | None, databases: Any, new_server: Callable[[Config], Server]) -> Server:
    config: Config = databases.config("sqlite")
    if cluster is not None:
        config.database.url = cluster.create("talkd")
    return new_server(config)


@pytest.fixture
def outage(cluster: Cluster | None, server: Server) -> Outage:
    """Returns a context in which nothing can be written to the database."""

    @contextlib.contextmanager
    def locked() -> Iterator[None]:
        with contextlib.closing(apsw.Connection(str(Path(server.config.data) / "talkd.db"))) as other:
            other.execute("BEGIN IMMEDIATE")
            server.app.world.db._patience = 0.1  # type: ignore[attr-defined]
            yield
            other.execute("ROLLBACK")

    @contextlib.contextmanager
    def stopped() -> Iterator[None]:
        assert cluster is not None
        cluster.stop()
        yield
        cluster.start()

    return locked if cluster is None else stopped


def await_failures(server: Server, number: int) -> None:
    """Wait until so many transactions have failed."""
    before = server.app.world.db.availability.failures["write"]
    server.wait_for(lambda: server.app.world.db.availability.failures["write"] >= before + number)


def test_messages_for_a_polling_client_and_the_end_of_a_session_wait(
    server: Server, outage: Outage, enter: Enter, alice: Person, bob: Person, carol: Person, token: str
) -> None:
    alice.add(token, carol)
    first, leaving = enter(alice, token), enter(carol, token)
    for person in (alice, carol):
        person.post(f"v4/call/{token}", flags=7)
    polling = Polling(bob, token)
    update = first.until(
        "participants", "update", lambda each: sum(bool(user["inCall"]) for user in each["users"]) == 3
    )
    name = next(each["sessionId"] for each in update["users"] if each["userId"] == bob.id)
    data = {"type": "offer", "roomType": "video", "sid": "1", "payload": {"type": "offer", "sdp": "x"}}
    with outage():
        for sid in ("1", "2"):
            first.send("message", recipient={"type": "session", "sessionid": name}, data={**data, "sid": sid})
        leaving.send("bye")
        await_failures(server, 2)
        assert leaving.id in first.event("room", "leave"), "the others learn of it at once"
    server.wait_for(lambda: bob.status("POST", f"v1/chat/{token}", message="back") == 201)
    got: list[str] = []
    while len(got) < 2:
        got += [each["sid"] for each in polling.poll()]
    assert got == ["1", "2"]
    server.wait_for(lambda: len(alice.get(f"v4/call/{token}")) == 2)
