"""Create the tables of pictures that are in the storage of files.

The tables `user_avatars` and `room_avatars` keep the pictures that they have. A migration cannot write to the storage,
so a job of the running server moves them, one at a time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Create the tables.

    They have no foreign keys: a row that disappears with its account or room would leave a use of its contents behind.
    """
    number = sa.BigInteger() if op.get_bind().dialect.name == "postgresql" else sa.Integer()
    _create("user_pictures", sa.Column("user_id", sa.Text, primary_key=True, nullable=False), number)
    _create(
        "room_pictures", sa.Column("room_id", number, primary_key=True, nullable=False, autoincrement=False), number
    )


def _create(table: str, owner: sa.Column[str] | sa.Column[int], number: sa.types.TypeEngine[int]) -> None:
    blob_id = sa.Column("blob_id", number, nullable=False, server_default="0")
    op.create_table(table, owner, blob_id, sqlite_strict=True)
