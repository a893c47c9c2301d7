"""What one process remembered and all processes of a database must know."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
usable_by = "0026"


def upgrade() -> None:
    """Add columns about rooms, sessions, uploads, changes of members, and processes."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if is_postgres else sa.Integer()
    for table, name in (
        ("rooms", "standing"),
        ("rooms", "recording_stopped_at"),
        ("member_changes", "moved_at"),
        ("uploads", "assembled_until"),
        ("processes", "ahead"),
    ):
        op.add_column(table, sa.Column(name, number, nullable=False, server_default="0"))
    for table, name in (("rooms", "recording_address"), ("uploads", "assembly"), ("sessions", "poll")):
        op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=""))
