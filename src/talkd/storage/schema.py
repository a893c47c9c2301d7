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


def text_column(name: str, **options: object) -> sa.Column[str]:
    """Return a column of texts, empty by default."""
    return sa.Column(name, sa.Text, nullable=False, server_default="", **options)  # type: ignore[arg-type]


def int_column(name: str, default: int = 0) -> sa.Column[int]:
    """Return a column of whole numbers."""
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


def room_table(name: str, *columns: sa.Column[int] | sa.Column[str] | sa.schema.SchemaItem) -> sa.Table:
    """Return a table with data of rooms."""
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
    text_column("value"),
)
"""Single values: secrets of this installation, and the epoch, whose change makes processes clear their caches."""

announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    int_column("created_at"),
    text_column("events"),
    sa.Column("parcels", sa.LargeBinary),
)
"""Events of commands for a running server: a JSON text for each transaction. They are deleted after an hour.

`parcels` are messages of a process to the others, while the bus does not carry them (`bus/others.py`). They are deleted
after a minute.
"""

processes = sa.Table(
    "processes",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=False),
    text_column("bus"),
    text_column("place"),
    text_column("version"),
    int_column("sent"),
    int_column("hears", 1),
    int_column("ahead"),
)
"""The processes that serve the database together: their bus, their machine, and how much they have told the others.
`ahead`: by how many milliseconds their steady scale (`core/clock.py`) is ahead of the database server's clock."""

live_rooms = sa.Table(
    "live_rooms",
    metadata,
    sa.Column("room_id", Int, primary_key=True, autoincrement=False),
    int_column("process"),
    text_column("transient"),
)
"""Of several processes, the one that has the clients of a room's signaling sockets. JSON: the room's transient data."""

peers = sa.Table(
    "peers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text_column("resume"),
    int_column("process"),
    text_column("content"),
)
"""The clients of signaling sockets of several processes, so that another one can go on with those of one that died.

`resume` is the fingerprint of the secret with which a client resumes, `content` is JSON.
"""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text_column("display_name"),
    text_column("email"),
    text_column("password_hash"),
    int_column("enabled", 1),
    int_column("created_at"),
    int_column("first_login_at"),
    int_column("last_login_at"),
    text_column("language"),
    text_column("locale"),
    text_column("timezone"),
    text_column("profile"),
    int_column("avatar_version"),
    int_column("read_privacy"),
    int_column("typing_privacy"),
)
"""Accounts. `profile` is a JSON object of the optional profile fields."""

groups = sa.Table(
    "user_groups",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    text_column("display_name"),
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
    text_column("fingerprint"),
    text_column("name"),
    int_column("created_at"),
    int_column("last_used_at"),
    int_column("wipe"),
)
"""App passwords. `wipe` is 1 if the device should delete its data when it connects next."""

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    text_column("user_id"),
    text_column("request_token"),
    int_column("created_at"),
    int_column("seen_at"),
)
"""Browsers that logged in on the login page. Guests and API clients have no row."""

login_flows = sa.Table(
    "login_flows",
    metadata,
    sa.Column("poll_fingerprint", sa.Text, primary_key=True),
    text_column("login_fingerprint"),
    text_column("client_name"),
    int_column("created_at"),
    text_column("user_id"),
)
"""Unfinished login flows v2. `user_id` is empty until a user grants access. The request that fetches the app password
creates it, so no row contains one."""

app_config = sa.Table(
    "app_config",
    metadata,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    text_column("value"),
)

user_config = sa.Table(
    "user_config",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    text_column("value"),
)

throttle = sa.Table(
    "throttle",
    metadata,
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("subnet", sa.Text, primary_key=True),
    int_column("attempts"),
    int_column("first_at"),
    int_column("last_at"),
)
"""Failed attempts by action and network (IPv4 address, IPv6 /64)."""

signatures = sa.Table(
    "signatures",
    metadata,
    sa.Column("signature", sa.Text, primary_key=True),
    int_column("used_at"),
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
"""Pictures of users that an older talkd has stored here: PNG, 512 × 512 pixels. Nothing is added. A job moves them to
the storage of files and to `user_pictures`; until then they are read here. A later migration will remove the table."""

room_avatars = sa.Table(
    "room_avatars",
    metadata,
    sa.Column("room_id", Int, primary_key=True, autoincrement=False),
    sa.Column("image", sa.LargeBinary, nullable=False),
)
"""Pictures of rooms that an older talkd has stored here, as in `user_avatars`."""


rooms = sa.Table(
    "rooms",
    metadata,
    *_columns_of(RoomRow),
    int_column("attributes"),
    int_column("created_at"),
    _modified_at(),
    int_column("last_expires_at"),
    int_column("cleared_id"),
    int_column("deleted"),
    text_column("signaling_server"),
    text_column("recording_address"),
    int_column("recording_stopped_at"),
)
"""Rooms. `last_expires_at` is the time when the newest message expires, 0 for never. Nobody sees messages up to
`cleared_id` (`conversation/message_store.py`): a job deletes them and sets it to 0 again. `deleted` is 1 for a deleted
room until a job has deleted all its data (`areas/removal`). `signaling_server` is the address of the external signaling
server that the room was assigned to, or empty. `recording_address` is the address of this server under which the call's
recording was begun, and `recording_stopped_at` is when the recording server was last asked to end it; 0 for never.
"""

forgotten_accounts = sa.Table(
    "forgotten_accounts",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    int_column("room_id"),
    int_column("message_id"),
)
"""Deleted accounts whose names are still stored in messages. A job removes them in the order of room and message id:
`room_id` and `message_id` are the last message that it has checked."""

member_changes = room_table(
    "member_changes",
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("people"),
    text_column("after"),
    int_column("removes"),
    int_column("position"),
    int_column("moved_at"),
)
"""Unfinished changes that add or remove many members (`areas/rooms/member_model.py`). `people` is JSON, and `moved_at`
is when the last portion ended."""


attendees = sa.Table("attendees", metadata, *_columns_of(AttendeeRow), _modified_at(), text_column("tags"))
"""Attendees of rooms: users, groups, guests, phone numbers, and guests invited by e-mail."""


sessions = sa.Table(
    "sessions",
    metadata,
    *_columns_of(SessionRow),
    int_column("created_at"),
    text_column("address"),
    text_column("login"),
    text_column("network"),
    text_column("poll"),
)
"""Sessions in rooms. `address` and `network` are stored for guests only: banning an address removes the guests that use
it, and the sessions of a network are limited. `login` is the secret of the credential with which a user joined
(`conversation/login.py`): the session ends when the login ends. For a guest, it is the fingerprint of the cookie with
which they asked to join, in place of which the answer has set `browser`. `poll` names the newest signaling poll:
the process that it has reached, and its number there. It is empty if the session has not polled.
"""

messages = room_table(
    "messages",
    int_column("thread_id"),
    int_column("parent_id"),
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("kind"),
    text_column("system"),
    text_column("message"),
    text_column("plain"),
    text_column("parameters"),
    text_column("reference_id"),
    int_column("countable"),
    int_column("silent"),
    int_column("created_at"),
    int_column("expires_at"),
    text_column("edited_by_type"),
    text_column("edited_by_id"),
    text_column("edited_by_name"),
    int_column("edited_at"),
    text_column("reactions"),
    text_column("object_type"),
    text_column("object_id"),
    text_column("meta"),
    text_column("shared_as"),
)
"""Messages. `system` is the type of a system message, else empty. `countable` is 1 for messages that count as unread.
`parameters` and `reactions` are JSON objects or empty. `expires_at` is 0 for never. `shared_as` is the kind of a shared
object in the list of shared items, such as poll or location.
`plain` is the text for searching: the message with names in place of its placeholders, without case and accents
(core/search.py). It is empty if it would be the message itself: ASCII without placeholders."""

reactions = room_table(
    "reactions",
    int_column("message_id"),
    int_column("entry_id"),
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("reaction"),
    int_column("created_at"),
)
"""Reactions to messages. `entry_id` is the id of the system message about the reaction."""

signaling_messages = room_table(
    "signaling_messages",
    text_column("recipient"),
    text_column("message"),
    int_column("created_at"),
)
"""Messages between sessions of a call, until their recipient has fetched them."""

bans = room_table(
    "bans",
    text_column("moderator_type"),
    text_column("moderator_id"),
    text_column("moderator_name"),
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("display_name"),
    int_column("created_at"),
    text_column("note"),
    text_column("browsers"),
)
"""Bans. With `actor_type` "ip", `actor_id` is an address or network. `browsers` is a JSON list of the fingerprints of
the browsers that a banned guest used in the room.
"""

invited_browsers = room_table(
    "invited_browsers",
    int_column("attendee_id"),
    text_column("browser"),
)
"""Browsers that have opened the personal link of a guest invited by e-mail."""

polls = room_table(
    "polls",
    sa.Column("message_id", Int, nullable=True),
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("question"),
    text_column("options"),
    int_column("result_mode"),
    int_column("max_votes"),
    int_column("status"),
)
"""Polls. A poll exists as long as its message; drafts have none. `options` is a JSON list of texts."""

poll_votes = room_table(
    "poll_votes",
    int_column("poll_id"),
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("options"),
)
"""A row for each voter. `options` is a JSON list of numbers."""

guest_mentions = sa.Table(
    "guest_mentions",
    metadata,
    sa.Column("network", sa.Text, primary_key=True),
    int_column("messages"),
    int_column("since"),
)
"""Number of messages with mentions that guests of a network have sent since `since`."""

mail_outbox = sa.Table(
    "mail_outbox",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    text_column("address"),
    text_column("subject"),
    text_column("body"),
    int_column("created_at"),
    int_column("attempts"),
    int_column("next_at"),
)
"""E-mails to send."""

notifications = room_table(
    "notifications",
    text_column("user_id"),
    text_column("subject"),
    text_column("object_type"),
    int_column("message_id"),
    text_column("actor_type"),
    text_column("actor_id"),
    text_column("actor_name"),
    text_column("details"),
    text_column("occasion"),
    int_column("created_at"),
)
"""Notifications of users. `message_id` is 0 for calls and invitations. `details` is the emoji of a reaction, or the
mentioned group. A user has at most one notification of a message and of a room, but one of each reaction: `occasion`
tells those apart."""

reminders = room_table(
    "reminders",
    int_column("attendee_id"),
    int_column("message_id"),
    int_column("remind_at"),
    int_column("set_at"),
)
"""Reminders of messages. A reminder is deleted when it is due."""
