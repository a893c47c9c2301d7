"""List and count notifications in tests, and set notification levels."""

from typing import Any

import sqlalchemy as sa

from support.people import Person
from support.running import Server
from talkd.storage.schema import notifications
from talkd.storage.statements import Statement, bind

PATH = "/ocs/v2.php/apps/notifications/api/v2/notifications"
ALWAYS, MENTION, NEVER = 1, 2, 3
_KEPT = Statement(sa.select(sa.func.count()).where(notifications.c.user_id == bind("user_id")))


def notifications_of(person: Person) -> list[dict[str, Any]]:
    """List the user's notifications, newest first, without invitations to rooms."""
    shown: list[dict[str, Any]] = person.get(PATH)
    return [each for each in shown if each["object_type"] != "room"]


def subjects(person: Person) -> list[str]:
    """List the subjects of the user's notifications, newest first."""
    return [each["subject"] for each in notifications_of(person)]


def count_stored(server: Server, person: Person) -> int:
    """Return how many notifications of the user the database has."""

    async def count(tx: Any) -> int:
        return int(await tx.value(_KEPT, user_id=person.id))

    return server.read(count)


def set_level(person: Person, token: str, level: int = ALWAYS) -> None:
    """Set the user's notification level in the room."""
    person.post(f"v4/room/{token}/notify", level=level)


def poll(person: Person, token: str, known: int, **params: Any) -> None:
    """Request new messages as an app does that has the room open and knows messages up to `known`."""
    person.get(f"v1/chat/{token}", **{"lookIntoFuture": 1, "lastKnownMessageId": known, "timeout": 0, **params})
