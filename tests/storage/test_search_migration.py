"""Messages that are older than the search index can be searched after the upgrade."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy.ext.asyncio import create_async_engine

from support.people import Person
from support.running import PASSWORD, Server
from talkd.config import Config
from talkd.storage.migrate import MIGRATIONS

BEFORE = "0002"

DATA = """
INSERT INTO users (id, display_name) VALUES ('walter', 'Walter');
INSERT INTO rooms (token, name) VALUES ('oldroom1', 'Old');
INSERT INTO attendees (room_id, actor_type, actor_id, display_name, type)
    SELECT id, 'users', 'walter', 'Walter', 1 FROM rooms;
INSERT INTO messages (room_id, actor_type, actor_id, kind, message, parameters, countable)
    SELECT id, 'users', 'walter', 'comment', 'the walrus asks {mention-user1}',
        '{"mention-user1"\\:{"type"\\:"users","id"\\:"walter","name"\\:"Walter"}}', 1 FROM rooms;
INSERT INTO messages (room_id, actor_type, actor_id, kind, message, countable)
    SELECT id, 'users', 'walter', 'comment', 'a plain walrus', 1 FROM rooms;
INSERT INTO messages (room_id, actor_type, actor_id, kind, message, countable)
    SELECT id, 'users', 'walter', 'comment', 'Zu\u0308rich, Caf\u00e9', 1 FROM rooms;
INSERT INTO messages (room_id, actor_type, actor_id, kind, system, message)
    SELECT id, 'users', 'walter', 'system', 'conversation_created', 'walrus' FROM rooms;
UPDATE rooms SET last_message_id = (SELECT max(messages.id) FROM messages)
"""


def fill(connection: sa.Connection) -> None:
    """Create the older schema, and a room with messages."""
    alembic = Alembic()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, BEFORE)
    for statement in DATA.split(";"):
        connection.execute(sa.text(statement))


async def prepare(config: Config) -> None:
    """Create an older database as configured."""
    if config.database.url:
        engine = create_async_engine("postgresql+asyncpg://" + config.database.url.partition("://")[2])
        async with engine.begin() as connection:
            await connection.run_sync(fill)
        await engine.dispose()
    else:
        file = sa.create_engine(f"sqlite:///{config.data}/talkd.db")
        with file.begin() as connection:
            fill(connection)
        file.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_older_messages_are_found_after_the_upgrade(kind: str, databases: Any, new_server: Any) -> None:
    config = databases.config(kind, empty=True)
    asyncio.run(prepare(config))
    server: Server = new_server(config)
    server.admin.put("/ocs/v2.php/cloud/users/walter", json={"key": "password", "value": PASSWORD}).raise_for_status()
    walter = Person(server.client("walter"), "walter")

    def found(term: str) -> list[str]:
        page = walter.get("/ocs/v2.php/search/providers/talk-message/search", term=term)
        return [entry["subline"] for entry in page["entries"]]

    assert found("walrus") == ["a plain walrus", "the walrus asks @Walter"]
    assert found("asks @walt") == ["the walrus asks @Walter"]
    assert found("user1") == []
    for term in ("zurich", "Z\u00fcrich", "zu\u0308rich", "cafe", "CAFE\u0301", "h, caf"):
        assert found(term) == ["Zu\u0308rich, Caf\u00e9"]
    walter.say("oldroom1", "a new walrus")
    assert found("walrus") == ["a new walrus", "a plain walrus", "the walrus asks @Walter"]
