"""talkd behind PgBouncer in transaction mode, where nothing outlives a transaction."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from support.commands import run_talkd
from support.people import Person
from support.pgbouncer import running_pgbouncer
from support.replication import Instance, running_instances
from support.running import Server
from talkd.config import Config
from talkd.storage.database import DatabaseRefused, Tx
from talkd.storage.postgres import Limits, PostgresDatabase
from talkd.storage.statements import Statement

CHAT = "v1/chat/"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Instance]:
    with running_instances() as folder:
        made = Instance.create(folder / "postgres")
        made.psql("CREATE DATABASE talkd")
        yield made
        made.remove()


@pytest.fixture
def pooled(postgres: Instance, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the database behind PgBouncer."""
    with running_pgbouncer(postgres, postgres.folder.parent / request.node.name) as port:
        yield f"postgresql://postgres@127.0.0.1:{port}/talkd"


def test_a_pooler_without_the_address_of_postgres_is_refused(pooled: str, tmp_path: Path) -> None:
    refused = run_talkd("serve", "--port", "18896", "--data", str(tmp_path), "--database", pooled)
    assert refused.returncode == 1
    assert refused.stderr.startswith("talkd: database.url leads to a pooler such as PgBouncer"), refused.stderr
    assert "database.direct_url" in refused.stderr


async def test_a_pooler_as_the_address_of_postgres_is_refused(pooled: str, postgres: Instance) -> None:
    with pytest.raises(DatabaseRefused, match=r"database\.direct_url leads to a pooler"):
        await PostgresDatabase(postgres.url(), direct_url=pooled).open()


def test_a_server_behind_a_pooler_works_with_fewer_connections_than_requests(
    pooled: str, postgres: Instance, tmp_path: Path, new_server: Any
) -> None:
    config = Config(data=str(tmp_path))
    config.database.url, config.database.direct_url = pooled, postgres.url()
    config.security.throttle = False
    server: Server = new_server(config)
    ann = server.add_user("ann")
    tokens = [ann.create_room() for _ in range(4)]

    def use(number: int) -> None:
        device = Person(server.client(ann.id), ann.id)
        for each in range(10):
            device.say(tokens[number % 4], f"{number}/{each}")
            assert device.history(tokens[number % 4])
            assert device.get("v4/room")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    for token in tokens:
        said = [message["message"] for message in ann.history(token, limit=200) if not message["systemMessage"]]
        assert len(said) == len(set(said)) == 20
    found = ann.get("/ocs/v2.php/search/providers/talk-message/search", term="7/9")
    assert len(found["entries"]) == 1
    postgres.stop()
    postgres.start()
    until = time.monotonic() + 60
    while ann.status("POST", CHAT + tokens[0], message="after a restart") != 201:
        assert time.monotonic() < until
    assert postgres.psql("SELECT count(*) FROM pg_prepared_statements", "talkd") == "0"


async def test_timeouts_hold_behind_a_pooler(pooled: str, postgres: Instance) -> None:
    async def show(tx: Tx) -> list[str]:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        return [await tx.value(Statement(sa.text(f"SHOW {name}"))) for name in names]

    database = PostgresDatabase(pooled, direct_url=postgres.url(), limits=Limits(lock=3, statement=7))
    await database.open()
    try:
        assert await database.read(show) == await database.write(show) == ["3s", "7s", "7s"]
    finally:
        await database.close()
