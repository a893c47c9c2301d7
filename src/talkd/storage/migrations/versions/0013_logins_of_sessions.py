"""Sessions end with the login that opened them.

Sessions from before this release do not know their login. They end when the client closes them or falls silent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the login to sessions, and find browsers by when they were seen."""
    op.add_column("sessions", sa.Column("login", sa.Text, nullable=False, server_default=""))
    op.create_index("web_sessions_seen", "web_sessions", ["seen_at"])
