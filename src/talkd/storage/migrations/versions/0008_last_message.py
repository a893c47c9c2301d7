"""Store when the newest message of a room expires, and mark attendees who have read nothing with -2 instead of 0."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Look up the newest message of each room. If it is missing, it has expired and was deleted."""
    number = sa.BigInteger() if op.get_bind().dialect.name == "postgresql" else sa.Integer()
    op.add_column("rooms", sa.Column("last_expires_at", number, nullable=False, server_default="0"))
    op.execute(
        "UPDATE rooms SET last_expires_at = coalesce((SELECT expires_at FROM messages "
        "WHERE messages.room_id = rooms.id AND messages.id = rooms.last_message_id), 1) WHERE last_message_id > 0"
    )
    op.execute("UPDATE attendees SET last_read = -2 WHERE last_read = 0")
