"""Clean the names that talkd 0.1.0 stored unchanged, in the same way as new names."""

import sqlalchemy as sa
from alembic import op

from talkd.core.names import cleaned

revision = "0017"
down_revision = "0016"

NAMES = (
    ("users", "display_name", "id"),
    ("user_groups", "display_name", "id"),
    ("rooms", "name", "'---'"),
    ("app_passwords", "name", "'Unnamed app'"),
    *(
        (
            table,
            f"{actor}_name" if prefixed else "display_name",
            f"CASE WHEN {actor}_type IN ('users', 'groups') THEN {actor}_id ELSE '' END",
        )
        for table, actor, prefixed in (
            ("attendees", "actor", False),
            ("messages", "actor", True),
            ("messages", "edited_by", True),
            ("reactions", "actor", True),
            ("polls", "actor", True),
            ("poll_votes", "actor", True),
            ("notifications", "actor", True),
            ("bans", "moderator", True),
        )
    ),
    ("bans", "display_name", "actor_id"),
)
"""Tables, columns, and the SQL expression for a name that is empty after cleaning."""


def upgrade() -> None:
    """Clean each different name once, however many rows have it."""
    for table, column, otherwise in NAMES:
        _clean(table, column, otherwise)


def _clean(table: str, column: str, otherwise: str) -> None:
    connection = op.get_bind()
    names = connection.execute(sa.text(f"SELECT DISTINCT {column} FROM {table}")).scalars().all()  # noqa: S608
    change = sa.text(f"UPDATE {table} SET {column} = coalesce(nullif(:new, ''), {otherwise}) WHERE {column} = :old")  # noqa: S608
    for name in names:
        if cleaned(name) != name:
            connection.execute(change, {"old": name, "new": cleaned(name)})
