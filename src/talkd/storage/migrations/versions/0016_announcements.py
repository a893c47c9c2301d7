"""Let commands announce their events to a running server."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the table, and the row that a transaction locks before it adds an announcement."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if is_postgres else sa.Integer()
    key: list[sa.schema.SchemaItem] = [sa.Identity()] if is_postgres else []
    op.create_table(
        "announcements",
        sa.Column("id", number, *key, primary_key=True, nullable=False),
        sa.Column("created_at", number, nullable=False, server_default="0"),
        sa.Column("events", sa.Text, nullable=False, server_default=""),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO meta (key, value) VALUES ('announcements', '')")
