"""Only one server can use a PostgreSQL database. Commands can run beside it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.commands import run_talkd
from talkd.cli import checks
from talkd.cli.doctor import OK, WARN
from talkd.config import Config
from talkd.server import App
from talkd.storage.database import DatabaseInUse
from talkd.storage.postgres_lock import ServingLock


@pytest.fixture
def config(databases: Any) -> Config:
    made: Config = databases.config("postgres")
    made.server.port = 18898  # a port on which no server listens
    return made


@pytest.fixture
async def running(config: Config) -> AsyncIterator[App]:
    app = App(config)
    await app.start()
    yield app
    await app.stop()


async def test_a_second_server_is_refused_until_the_first_has_stopped(config: Config) -> None:
    first, second = App(config), App(config)
    await first.start()
    with pytest.raises(DatabaseInUse, match="another talkd already serves this database"):
        await second.start()
    await first.stop()
    third = App(config)
    await third.start()
    await third.stop()


async def test_a_second_start_is_refused_with_one_sentence_and_commands_work(running: App, config: Config) -> None:
    where = ("--data", config.data, "--database", config.database.url)
    refused = await asyncio.to_thread(run_talkd, "serve", "--port", "18897", *where)
    listed = await asyncio.to_thread(run_talkd, "user", "list", *where)
    assert refused.returncode == 1
    assert refused.stderr.startswith("talkd: another talkd already serves this database"), refused.stderr
    assert listed.returncode == 0, listed.stderr


async def test_doctor_names_the_server_that_has_the_database(running: App, config: Config) -> None:
    found = {finding.subject: finding for finding in await checks.examine(config)}["server"]
    assert (found.state, "a talkd connected from" in found.found) == (WARN, True)
    await running.world.db.close()
    async with asyncio.timeout(60):  # PostgreSQL ends the connection a moment after its client has closed it
        while found.state != OK:
            found = {finding.subject: finding for finding in await checks.examine(config)}["server"]
    await running.world.db.open()


async def test_a_server_stops_if_another_one_has_taken_its_lock(running: App, config: Config) -> None:
    db: Any = running.world.db
    db._lock._connection.terminate()
    other = ServingLock(config.database.url)
    await other.take()
    async with asyncio.timeout(60):
        await running.taken_over.wait()
    assert db.damage
    await other.release()


async def test_a_process_takes_its_lock_again_while_its_lost_connection_seems_alive(config: Config) -> None:
    lock, lost = ServingLock(config.database.url, process=7), ServingLock(config.database.url, process=7)
    await lost.take()  # PostgreSQL has not noticed that it was cut
    await lock.keep()
    assert lock.is_held
    await lost.release()
    await lock.release()
