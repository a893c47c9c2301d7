"""End sessions together with the login that created them.

Existing sessions have no login. They end when the client leaves or stops sending requests.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the login to sessions, and an index of browsers by the time of their last request."""
    op.add_column("sessions", sa.Column("login", sa.Text, nullable=False, server_default=""))
    op.create_index("web_sessions_seen", "web_sessions", ["seen_at"])
