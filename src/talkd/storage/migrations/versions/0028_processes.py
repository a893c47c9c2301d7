"""Several processes: those that serve the database, and what they tell each other while their bus does not work."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
usable_by = "0026"


def upgrade() -> None:
    """Add the table of processes, and messages between them to the announcements."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if is_postgres else sa.Integer()
    op.create_table(
        "processes",
        sa.Column("id", number, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("bus", sa.Text, nullable=False, server_default=""),
        sa.Column("place", sa.Text, nullable=False, server_default=""),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
        sa.Column("sent", number, nullable=False, server_default="0"),
        sa.Column("hears", number, nullable=False, server_default="1"),
        sqlite_strict=True,
    )
    op.add_column("announcements", sa.Column("parcels", sa.LargeBinary, nullable=True))
