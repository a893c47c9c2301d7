"""Add notifications and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables. Existing messages create no notifications."""
    op.add_column("rooms", _number("notified_id"))
    op.execute("UPDATE rooms SET notified_id = last_message_id")
    op.add_column("attendees", _number("notified"))
    op.create_index("attendees_level", "attendees", ["room_id", "notification_level"])
    _create(
        "notifications",
        _text("user_id"),
        _text("subject"),
        _text("object_type"),
        _number("message_id"),
        _text("actor_type"),
        _text("actor_id"),
        _text("actor_name"),
        _text("details"),
        _text("occasion"),
        _number("created_at"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE", name="notifications_user"),
    )
    op.create_index("notifications_of_user", "notifications", ["user_id", "room_id", "object_type", "message_id"])
    once = ["room_id", "message_id", "user_id", "object_type", "occasion"]
    op.create_index("notifications_once", "notifications", once, unique=True)
    _create(
        "reminders",
        _number("attendee_id"),
        _number("message_id"),
        _number("remind_at"),
        _number("set_at"),
        *(
            sa.ForeignKeyConstraint(
                ["room_id", f"{one}_id"], [f"{many}.room_id", f"{many}.id"], ondelete="CASCADE", name=f"reminders_{one}"
            )
            for one, many in (("attendee", "attendees"), ("message", "messages"))
        ),
    )
    op.create_index("reminders_of_attendee", "reminders", ["room_id", "attendee_id", "message_id"], unique=True)
    op.create_index("reminders_of_message", "reminders", ["room_id", "message_id"])
    op.create_index("reminders_due", "reminders", ["remind_at"])


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, _int_type(), nullable=False, server_default="0")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _int_type() -> sa.types.TypeEngine[int]:
    return sa.BigInteger() if _is_postgres() else sa.Integer()


def _is_postgres() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")


def _create(name: str, *columns: sa.schema.SchemaItem) -> None:
    """Create a table with data of rooms, with keys as in the first migration."""
    own: list[sa.schema.SchemaItem] = [
        sa.Column("room_id", _int_type(), nullable=False),
        sa.Column("id", _int_type(), sa.Identity(), nullable=False)
        if _is_postgres()
        else sa.Column("id", _int_type(), primary_key=True, nullable=False),
    ]
    keys: list[sa.schema.SchemaItem] = [
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], ondelete="CASCADE", name=f"{name}_room")
    ]
    if _is_postgres():
        keys.append(sa.PrimaryKeyConstraint("room_id", "id"))
    op.create_table(name, *own, *columns, *keys, sqlite_strict=True, sqlite_autoincrement=True)
    if not _is_postgres():
        op.create_index(f"{name}_key", name, ["room_id", "id"], unique=True)
