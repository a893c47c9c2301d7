"""Let keys of sessions, signaling messages and unfinished changes of members contain the room.

docs/adr/0021-sharding.md says why.
"""

from alembic import op

revision = "0027"
down_revision = "0026"
usable_by = "0026"


def upgrade() -> None:
    """Replace the keys. New indexes begin as the old ones, so that an older talkd uses them as well."""
    op.drop_index("sessions_session", "sessions")
    op.create_index("sessions_session", "sessions", ["session_id", "room_id"], unique=True)
    op.drop_index("signaling_messages_recipient", "signaling_messages")
    op.create_index("signaling_messages_recipient", "signaling_messages", ["recipient", "room_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("member_changes_pkey", "member_changes", type_="primary")
        op.create_primary_key("member_changes_pkey", "member_changes", ["room_id", "id"])
    else:  # as in the first migration: SQLite generates ids only for a primary key of one column
        op.create_index("member_changes_key", "member_changes", ["room_id", "id"], unique=True)
    op.drop_index("member_changes_of_room", "member_changes")
