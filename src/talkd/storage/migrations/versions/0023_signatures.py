"""Remember the signed requests of other parts of the installation, so that each is obeyed once."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "signatures",
        sa.Column("signature", sa.Text, primary_key=True),
        sa.Column("used_at", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("signatures_used_at", "signatures", ["used_at"])
