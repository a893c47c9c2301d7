"""Find the rooms that are being recorded without reading all rooms."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the index. It contains only rooms that are being recorded, or whose recording has failed."""
    where = sa.text("call_recording > 0")
    op.create_index("rooms_recording", "rooms", ["call_recording"], sqlite_where=where, postgresql_where=where)
