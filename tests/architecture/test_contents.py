"""Every table with contents of the storage is known to what deletes contents."""

import sqlalchemy as sa

from talkd.storage.file_schema import STORED, USES, previews
from talkd.storage.schema import metadata


def test_every_column_that_uses_contents_counts_as_a_use() -> None:
    """Contents that only other columns use would be deleted, and `talkd files check` would count them wrong."""
    uses = {str(column) for table in metadata.tables.values() for column in table.columns if column.name == "blob_id"}
    assert {str(column) for column in USES} == uses - {str(previews.c.blob_id)}, (
        "list every column `blob_id` in USES of storage/file_schema.py. Previews are deleted with what they show"
    )


def test_every_table_with_keys_of_the_storage_is_known() -> None:
    """What the storage has under keys of other tables would be deleted as left behind."""

    def has_key(table: sa.Table) -> bool:
        return {"key", "size"} <= set(table.columns.keys())

    assert set(STORED) == set(filter(has_key, metadata.tables.values()))
