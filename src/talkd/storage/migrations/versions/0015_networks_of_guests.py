"""Store the network of guests' sessions, so that the sessions of a network can be counted.

Existing sessions are not counted. They end when the client leaves or stops sending requests.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the network, and an index of sessions by network."""
    op.add_column("sessions", sa.Column("network", sa.Text, nullable=False, server_default=""))
    where = sa.text("network <> ''")
    op.create_index("sessions_of_network", "sessions", ["network"], sqlite_where=where, postgresql_where=where)
