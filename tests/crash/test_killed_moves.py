"""A server is killed while it moves pictures from the database, where older versions had them, to the storage."""

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from support.commands import run_talkd
from support.portraits import picture
from support.processes import Process
from support.running import ADMIN, ADMIN_PASSWORD
from talkd.config import Config
from talkd.storage.schema import user_avatars, users

PEOPLE = 400
EQUAL = 7
"""So many people have the same picture."""


class Rows:
    """The tables of a database, looked at from outside of talkd."""

    def __init__(self, config: Config) -> None:
        url = config.database.url.partition("://")[2]
        self._url = f"postgresql+asyncpg://{url}" if url else ""
        self._path = Path(config.data) / "talkd.db"

    def run(self, clause: sa.Executable, *rows: dict[str, Any]) -> Any:
        """Run a statement, once for each row if there are any. Return the first value of its result."""
        if self._url:
            return asyncio.run(self._run_on_postgres(clause, rows))
        engine = sa.create_engine(f"sqlite:///{self._path}", connect_args={"timeout": 30})
        with engine.begin() as connection:
            value = _first(connection.execute(clause, list(rows) or None))
        engine.dispose()
        return value

    async def _run_on_postgres(self, clause: sa.Executable, rows: tuple[dict[str, Any], ...]) -> Any:
        engine = create_async_engine(self._url)
        async with engine.begin() as connection:
            value = _first(await connection.execute(clause, list(rows) or None))
        await engine.dispose()
        return value

    @property
    def waiting(self) -> int:
        """The number of pictures that are not moved yet."""
        return int(self.run(sa.select(sa.func.count()).select_from(user_avatars)))


def _first(found: sa.CursorResult[Any]) -> Any:
    return found.scalar() if found.returns_rows else None


def await_moved(rows: Rows, count: int) -> None:
    """Wait until so many pictures are moved."""
    until = time.monotonic() + 60
    while rows.waiting > PEOPLE - count:
        assert time.monotonic() < until, "the pictures are not moved"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_picture_is_lost(kind: str, databases: Any, kills: int) -> None:
    chance, config = random.Random(25), databases.config(kind)
    folder, rows = Path(config.data), Rows(config)
    where = {"DATABASE_URL": config.database.url} if config.database.url else {}
    pictures = {f"u{number}": picture(number % (PEOPLE - EQUAL), 16) for number in range(PEOPLE)}
    with Process(folder, **where):
        pass  # it has created the administrator
    rows.run(sa.insert(users), *({"id": user_id, "avatar_version": 5} for user_id in pictures))
    rows.run(sa.insert(user_avatars), *({"user_id": user_id, "image": each} for user_id, each in pictures.items()))
    for number in range(kills):
        with Process(folder, **where) as server:
            await_moved(rows, PEOPLE * number // kills + chance.randrange(PEOPLE // kills))
            server.kill()
    with Process(folder, **where) as server:
        client = server.client(ADMIN, ADMIN_PASSWORD)
        while True:
            is_last = not rows.waiting
            shown = {user_id: client.get(f"/avatar/{user_id}/512") for user_id in pictures}
            assert {user_id: answer.content for user_id, answer in shown.items()} == pictures
            assert {answer.headers["etag"] for answer in shown.values()} == {'"5-512"'}
            if is_last:
                break
    check = run_talkd("files", "check", "--age", "0", "--json", DATA=str(folder), **where)
    report = json.loads(check.stdout)
    assert not [report[name] for name in ("missing", "wrong_sizes", "wrong_counts", "empty_pictures") if report[name]]
    assert len(report["orphans"]) + len(report["unfinished"]) <= kills, "a kill leaves one picture behind at most"
    assert report["objects"] - len(report["orphans"]) - len(report["unfinished"]) == PEOPLE - EQUAL
