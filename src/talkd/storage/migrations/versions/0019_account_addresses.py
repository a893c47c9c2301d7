"""Find accounts by e-mail address, and search the index of messages only for the sequences that talkd chooses."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the index. Drop the function that searched for all sequences of a text (docs/adr/0007-search.md)."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    address = sa.text("lower(email)" if is_postgres else "email COLLATE NOCASE")
    where = sa.text("email <> ''")
    op.create_index("users_email", "users", [address], sqlite_where=where, postgresql_where=where)
    if is_postgres:
        op.execute("DROP FUNCTION search_query(text)")
