"""Searches and pages of the history are read from a replica, and nobody sees that from their own messages."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.people import Person
from support.replication import Instance, running_instances
from support.running import Server
from talkd.config import Config
from talkd.core.errors import Unavailable

CHAT = "v1/chat/"
LAG = 3


@pytest.fixture(scope="module")
def instances() -> Iterator[tuple[Instance, Instance]]:
    """A primary and its replica."""
    with running_instances() as folder:
        primary = Instance.create(folder / "primary")
        replica = primary.create_replica(folder / "replica")
        yield primary, replica
        replica.remove()
        primary.remove()


@pytest.fixture
def replica(instances: tuple[Instance, Instance]) -> Iterator[Instance]:
    yield instances[1]
    instances[1].psql("SELECT pg_wal_replay_resume()")


@pytest.fixture
def server(instances: tuple[Instance, Instance], tmp_path: Path, new_server: Any) -> Server:
    primary, replica = instances
    primary.psql("DROP DATABASE IF EXISTS talkd WITH (FORCE)")
    primary.psql("CREATE DATABASE talkd")
    config = Config(data=str(tmp_path))
    config.database.url, config.database.replicas = primary.url(), [replica.url()]
    config.database.replica_lag = LAG
    config.database.connections = 6
    config.security.throttle = False
    server: Server = new_server(config)
    return server


def reads(server: Server) -> int:
    """Return the number of reads from the replica."""
    [state] = server.app.world.db.list_replicas()
    return state.reads


def is_used(server: Server) -> bool:
    """Return True if the replica has what is LAG seconds old."""
    [state] = server.app.world.db.list_replicas()
    return state.lag is not None and state.lag < LAG


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def comes_from_replica(server: Server, request: Callable[[], Any]) -> bool:
    before = reads(server)
    request()
    return reads(server) > before


def find(ann: Person, term: str) -> list[str]:
    found = ann.get("/ocs/v2.php/search/providers/talk-message/search", term=term)
    return [entry["attributes"]["messageId"] for entry in found["entries"]]


def test_the_history_of_a_quiet_room_comes_from_a_replica(server: Server) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    for number in range(5):
        ann.say(token, f"message {number}")
    expected = ann.request("GET", CHAT + token, lookIntoFuture=0, setReadMarker=0)
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    before = reads(server)
    answer = ann.request("GET", CHAT + token, lookIntoFuture=0, setReadMarker=0)
    assert reads(server) == before + 1
    assert answer.json() == expected.json()
    for header in ("x-chat-last-given", "x-chat-last-common-read"):
        assert answer.headers[header] == expected.headers[header]
    assert 'talkd_replica_reads_total{replica="' in server.client().get("/metrics").text


def test_everybody_sees_what_they_have_just_done(server: Server, replica: Instance) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    first = ann.say(token, "first")
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    replica.psql("SELECT pg_wal_replay_pause()")
    assert is_used(server)
    second = ann.say(token, "second")
    assert ann.texts(token)[-1] == "second"
    older = ann.history(token, lastKnownMessageId=first["id"], includeLastKnown=1)
    assert older[0]["message"] == "first"
    assert comes_from_replica(server, lambda: ann.history(token, lastKnownMessageId=first["id"], includeLastKnown=1))
    ann.post(f"v1/reaction/{token}/{first['id']}", reaction="👍")
    assert ann.history(token, lastKnownMessageId=second["id"])[0]["reactions"] == {"👍": 1}
    ann.delete(f"{CHAT}{token}/{first['id']}")
    assert "first" not in ann.texts(token)
    replica.psql("SELECT pg_wal_replay_resume()")
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    assert "first" not in ann.texts(token)


def test_a_message_of_another_process_is_not_missed(server: Server, replica: Instance) -> None:
    """Another process has not told of its message yet."""
    ann = server.add_user("ann")
    token = ann.create_room()
    ann.say(token, "first")
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    replica.psql("SELECT pg_wal_replay_pause()")
    db = server.app.world.db
    effects, db.after_commit = db.after_commit, ()
    ann.say(token, "untold")
    assert ann.texts(token)[-1] == "untold"
    db.after_commit = effects


def test_a_search_on_a_replica_finds_nothing_that_was_deleted_or_left(server: Server, replica: Instance) -> None:
    ann, ben = server.add_user("ann"), server.add_user("ben")
    token = ann.create_room()
    ann.add(token, ben)
    gone, kept = ann.say(token, "needle gone"), ann.say(token, "needle kept")
    wait_for(lambda: comes_from_replica(server, lambda: find(ben, "needle")) and len(find(ben, "needle")) == 2)
    wait_for(lambda: is_used(server))
    replica.psql("SELECT pg_wal_replay_pause()")
    ann.delete(f"{CHAT}{token}/{gone['id']}")
    assert find(ben, "needle") == [str(kept["id"])]
    attendee = next(each for each in ann.get(f"v4/room/{token}/participants") if each["actorId"] == ben.id)
    ann.request("DELETE", f"v4/room/{token}/attendees", attendeeId=attendee["attendeeId"])
    assert find(ben, "needle") == []


def test_a_replica_that_lags_or_stops_is_not_used_until_it_has_caught_up(server: Server, replica: Instance) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    replica.psql("SELECT pg_wal_replay_pause()")
    ann.say(token, "not replayed")
    wait_for(lambda: not is_used(server))
    assert not comes_from_replica(server, lambda: find(ann, "replayed"))
    assert len(find(ann, "replayed")) == 1
    replica.psql("SELECT pg_wal_replay_resume()")
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    replica.stop("immediate")
    assert ann.texts(token) == ["not replayed"]
    wait_for(lambda: not is_used(server))
    replica.start()
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))


def test_a_replica_is_used_again_after_an_outage_of_the_primary(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for(lambda: is_used(server))
    failed: list[None] = []

    async def fail() -> int:
        failed.append(None)
        raise Unavailable(1, message="The database cannot be used.")

    with monkeypatch.context() as patch:
        patch.setattr(server.app.world.db._replicas, "_get_position", fail)  # type: ignore[attr-defined]
        wait_for(lambda: failed and not is_used(server))
    wait_for(lambda: is_used(server))


def test_a_replica_that_does_not_answer_delays_nobody_for_long(server: Server, replica: Instance) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))
    with replica.frozen():
        began = time.monotonic()
        assert ann.request("GET", CHAT + token, lookIntoFuture=0).status_code == 200
        assert time.monotonic() - began < 15
        wait_for(lambda: not is_used(server))
    wait_for(lambda: comes_from_replica(server, lambda: ann.history(token)))


def test_a_replica_that_became_a_primary_is_not_used(
    server: Server, instances: tuple[Instance, Instance], replica: Instance
) -> None:
    ann = server.add_user("ann")
    token = ann.create_room()
    config = server.config
    server.stop()
    config.database.replicas = [instances[0].url()]
    server.start()
    db = server.app.world.db
    samples = db._replicas._samples  # type: ignore[attr-defined]
    wait_for(lambda: len(samples) >= 2)
    again = Person(server.client(ann.id), ann.id)
    assert not comes_from_replica(server, lambda: again.history(token))
    assert db.list_replicas()[0].lag is None
