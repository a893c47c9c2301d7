"""Add and remove many members of a room in portions."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the table of unfinished changes."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if is_postgres else sa.Integer()
    key: list[sa.schema.SchemaItem] = [sa.Identity()] if is_postgres else []
    op.create_table(
        "member_changes",
        sa.Column("id", number, *key, primary_key=True, nullable=False),
        sa.Column("room_id", number, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False, server_default="")
            for name in ("actor_type", "actor_id", "actor_name", "people", "after")
        ),
        sa.Column("removes", number, nullable=False, server_default="0"),
        sa.Column("position", number, nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], ondelete="CASCADE", name="member_changes_room"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("member_changes_of_room", "member_changes", ["room_id"])
