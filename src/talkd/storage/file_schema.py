"""The tables of files that users send and of uploaded pictures, as in `schema.py`."""

import sqlalchemy as sa

from talkd.storage.schema import Int, int_column, metadata, room_table, text_column

blobs = sa.Table(
    "blobs",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    text_column("sha256"),
    text_column("key"),
    int_column("size"),
    int_column("uses"),
    int_column("width"),
    int_column("height"),
    text_column("blurhash"),
    int_column("duration"),
    int_column("is_described"),
)
"""Contents of files, each once. `key` is its place in the storage (`talkd/blobs`), `uses` the number of rows in other
tables that have it: with 0, a job deletes it. What comes after that is known once `is_described` is 1: the size of a
picture in pixels, its blurred form, and the length of a sound or film in milliseconds."""

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    text_column("user_id"),
    int_column("parent_id"),
    text_column("name"),
    int_column("blob_id"),
    text_column("media_type"),
    int_column("size"),
    text_column("etag"),
    int_column("created_at"),
    int_column("modified_at"),
    int_column("is_attachment"),
    text_column("checksum"),
    int_column("inside"),
    int_column("placed_at"),
)
"""Folders and files of users. A folder has no blob, and size and number of everything in it. The root of a user has the
parent 0 and the user's id as its name. An entry that is being deleted with all in it has a parent below 0, its own id
negated. `is_attachment` is 1 for a file that is deleted when it is no longer shared. `checksum` is its client's.
`placed_at` is when it was last added, moved or replaced."""

storage_use = sa.Table(
    "storage_use",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=False),
    int_column("used"),
)
"""One row: the bytes of all contents and of the pieces of unfinished uploads."""

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    text_column("user_id"),
    text_column("name"),
    int_column("size"),
    int_column("pieces"),
    int_column("active_at"),
    text_column("assembly"),
    int_column("assembled_until"),
)
"""Uploads in pieces that are not finished, named by the client: bytes and number of the pieces, and the time of the
last request. `assembly` names the request that makes the pieces a file, and it may do so until `assembled_until`. Those
of deleted accounts belong to nobody, and are deleted next."""

upload_parts = sa.Table(
    "upload_parts",
    metadata,
    sa.Column("upload_id", Int, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    text_column("key"),
    int_column("size"),
    text_column("etag"),
)
"""The pieces of uploads. `key` is the place of a piece in the storage."""

previews = sa.Table(
    "previews",
    metadata,
    sa.Column("blob_id", Int, primary_key=True, autoincrement=False),
    sa.Column("form", sa.Text, primary_key=True),
    text_column("key"),
    text_column("media_type"),
    int_column("size"),
)
"""Previews that were made. `form` names size and cut. `key` is its place in the storage."""

shares = room_table(
    "shares",
    int_column("entry_id"),
    int_column("message_id"),
    text_column("user_id"),
    text_column("name"),
    int_column("created_at"),
    int_column("expires_at"),
)
"""Files in rooms: one row, whatever the size of the room. A share gives access as long as its message is visible and
who shared it, `user_id`, is in the room. A job deletes other rows, also those of deleted rooms. `name` is that of the
file when it was shared. `expires_at` is 0 for never."""

user_pictures = sa.Table(
    "user_pictures",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    int_column("blob_id"),
)
"""Uploaded pictures of accounts: PNG, 512 × 512 pixels."""

room_pictures = sa.Table(
    "room_pictures",
    metadata,
    sa.Column("room_id", Int, primary_key=True, autoincrement=False),
    int_column("blob_id"),
)
"""Uploaded pictures of rooms, in the same form."""

STORED = (blobs, previews, upload_parts)
"""Every table with keys of the storage. What the storage has under other keys is deleted as left behind."""
USES = (entries.c.blob_id, user_pictures.c.blob_id, room_pictures.c.blob_id)
"""Every column that uses contents, which are deleted when no row has their id."""
