"""Processes go on side by side while a newer one migrates the tables."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest

from support.migrations import NEXT, Old, bring_to_next
from support.people import Person
from support.running import PASSWORD, LoopThread, Server
from talkd.bus.sockets import SocketBus
from talkd.config import Config
from talkd.storage.migrate import REVISIONS


@pytest.fixture
def joins(loop_thread: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Starts a server with these settings, beside those that it has started before."""
    folder = tmp_path_factory.mktemp("bus")
    with ExitStack() as stack:

        def start(config: Config) -> Server:
            own = msgspec.convert(msgspec.to_builtins(config), Config)
            server = Server(loop_thread, own, lambda: SocketBus(folder))
            stack.callback(server.stop)
            return server

        yield start


def at(server: Server, person: Person) -> Person:
    """Return a client of the same user at another server."""
    return Person(server.client(person.id, PASSWORD), person.id)


def test_messages_reach_both_processes_before_and_after_a_migration(
    databases: Any, joins: Callable[[Config], Server], threads: ThreadPoolExecutor
) -> None:
    config = databases.config("postgres")
    first = joins(config)
    alice, bob = first.add_user("alice"), first.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    known = alice.say(token, "before")["id"]
    old = Old(config)
    bring_to_next(old, REVISIONS[-1])  # what the start of a newer process does
    second = joins(config)
    assert old.run("SELECT version_num FROM alembic_version") == [(NEXT,)]
    for writer, server, reader in ((alice, second, at(second, bob)), (at(second, alice), first, bob)):
        polling = threads.submit(
            reader.get, f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=known, timeout=30, setReadMarker=0
        )
        server.wait_for(lambda server=server: server.app.world.changes.waiting)  # type: ignore[misc]
        known = writer.say(token, f"to {reader.id}")["id"]
        assert [each["message"] for each in polling.result(20)] == [f"to {reader.id}"]
    assert alice.texts(token) == ["before", *[f"to {bob.id}"] * 2]
