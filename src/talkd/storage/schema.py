"""The tables, for use in statements, with the columns of `rows.py`. The migrations create the real tables: change both.

Tables with data of a room have `room_id` first in their key, so that PostgreSQL could be sharded by room. Numbers are
integers (times in unix seconds, booleans as 0 or 1), texts are texts, and lists are JSON texts, on SQLite (STRICT) and
PostgreSQL alike.

Times from which durations are measured are moments of the steady clock (`core/clock.py`): `last_ping`, `seen_at`,
`call_started_at`, `in_call_since`, `since`, those of `throttle`, and `created_at` of browsers, login flows, signaling
messages and announcements. All other times are dates.
"""

from typing import Any

import msgspec
import sqlalchemy as sa

from talkd.storage.rows import AttendeeRow, RoomRow, SessionRow
from talkd.storage.statements import STAMP

metadata = sa.MetaData()

Int = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", **options)  # type: ignore[arg-type]


def _int(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, Int, nullable=False, server_default=str(default))


def _modified_at() -> sa.Column[int]:
    """Return the column with the time of the last change of the row that is visible in a client's room list.

    Every UPDATE of the table sets it to the current time. An update that clients cannot see adds `as_before(table)` to
    its values.
    """
    return sa.Column("modified_at", Int, nullable=False, server_default="0", onupdate=sa.bindparam(STAMP, type_=Int))


def as_before(table: sa.Table) -> dict[str, sa.ColumnElement[int]]:
    """Return the value for an UPDATE that does not change the row's modification time."""
    return {"modified_at": table.c.modified_at}


def _columns_of(row: type[msgspec.Struct]) -> list[sa.Column[Any]]:
    """Return a column for each field of a row: a number or a text, which may be NULL if the field may be None."""
    return [
        sa.Column(
            field.name,
            Int if field.type is int else sa.Text,
            nullable=field.type == str | None,
            primary_key=field.name in ("room_id", "id"),
            autoincrement=field.name == "id",
        )
        for field in msgspec.structs.fields(row)
    ]


def _room_table(name: str, *columns: sa.Column[int] | sa.Column[str] | sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("room_id", Int, primary_key=True),
        sa.Column("id", Int, primary_key=True, autoincrement=True),
        *columns,
    )


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    _text("value"),
)
"""Single values: secrets of this installation, and the epoch, whose change makes processes clear their caches."""

announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    _int("created_at"),
    _text("events"),
)
"""Events of commands for a running server: a JSON text for each transaction. They are deleted after an hour."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("display_name"),
    _text("email"),
    _text("password_hash"),
    _int("enabled", 1),
    _int("created_at"),
    _int("first_login_at"),
    _int("last_login_at"),
    _text("language"),
    _text("locale"),
    _text("timezone"),
    _text("profile"),
    _int("avatar_version"),
    _int("read_privacy"),
    _int("typing_privacy"),
)
"""Accounts. `profile` is a JSON object of the optional profile fields."""

groups = sa.Table(
    "user_groups",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("display_name"),
)

group_members = sa.Table(
    "group_members",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, primary_key=True),
)

app_passwords = sa.Table(
    "app_passwords",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    sa.Column("user_id", sa.Text, nullable=False),
    _text("fingerprint"),
    _text("name"),
    _int("created_at"),
    _int("last_used_at"),
    _int("wipe"),
)
"""App passwords. `wipe` is 1 if the device should delete its data when it connects next."""

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    _text("user_id"),
    _text("request_token"),
    _int("created_at"),
    _int("seen_at"),
)
"""Browsers that logged in on the login page. Guests and API clients have no row."""

login_flows = sa.Table(
    "login_flows",
    metadata,
    sa.Column("poll_fingerprint", sa.Text, primary_key=True),
    _text("login_fingerprint"),
    _text("client_name"),
    _int("created_at"),
    _text("user_id"),
)
"""Unfinished login flows v2. `user_id` is empty until a user grants access. The request that fetches the app password
creates it, so no row contains one."""

app_config = sa.Table(
    "app_config",
    metadata,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _text("value"),
)

user_config = sa.Table(
    "user_config",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _text("value"),
)

throttle = sa.Table(
    "throttle",
    metadata,
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("subnet", sa.Text, primary_key=True),
    _int("attempts"),
    _int("first_at"),
    _int("last_at"),
)
"""Failed attempts by action and network (IPv4 address, IPv6 /64)."""

signatures = sa.Table(
    "signatures",
    metadata,
    sa.Column("signature", sa.Text, primary_key=True),
    _int("used_at"),
)
"""The signatures of requests of other parts of the installation that were obeyed."""

phone_numbers = sa.Table(
    "phone_numbers",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
)
"""Phone numbers of accounts, in the form of `areas/sip/model.py`: digits only."""

user_avatars = sa.Table(
    "user_avatars",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("image", sa.LargeBinary, nullable=False),
)
"""Uploaded avatars of users: PNG, 512 × 512 pixels."""

room_avatars = sa.Table(
    "room_avatars",
    metadata,
    sa.Column("room_id", Int, primary_key=True, autoincrement=False),
    sa.Column("image", sa.LargeBinary, nullable=False),
)
"""Uploaded avatars of rooms, in the same form."""


rooms = sa.Table(
    "rooms",
    metadata,
    *_columns_of(RoomRow),
    _int("attributes"),
    _int("created_at"),
    _modified_at(),
    _int("last_expires_at"),
    _int("cleared_id"),
    _int("deleted"),
    _text("signaling_server"),
)
"""Rooms. `last_expires_at` is the time when the newest message expires, 0 for never. Nobody sees messages up to
`cleared_id` (`conversation/message_store.py`): a job deletes them and sets it to 0 again. `deleted` is 1 for a deleted
room until a job has deleted all its data (`areas/removal`). `signaling_server` is the address of the external signaling
server that the room was assigned to, or empty.
"""

forgotten_accounts = sa.Table(
    "forgotten_accounts",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    _int("room_id"),
    _int("message_id"),
)
"""Deleted accounts whose names are still stored in messages. A job removes them in the order of room and message id:
`room_id` and `message_id` are the last message that it has checked."""

member_changes = sa.Table(
    "member_changes",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    sa.Column("room_id", Int, nullable=False),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("people"),
    _text("after"),
    _int("removes"),
    _int("position"),
)
"""Unfinished changes that add or remove many members (`areas/rooms/member_model.py`). `people` is JSON."""


attendees = sa.Table("attendees", metadata, *_columns_of(AttendeeRow), _modified_at(), _text("tags"))
"""Attendees of rooms: users, groups, guests, phone numbers, and guests invited by e-mail."""


sessions = sa.Table(
    "sessions",
    metadata,
    *_columns_of(SessionRow),
    _int("created_at"),
    _text("address"),
    _text("login"),
    _text("network"),
)
"""Sessions in rooms. `address` and `network` are stored for guests only: banning an address removes the guests that use
it, and the sessions of a network are limited. `login` is the secret of the credential with which a user joined
(`conversation/login.py`): the session ends when the login ends. For a guest, it is the fingerprint of the cookie with
which they asked to join, in place of which the answer has set `browser`.
"""

messages = _room_table(
    "messages",
    _int("thread_id"),
    _int("parent_id"),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("kind"),
    _text("system"),
    _text("message"),
    _text("plain"),
    _text("parameters"),
    _text("reference_id"),
    _int("countable"),
    _int("silent"),
    _int("created_at"),
    _int("expires_at"),
    _text("edited_by_type"),
    _text("edited_by_id"),
    _text("edited_by_name"),
    _int("edited_at"),
    _text("reactions"),
    _text("object_type"),
    _text("object_id"),
    _text("meta"),
    _text("shared_as"),
)
"""Messages. `system` is the type of a system message, else empty. `countable` is 1 for messages that count as unread.
`parameters` and `reactions` are JSON objects or empty. `expires_at` is 0 for never. `shared_as` is the kind of a shared
object in the list of shared items, such as poll or location.
`plain` is the text for searching: the message with names in place of its placeholders, without case and accents
(core/search.py). It is empty if it would be the message itself: ASCII without placeholders."""

reactions = _room_table(
    "reactions",
    _int("message_id"),
    _int("entry_id"),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("reaction"),
    _int("created_at"),
)
"""Reactions to messages. `entry_id` is the id of the system message about the reaction."""

signaling_messages = _room_table(
    "signaling_messages",
    _text("recipient"),
    _text("message"),
    _int("created_at"),
)
"""Messages between sessions of a call, until their recipient has fetched them."""

bans = _room_table(
    "bans",
    _text("moderator_type"),
    _text("moderator_id"),
    _text("moderator_name"),
    _text("actor_type"),
    _text("actor_id"),
    _text("display_name"),
    _int("created_at"),
    _text("note"),
    _text("browsers"),
)
"""Bans. With `actor_type` "ip", `actor_id` is an address or network. `browsers` is a JSON list of the fingerprints of
the browsers that a banned guest used in the room.
"""

invited_browsers = _room_table(
    "invited_browsers",
    _int("attendee_id"),
    _text("browser"),
)
"""Browsers that have opened the personal link of a guest invited by e-mail."""

polls = _room_table(
    "polls",
    sa.Column("message_id", Int, nullable=True),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("question"),
    _text("options"),
    _int("result_mode"),
    _int("max_votes"),
    _int("status"),
)
"""Polls. A poll exists as long as its message; drafts have none. `options` is a JSON list of texts."""

poll_votes = _room_table(
    "poll_votes",
    _int("poll_id"),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("options"),
)
"""A row for each voter. `options` is a JSON list of numbers."""

guest_mentions = sa.Table(
    "guest_mentions",
    metadata,
    sa.Column("network", sa.Text, primary_key=True),
    _int("messages"),
    _int("since"),
)
"""Number of messages with mentions that guests of a network have sent since `since`."""

mail_outbox = sa.Table(
    "mail_outbox",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    _text("address"),
    _text("subject"),
    _text("body"),
    _int("created_at"),
    _int("attempts"),
    _int("next_at"),
)
"""E-mails to send."""

notifications = _room_table(
    "notifications",
    _text("user_id"),
    _text("subject"),
    _text("object_type"),
    _int("message_id"),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("details"),
    _text("occasion"),
    _int("created_at"),
)
"""Notifications of users. `message_id` is 0 for calls and invitations. `details` is the emoji of a reaction, or the
mentioned group. A user has at most one notification of a message and of a room, but one of each reaction: `occasion`
tells those apart."""

reminders = _room_table(
    "reminders",
    _int("attendee_id"),
    _int("message_id"),
    _int("remind_at"),
    _int("set_at"),
)
"""Reminders of messages. A reminder is deleted when it is due."""
