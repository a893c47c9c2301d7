"""Keep phone numbers of accounts in digits alone: internal numbers have no international form."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Drop the plus sign."""
    op.execute("UPDATE phone_numbers SET number = substr(number, 2) WHERE number LIKE '+%'")
