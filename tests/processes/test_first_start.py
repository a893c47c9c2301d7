"""Processes that start together on a new database."""

import asyncio
from typing import Any

from talkd.app import open_database
from talkd.cli.welcome import first_admin


async def test_processes_that_start_together_create_one_administrator(databases: Any) -> None:
    config = databases.config("postgres")
    config.database.connections = 12
    db = open_database(config)
    await db.open()
    try:
        made = await asyncio.gather(*(first_admin(db, config) for _ in range(6)))
    finally:
        await db.close()
    assert [admin.name for admin in made if admin is not None] == [config.admin_user]
