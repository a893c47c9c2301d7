"""Several processes: where the clients of the signaling sockets live, and which process has each room with clients."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
usable_by = "0026"


def upgrade() -> None:
    """Add both tables."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if is_postgres else sa.Integer()
    op.create_table(
        "live_rooms",
        sa.Column("room_id", number, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("process", number, nullable=False, server_default="0"),
        sa.Column("transient", sa.Text, nullable=False, server_default=""),
        sqlite_strict=True,
    )
    op.create_table(
        "peers",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("resume", sa.Text, nullable=False, server_default=""),
        sa.Column("process", number, nullable=False, server_default="0"),
        sa.Column("content", sa.Text, nullable=False, server_default=""),
        sqlite_strict=True,
    )
    op.create_index("peers_by_resume", "peers", ["resume"])
    op.create_index("peers_by_process", "peers", ["process"])
