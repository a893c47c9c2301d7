"""Store when rooms last changed, and find expiring messages by room."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns and the index. The last activity counts as the last change."""
    number = sa.BigInteger() if op.get_bind().dialect.name == "postgresql" else sa.Integer()
    op.add_column("rooms", sa.Column("modified_at", number, nullable=False, server_default="0"))
    op.execute("UPDATE rooms SET modified_at = last_activity")
    few = sa.text("expires_at > 0")
    op.create_index("messages_expiring", "messages", ["room_id", "expires_at"], sqlite_where=few, postgresql_where=few)
