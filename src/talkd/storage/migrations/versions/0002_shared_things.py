"""Add the list of shared items, and the count of mentions by guests."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_POLLS = """
    UPDATE messages
    SET shared_as = 'poll',
        object_type = 'talk-poll',
        object_id = (
            SELECT CAST(polls.id AS TEXT) FROM polls
            WHERE polls.room_id = messages.room_id AND polls.message_id = messages.id
        )
    WHERE kind = 'object_shared' AND EXISTS (
        SELECT 1 FROM polls WHERE polls.room_id = messages.room_id AND polls.message_id = messages.id
    )
"""


def upgrade() -> None:
    """Mark the messages of polls as shared items. There were no others."""
    op.add_column("messages", sa.Column("shared_as", sa.Text, nullable=False, server_default=""))
    op.execute(sa.text(_POLLS))
    op.create_index(
        "messages_shared",
        "messages",
        ["room_id", "shared_as", "id"],
        sqlite_where=sa.text("shared_as <> ''"),
        postgresql_where=sa.text("shared_as <> ''"),
    )
    number = sa.BigInteger() if op.get_bind().dialect.name == "postgresql" else sa.Integer()
    op.create_table(
        "guest_mentions",
        sa.Column("network", sa.Text, primary_key=True, nullable=False),
        sa.Column("messages", number, nullable=False, server_default="0"),
        sa.Column("since", number, nullable=False, server_default="0"),
        sqlite_strict=True,
    )
