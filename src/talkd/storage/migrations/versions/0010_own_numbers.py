"""Store phone numbers of accounts as digits only, because internal numbers have no international form."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Remove the plus signs."""
    op.execute("UPDATE phone_numbers SET number = substr(number, 2) WHERE number LIKE '+%'")
