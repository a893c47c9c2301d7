"""Remember the external signaling server that a room was assigned to."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column. No room was assigned to a server yet."""
    op.add_column("rooms", sa.Column("signaling_server", sa.Text, nullable=False, server_default=""))
