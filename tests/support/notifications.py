"""Notifications in tests: looking at them and setting what to hear of."""

from typing import Any

import sqlalchemy as sa

from support.people import Person
from support.running import Server
from talkd.storage.schema import notifications
from talkd.storage.statements import Statement, bind

PATH = "/ocs/v2.php/apps/notifications/api/v2/notifications"
ALWAYS, MENTION, NEVER = 1, 2, 3
_KEPT = Statement(sa.select(sa.func.count()).where(notifications.c.user_id == bind("user_id")))


def told(person: Person) -> list[dict[str, Any]]:
    """List somebody's notifications, newest first, without the invitation to the room."""
    shown: list[dict[str, Any]] = person.get(PATH)
    return [each for each in shown if each["object_type"] != "room"]


def subjects(person: Person) -> list[str]:
    """Only what they say, newest first."""
    return [each["subject"] for each in told(person)]


def kept(server: Server, person: Person) -> int:
    """How many notifications of somebody there are in the database."""

    async def count(tx: Any) -> int:
        return int(await tx.value(_KEPT, user_id=person.id))

    return server.read(count)


def listen(person: Person, token: str, level: int = ALWAYS) -> None:
    """Choose what to hear of."""
    person.post(f"v4/room/{token}/notify", level=level)


def poll(person: Person, token: str, known: int, **params: Any) -> None:
    """Look at the conversation, as an app does that has it open; it has all messages but for the first."""
    person.get(f"v1/chat/{token}", **{"lookIntoFuture": 1, "lastKnownMessageId": known, "timeout": 0, **params})
