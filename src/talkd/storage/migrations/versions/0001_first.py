"""Create the first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

Column = sa.Column[int] | sa.Column[str] | sa.Column[bytes]


def _int_type() -> sa.types.TypeEngine[int]:
    return sa.BigInteger() if _is_postgres() else sa.Integer()


def _is_postgres() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")


def _text(*names: str) -> list[Column]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def _int(*names: str, default: int = 0) -> list[Column]:
    return [sa.Column(name, _int_type(), nullable=False, server_default=str(default)) for name in names]


def _id() -> sa.Column[int]:
    if _is_postgres():
        return sa.Column("id", _int_type(), sa.Identity(), nullable=False)
    return sa.Column("id", _int_type(), primary_key=True, nullable=False)


def _table(name: str, *columns: Column | list[Column] | sa.schema.SchemaItem, **options: bool) -> None:
    flat = [item for part in columns for item in (part if isinstance(part, list) else [part])]
    op.create_table(name, *flat, sqlite_strict=True, **options)


def _room_table(name: str, *columns: Column | list[Column] | sa.schema.SchemaItem) -> None:
    """Create a table with data of rooms. Its key is (room, id), and its rows are deleted with the room.

    SQLite generates ids only for a primary key of one column, so there (room, id) is a unique index.
    """
    room = sa.Column("room_id", _int_type(), nullable=False)
    keys: list[sa.schema.SchemaItem] = [
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], ondelete="CASCADE", name=f"{name}_room")
    ]
    if _is_postgres():
        keys.append(sa.PrimaryKeyConstraint("room_id", "id"))
    _table(name, room, _id(), *columns, *keys, sqlite_autoincrement=True)
    if not _is_postgres():
        op.create_index(f"{name}_key", name, ["room_id", "id"], unique=True)


def upgrade() -> None:
    """Create all tables and indexes."""
    _table("meta", sa.Column("key", sa.Text, primary_key=True), _text("value"))
    _accounts()
    _table(
        "app_config",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        _text("value"),
    )
    _table(
        "user_config",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        _text("value"),
    )
    _table(
        "throttle",
        sa.Column("action", sa.Text, primary_key=True),
        sa.Column("subnet", sa.Text, primary_key=True),
        _int("attempts", "first_at", "last_at"),
    )
    _conversations()


def _accounts() -> None:
    _table(
        "users",
        sa.Column("id", sa.Text, primary_key=True),
        _text("display_name", "email", "password_hash"),
        _int("enabled", default=1),
        _int("created_at", "first_login_at", "last_login_at"),
        _text("language", "locale", "timezone", "profile"),
        _int("avatar_version", "read_privacy", "typing_privacy"),
    )
    _table("user_groups", sa.Column("id", sa.Text, primary_key=True), _text("display_name"))
    _table(
        "group_members",
        sa.Column("group_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.ForeignKeyConstraint(["group_id"], ["user_groups.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
    )
    if _is_postgres():  # not needed on SQLite: its only writer checks before adding
        op.create_index("users_folded", "users", [sa.text("lower(id)")], unique=True)
        op.create_index("user_groups_folded", "user_groups", [sa.text("lower(id)")], unique=True)
    op.create_index("group_members_user", "group_members", ["user_id"])
    _table(
        "app_passwords",
        _id(),
        sa.Column("user_id", sa.Text, nullable=False),
        _text("fingerprint", "name"),
        _int("created_at", "last_used_at", "wipe"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        *([sa.PrimaryKeyConstraint("id")] if _is_postgres() else []),
        sqlite_autoincrement=True,
    )
    op.create_index("app_passwords_fingerprint", "app_passwords", ["fingerprint"], unique=True)
    op.create_index("app_passwords_user", "app_passwords", ["user_id"])
    _table(
        "web_sessions",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        _text("user_id", "request_token"),
        _int("created_at", "seen_at"),
    )
    op.create_index("web_sessions_user", "web_sessions", ["user_id"])
    _table(
        "login_flows",
        sa.Column("poll_fingerprint", sa.Text, primary_key=True),
        _text("login_fingerprint", "client_name"),
        _int("created_at"),
        _text("user_id"),
    )
    op.create_index("login_flows_login", "login_flows", ["login_fingerprint"], unique=True)
    _table(
        "phone_numbers",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
    )
    op.create_index("phone_numbers_user", "phone_numbers", ["user_id"])
    _table(
        "user_avatars",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("image", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
    )


def _conversations() -> None:
    _table(
        "rooms",
        _id(),
        sa.Column("token", sa.Text, nullable=False),
        _int("type", default=2),
        _text("name", "description", "object_type", "object_id"),
        sa.Column("user_a", sa.Text),
        sa.Column("user_b", sa.Text),
        _text("password_hash"),
        _int(
            "read_only",
            "listable",
            "lobby_state",
            "lobby_timer",
            "sip_enabled",
            "default_permissions",
            "call_permissions",
            "message_expiration",
            "mention_permissions",
            "recording_consent",
            "call_recording",
            "breakout_mode",
            "breakout_status",
        ),
        _text("avatar"),
        _int(
            "avatar_version",
            "attributes",
            "created_at",
            "last_activity",
            "last_message_id",
            "call_started_at",
            "call_flag",
        ),
        *([sa.PrimaryKeyConstraint("id")] if _is_postgres() else []),
        sqlite_autoincrement=True,
    )
    op.create_index("rooms_token", "rooms", ["token"], unique=True)
    op.create_index("rooms_pair", "rooms", ["user_a", "user_b"], unique=True)
    op.create_index("rooms_object", "rooms", ["object_type", "object_id"])
    for column in ("lobby_timer", "listable"):
        few = sa.text(f"{column} > 0")
        op.create_index(f"rooms_{column}", "rooms", [column], sqlite_where=few, postgresql_where=few)
    _table(
        "room_avatars",
        sa.Column("room_id", _int_type(), primary_key=True, autoincrement=False),
        sa.Column("image", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], ondelete="CASCADE"),
    )
    personal = sa.text("object_type IN ('note_to_self', 'changelog')")
    op.create_index(
        "rooms_personal",
        "rooms",
        ["object_type", "object_id"],
        unique=True,
        sqlite_where=personal,
        postgresql_where=personal,
    )

    _room_table(
        "attendees",
        _text("actor_type", "actor_id", "display_name"),
        _int("type", default=3),
        _int("permissions", "favorite", "notification_level"),
        _int("notification_calls", default=1),
        _int("archived", "important", "sensitive", "last_read", "last_mention", "last_mention_direct", "read_privacy"),
        _text("access_token", "invited_address", "pin", "phone_number", "call_id"),
        _int("modified_at", "in_call_since"),
        _text("tags"),
    )
    op.create_index("attendees_actor", "attendees", ["room_id", "actor_type", "actor_id"], unique=True)
    op.create_index("attendees_of_actor", "attendees", ["actor_type", "actor_id", "room_id"])
    op.create_index("attendees_read", "attendees", ["room_id", "actor_type", "read_privacy", "last_read"])

    attendee = sa.ForeignKeyConstraint(
        ["room_id", "attendee_id"], ["attendees.room_id", "attendees.id"], ondelete="CASCADE", name="sessions_attendee"
    )
    _room_table(
        "sessions",
        _int("attendee_id"),
        _text("session_id", "browser"),
        _int("in_call"),
        _int("state", default=1),
        _int("last_ping", "created_at"),
        _text("address"),
        attendee,
    )
    op.create_index("sessions_attendee", "sessions", ["room_id", "attendee_id"])
    op.create_index("sessions_session", "sessions", ["session_id"], unique=True)
    op.create_index("sessions_browser", "sessions", ["browser", "room_id"])
    op.create_index("sessions_ping", "sessions", ["last_ping"])

    _room_table(
        "messages",
        _int("thread_id", "parent_id"),
        _text("actor_type", "actor_id", "actor_name", "kind", "system", "message", "parameters", "reference_id"),
        _int("countable", "silent", "created_at", "expires_at"),
        _text("edited_by_type", "edited_by_id", "edited_by_name"),
        _int("edited_at"),
        _text("reactions", "object_type", "object_id", "meta"),
    )
    op.create_index(
        "messages_unread",
        "messages",
        ["room_id", "id", "expires_at"],
        sqlite_where=sa.text("countable = 1"),
        postgresql_where=sa.text("countable = 1"),
    )
    op.create_index(
        "messages_reference",
        "messages",
        ["room_id", "reference_id"],
        sqlite_where=sa.text("reference_id <> ''"),
        postgresql_where=sa.text("reference_id <> ''"),
    )
    op.create_index(
        "messages_expiry",
        "messages",
        ["expires_at"],
        sqlite_where=sa.text("expires_at > 0"),
        postgresql_where=sa.text("expires_at > 0"),
    )

    reacted_to = sa.ForeignKeyConstraint(
        ["room_id", "message_id"], ["messages.room_id", "messages.id"], ondelete="CASCADE", name="reactions_message"
    )
    _room_table(
        "reactions",
        _int("message_id", "entry_id"),
        _text("actor_type", "actor_id", "actor_name", "reaction"),
        _int("created_at"),
        reacted_to,
    )
    op.create_index(
        "reactions_of_message",
        "reactions",
        ["room_id", "message_id", "actor_type", "actor_id", "reaction"],
        unique=True,
    )

    _room_table("signaling_messages", _text("recipient", "message"), _int("created_at"))
    op.create_index("signaling_messages_created", "signaling_messages", ["created_at"])
    op.create_index("signaling_messages_recipient", "signaling_messages", ["recipient", "id"])

    _room_table(
        "bans",
        _text("moderator_type", "moderator_id", "moderator_name", "actor_type", "actor_id", "display_name"),
        _int("created_at"),
        _text("note", "browsers"),
    )
    op.create_index("bans_actor", "bans", ["room_id", "actor_type", "actor_id"], unique=True)
    invited = sa.ForeignKeyConstraint(
        ["room_id", "attendee_id"], ["attendees.room_id", "attendees.id"], ondelete="CASCADE", name="invited_attendee"
    )
    _room_table("invited_browsers", _int("attendee_id"), _text("browser"), invited)
    op.create_index("invited_browsers_browser", "invited_browsers", ["room_id", "browser"], unique=True)
    op.create_index("invited_browsers_attendee", "invited_browsers", ["room_id", "attendee_id"])

    shown = sa.ForeignKeyConstraint(
        ["room_id", "message_id"], ["messages.room_id", "messages.id"], ondelete="CASCADE", name="poll_message"
    )
    _room_table(
        "polls",
        sa.Column("message_id", _int_type(), nullable=True),
        _text("actor_type", "actor_id", "actor_name", "question", "options"),
        _int("result_mode", "max_votes", "status"),
        shown,
    )
    op.create_index("polls_message", "polls", ["room_id", "message_id"])
    op.create_index("polls_actor", "polls", ["actor_type", "actor_id"])
    voted_on = sa.ForeignKeyConstraint(
        ["room_id", "poll_id"], ["polls.room_id", "polls.id"], ondelete="CASCADE", name="vote_poll"
    )
    _room_table("poll_votes", _int("poll_id"), _text("actor_type", "actor_id", "actor_name", "options"), voted_on)
    op.create_index(
        "poll_votes_actor",
        "poll_votes",
        ["room_id", "poll_id", "actor_type", "actor_id"],
        unique=True,
        sqlite_where=sa.text("actor_type <> 'deleted_users'"),
        postgresql_where=sa.text("actor_type <> 'deleted_users'"),
    )
    op.create_index("poll_votes_poll", "poll_votes", ["room_id", "poll_id"])
    op.create_index("poll_votes_of_actor", "poll_votes", ["actor_type", "actor_id"])

    _table(
        "mail_outbox",
        _id(),
        _text("address", "subject", "body"),
        _int("created_at", "attempts", "next_at"),
        *([sa.PrimaryKeyConstraint("id")] if _is_postgres() else []),
        sqlite_autoincrement=True,
    )
    op.create_index("mail_outbox_next", "mail_outbox", ["next_at"])
