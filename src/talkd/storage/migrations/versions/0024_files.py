"""Create the tables of files that users send."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create the tables and their indexes."""
    _create(
        "blobs",
        _id(),
        _text("sha256"),
        _text("key"),
        _number("size"),
        _number("uses"),
        _number("width"),
        _number("height"),
        _text("blurhash"),
        _number("duration"),
        _number("is_described"),
    )
    op.create_index("blobs_sha256", "blobs", ["sha256"], unique=True)
    op.create_index("blobs_key", "blobs", ["key"])
    unused = sa.text("uses = 0")
    op.create_index("blobs_unused", "blobs", ["id"], sqlite_where=unused, postgresql_where=unused)
    _create(
        "entries",
        _id(),
        _text("user_id"),
        _number("parent_id"),
        _text("name"),
        _number("blob_id"),
        _text("media_type"),
        _number("size"),
        _text("etag"),
        _number("created_at"),
        _number("modified_at"),
        _number("is_attachment"),
        _text("checksum"),
    )
    op.create_index("entries_place", "entries", ["parent_id", "name"], unique=True)
    detached = sa.text("parent_id < 0")
    op.create_index("entries_detached", "entries", ["id"], sqlite_where=detached, postgresql_where=detached)
    _create(
        "uploads",
        _id(),
        _text("user_id"),
        _text("name"),
        _number("size"),
        _number("pieces"),
        _number("active_at"),
    )
    op.create_index("uploads_name", "uploads", ["user_id", "name"], unique=True)
    op.create_index("uploads_active_at", "uploads", ["active_at"])
    _create(
        "upload_parts",
        _number("upload_id", primary_key=True),
        _text("name", primary_key=True),
        _text("key"),
        _number("size"),
        _text("etag"),
    )
    op.create_index("upload_parts_key", "upload_parts", ["key"])
    _create(
        "previews",
        _number("blob_id", primary_key=True),
        _text("form", primary_key=True),
        _text("key"),
        _text("media_type"),
        _number("size"),
    )
    op.create_index("previews_key", "previews", ["key"])
    _create_shares()


def _create_shares() -> None:
    """Create the table of files in rooms, with keys as in the first migration.

    Its rows outlive a deleted room until a job has deleted the files that only they needed.
    """
    is_one = not _is_postgres()
    _create(
        "shares",
        _number("room_id", default=None),
        _id(primary_key=is_one),
        _number("entry_id"),
        _number("message_id"),
        _text("user_id"),
        _text("name"),
        _number("created_at"),
        _number("expires_at"),
        *([] if is_one else [sa.PrimaryKeyConstraint("room_id", "id")]),
    )
    if is_one:
        op.create_index("shares_key", "shares", ["room_id", "id"], unique=True)
    op.create_index("shares_message", "shares", ["room_id", "message_id"])
    op.create_index("shares_entry", "shares", ["entry_id"])
    op.create_index("shares_user", "shares", ["user_id", "id"])
    if not is_one:
        op.create_index("shares_id", "shares", ["id"])


def _create(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, *columns, sqlite_strict=True, sqlite_autoincrement=True)


def _is_postgres() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")


def _kind() -> sa.types.TypeEngine[int]:
    return sa.BigInteger() if _is_postgres() else sa.Integer()


def _id(*, primary_key: bool = True) -> sa.Column[int]:
    numbered = [sa.Identity()] if _is_postgres() else []
    return sa.Column("id", _kind(), *numbered, primary_key=primary_key, nullable=False)


def _number(name: str, *, primary_key: bool = False, default: str | None = "0") -> sa.Column[int]:
    default = None if primary_key else default
    return sa.Column(
        name, _kind(), nullable=False, server_default=default, primary_key=primary_key, autoincrement=False
    )


def _text(name: str, *, primary_key: bool = False) -> sa.Column[str]:
    default = None if primary_key else ""
    return sa.Column(name, sa.Text, nullable=False, server_default=default, primary_key=primary_key)
