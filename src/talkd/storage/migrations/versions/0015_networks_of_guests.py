"""Sessions of guests know their network, so that those of one network can be counted.

Sessions from before this release count nowhere. They end when the client closes them or falls silent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the network, and find the sessions of one."""
    op.add_column("sessions", sa.Column("network", sa.Text, nullable=False, server_default=""))
    where = sa.text("network <> ''")
    op.create_index("sessions_of_network", "sessions", ["network"], sqlite_where=where, postgresql_where=where)
