"""Remove the e-mail addresses of invited guests from names, where everybody in the room could see them."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NAMES = (
    ("attendees", "actor_type", "actor_id", "display_name"),
    ("messages", "actor_type", "actor_id", "actor_name"),
    ("messages", "edited_by_type", "edited_by_id", "edited_by_name"),
    ("reactions", "actor_type", "actor_id", "actor_name"),
    ("polls", "actor_type", "actor_id", "actor_name"),
    ("poll_votes", "actor_type", "actor_id", "actor_name"),
    ("notifications", "actor_type", "actor_id", "actor_name"),
    ("bans", "actor_type", "actor_id", "display_name"),
    ("bans", "moderator_type", "moderator_id", "moderator_name"),
)
"""Tables, with the columns of an actor's type, id and name."""


def upgrade() -> None:
    """Clear every name that is the e-mail address from which the actor's id was made."""
    for names in NAMES:
        _clear_names(*names)
    _clear_references()


def _is_address(name: str, actor_id: str) -> bool:
    return hashlib.sha256(name.lower().encode()).hexdigest() == actor_id


def _clear_names(table_name: str, type_: str, id_: str, name: str) -> None:
    table = sa.table(table_name, *(sa.column(each) for each in ("room_id", "id", type_, id_, name)))
    named = sa.select(table.c.room_id, table.c.id, table.c[id_], table.c[name]).where(
        table.c[type_] == "emails", table.c[name].like("%@%")
    )
    for room_id, row_id, actor_id, shown in op.get_bind().execute(named).all():
        if _is_address(shown, actor_id):
            # A ban of an actor without a name is listed under their id.
            _update(table, room_id, row_id, {name: actor_id if (table_name, name) == ("bans", "display_name") else ""})


def _clear_references() -> None:
    """Clear the same names in the references and the searched text of messages."""
    messages = sa.table("messages", *(sa.column(each) for each in ("room_id", "id", "parameters", "plain")))
    speaking = sa.select(messages).where(messages.c.parameters.like('%"emails"%'), messages.c.parameters.like("%@%"))
    for room_id, message_id, parameters, plain in op.get_bind().execute(speaking).all():
        references = json.loads(parameters)
        for each in references.values():
            address = each.get("name", "")
            if each["type"] == "emails" and _is_address(address, each["id"]):
                del each["name"]
                plain = plain.replace(f"@{address}", "@")
        encoded = json.dumps(references, ensure_ascii=False, separators=(",", ":"))
        _update(messages, room_id, message_id, {"parameters": encoded, "plain": plain})


def _update(table: sa.TableClause, room_id: int, row_id: int, values: dict[str, Any]) -> None:
    op.get_bind().execute(sa.update(table).where(table.c.room_id == room_id, table.c.id == row_id).values(values))
