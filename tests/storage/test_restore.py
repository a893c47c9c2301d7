"""After a backup is restored, clients that know newer ids receive new messages."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from support.people import ONE_TO_ONE, Person
from support.running import Server, unique
from talkd.config import Config
from talkd.core import clock
from talkd.storage import numbering
from talkd.storage.database import Database, Tx
from talkd.storage.postgres import PostgresDatabase
from talkd.storage.sqlite import SqliteDatabase
from talkd.storage.statements import Statement

BURST = 100
"""Messages sent after the backup."""


class Copies:
    """Copies the database of a stopped server, and restores the copy."""

    def __init__(self, config: Config, databases: Any) -> None:
        self._config, self._databases = config, databases
        self._folder = Path(config.data)
        self._copy = unique("copy")

    def make(self) -> None:
        if self._config.database.url:
            name = self._config.database.url.partition("?")[0].rpartition("/")[2]
            self._databases.cluster.psql(f'CREATE DATABASE "{self._copy}" TEMPLATE "{name}"')
        else:
            shutil.copytree(self._folder, self._folder.with_name(self._copy))

    def restore(self) -> None:
        if self._config.database.url:
            before, _, options = self._config.database.url.partition("?")
            self._config.database.url = f"{before.rpartition('/')[0]}/{self._copy}?{options}"
        else:
            shutil.rmtree(self._folder)
            shutil.copytree(self._folder.with_name(self._copy), self._folder)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_ids_are_not_reused_after_a_restore(kind: str, databases: Any, new_server: Any) -> None:
    config = databases.config(kind)
    server: Server = new_server(config)
    ann, ben = server.add_user("ann"), server.add_user("ben")
    token = ann.post("v4/room", roomType=ONE_TO_ONE, invite=ben.id)["token"]
    ann.say(token, "before")
    copies = Copies(config, databases)
    server.stop()
    copies.make()
    server.start()
    ann, ben = again(server, ann), again(server, ben)
    lost = [ann.say(token, f"lost {number}")["id"] for number in range(BURST)]
    notified = newest_notification(ben)
    known = {ann.get(f"v1/chat/{token}", lookIntoFuture=0, limit=1)[0]["id"], *lost}
    server.stop()
    copies.restore()
    server.start()
    ann, ben = again(server, ann), again(server, ben)
    message = ann.say(token, "hello")
    assert max(known) < message["id"] < 2**31
    assert newest_notification(ben) > notified
    news = ben.get(f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=max(known), timeout=0)
    assert [each["message"] for each in news] == ["hello"]


def again(server: Server, person: Person) -> Person:
    return Person(server.client(person.id), person.id)


def newest_notification(person: Person) -> int:
    shown = person.get("/ocs/v2.php/apps/notifications/api/v2/notifications")
    return max(int(each["notification_id"]) for each in shown)


@given(st.lists(st.integers(1, 15), min_size=1, max_size=3), st.integers(0, 500))
def test_ids_skipped_by_lost_starts_are_skipped_too(spans: list[int], said: int) -> None:
    """A restored database skips more ids than each lost start skipped, and those used in between."""
    lost = sum(numbering.ids_to_skip(0, span) for span in spans) + said
    whole = sum(spans) + len(spans)  # between two starts the server ran for at least a second
    assert numbering.ids_to_skip(0, whole) > lost


@given(pace=st.floats(0, 100), days=st.floats(0, 30), busier=st.floats(0, numbering.SAFETY))
def test_ids_used_since_the_backup_are_skipped(pace: float, days: float, busier: float) -> None:
    seconds = int(days * numbering.DAY)
    assert numbering.ids_to_skip(pace, seconds) > pace * busier * seconds


# --- how fast ids are used ------------------------------------------------------------------
@pytest.fixture(params=["sqlite", "postgres"])
async def db(request: pytest.FixtureRequest, databases: Any) -> AsyncIterator[Database]:
    config: Config = databases.config(request.param)
    database: Database = (
        PostgresDatabase(config.database.url, connections=3)
        if config.database.url
        else SqliteDatabase(Path(config.data) / "talkd.db", durable=False)
    )
    await database.open()
    yield database
    await database.close()


_ROOM = Statement(sa.text("INSERT INTO rooms (token) VALUES (:token)").bindparams(sa.bindparam("token", type_=sa.Text)))
_NEWEST = Statement(sa.text("SELECT max(id) FROM rooms"))


async def next_id(db: Database) -> int:
    async def work(tx: Tx) -> int:
        await tx.run(_ROOM, token=unique("token"))
        return int(await tx.value(_NEWEST))

    return await db.write(work)


async def test_a_new_database_begins_at_one_and_a_busy_one_skips_more_ids(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_900_000_000
    monkeypatch.setattr(clock, "source", lambda: now)
    await db.skip_ids()
    assert await next_id(db) == 1
    for _ in range(24):
        now += 3600
        for _ in range(20):
            await next_id(db)
        await db.note_ids()
    before = await next_id(db)
    await db.skip_ids(after=600)
    assert await next_id(db) == before + 1, "the server is running, so nothing was restored"
    now += 3600
    await db.skip_ids(after=600)
    skipped = await next_id(db) - before
    assert skipped >= numbering.ids_to_skip(0, 3600)
    now -= 7200
    await db.skip_ids()  # the clock was set back
    assert await next_id(db) > before + skipped + numbering.BURST_PACE
