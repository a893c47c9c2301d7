"""Find accounts by id, ignoring case. PostgreSQL has had an index for this since 0001."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index to SQLite."""
    if op.get_bind().dialect.name != "postgresql":
        op.execute("CREATE INDEX users_folded ON users (id COLLATE NOCASE)")
