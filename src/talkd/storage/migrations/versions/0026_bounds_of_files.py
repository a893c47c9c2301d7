"""Count what is in each folder, and the bytes of all contents, so that limits are checked without reading all rows.

Entries also get the time at which they came to their places: for existing ones, when they were created.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_COUNT = """
WITH RECURSIVE above(id) AS (
    SELECT parent_id FROM entries WHERE parent_id > 0
    UNION ALL
    SELECT entries.parent_id FROM above JOIN entries ON entries.id = above.id WHERE entries.parent_id > 0
), counted AS (SELECT id, count(*) AS number FROM above GROUP BY id)
UPDATE entries SET inside = counted.number FROM counted WHERE counted.id = entries.id
"""
_SUM = """
INSERT INTO storage_use (id, used)
SELECT 1, (SELECT coalesce(sum(size), 0) FROM blobs) + (SELECT coalesce(sum(size), 0) FROM uploads)
"""


def upgrade() -> None:
    """Add the numbers, and an index of the folders in a folder."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if is_postgres else sa.Integer()
    op.add_column("entries", sa.Column("inside", number, nullable=False, server_default="0"))
    op.execute(_COUNT)
    op.add_column("entries", sa.Column("placed_at", number, nullable=False, server_default="0"))
    op.execute("UPDATE entries SET placed_at = created_at")
    folders = sa.text("blob_id = 0")
    op.create_index("entries_folders", "entries", ["parent_id"], sqlite_where=folders, postgresql_where=folders)
    op.create_table(
        "storage_use",
        sa.Column("id", number, primary_key=True, autoincrement=False, nullable=False),
        sa.Column("used", number, nullable=False, server_default="0"),
        sqlite_strict=True,
    )
    op.execute(_SUM)
