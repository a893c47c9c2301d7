"""Remove long histories, deleted rooms and the names of deleted accounts in portions."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the columns of rooms with messages to delete, and the table of deleted accounts with names to remove."""
    for name in ("cleared_id", "deleted"):
        op.add_column("rooms", _number(name))
    few = sa.text("cleared_id > 0")
    op.create_index("rooms_cleared", "rooms", ["cleared_id"], sqlite_where=few, postgresql_where=few)
    op.create_table(
        "forgotten_accounts",
        sa.Column("user_id", sa.Text, primary_key=True, nullable=False),
        _number("room_id"),
        _number("message_id"),
        sqlite_strict=True,
    )


def _number(name: str) -> sa.Column[int]:
    kind = sa.BigInteger() if op.get_bind().dialect.name == "postgresql" else sa.Integer()
    return sa.Column(name, kind, nullable=False, server_default="0")
