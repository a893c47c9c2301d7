"""Tables. Column order and names are the statements' vocabulary; the migrations make the real thing.

Every table of a room's data has `room_id` first in its key, so that PostgreSQL can shard by room.
Numbers are integers (times in unix seconds, truth as 0/1), texts are texts, lists are JSON texts:
the same on SQLite (STRICT) and PostgreSQL.

Times from which a duration counts are moments on the steady scale (`core/clock.py`): `last_ping`, `seen_at`,
`call_started_at`, `in_call_since`, `since`, those of `throttle`, and `created_at` of browsers, login flows, signaling
messages and announcements. All others are dates.
"""

import sqlalchemy as sa

from talkd.storage.statements import STAMP

metadata = sa.MetaData()

Int = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def _text(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="", **options)  # type: ignore[arg-type]


def _int(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, Int, nullable=False, server_default=str(default))


def _modified_at() -> sa.Column[int]:
    """The last change of the row that a client can see in its list of rooms.

    Every UPDATE of the table sets it to the current time. An update that clients cannot see adds
    `as_before(table)` to its values.
    """
    return sa.Column("modified_at", Int, nullable=False, server_default="0", onupdate=sa.bindparam(STAMP, type_=Int))


def as_before(table: sa.Table) -> dict[str, sa.ColumnElement[int]]:
    """The value that leaves the row's modification time as it is."""
    return {"modified_at": table.c.modified_at}


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
"""One-off facts: secrets of this installation, and the epoch that tells processes to forget caches."""

announcements = sa.Table(
    "announcements",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    _int("created_at"),
    _text("events"),
)
"""What commands tell a running server: the events of each transaction, as JSON. They are deleted after an hour."""

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
"""Passwords of single apps. `wipe` is 1 when the device shall delete its data at the next contact."""

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    _text("user_id"),
    _text("request_token"),
    _int("created_at"),
    _int("seen_at"),
)
"""Browsers that logged in by the form. Guests and API clients need no row: their cookie names their joins."""

login_flows = sa.Table(
    "login_flows",
    metadata,
    sa.Column("poll_fingerprint", sa.Text, primary_key=True),
    _text("login_fingerprint"),
    _text("client_name"),
    _int("created_at"),
    _text("user_id"),
)
"""Login flows v2 on their way; `user_id` is empty until somebody grants it. The app password is made by the
poll that fetches it, so that no row ever holds one."""

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

phone_numbers = sa.Table(
    "phone_numbers",
    metadata,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
)
"""Whose phone it is; numbers in digits alone, see `areas/sip/model.py`."""

user_avatars = sa.Table(
    "user_avatars",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("image", sa.LargeBinary, nullable=False),
)
"""Uploaded pictures: PNG, 512 pixels square."""

room_avatars = sa.Table(
    "room_avatars",
    metadata,
    sa.Column("room_id", Int, primary_key=True, autoincrement=False),
    sa.Column("image", sa.LargeBinary, nullable=False),
)
"""Uploaded pictures of conversations, in the same form."""

rooms = sa.Table(
    "rooms",
    metadata,
    sa.Column("id", Int, primary_key=True, autoincrement=True),
    sa.Column("token", sa.Text, nullable=False),
    _int("type", 2),
    _text("name"),
    _text("description"),
    _text("object_type"),
    _text("object_id"),
    sa.Column("user_a", sa.Text, nullable=True),
    sa.Column("user_b", sa.Text, nullable=True),
    _text("password_hash"),
    _int("read_only"),
    _int("listable"),
    _int("lobby_state"),
    _int("lobby_timer"),
    _int("sip_enabled"),
    _int("default_permissions"),
    _int("call_permissions"),
    _int("message_expiration"),
    _int("mention_permissions"),
    _int("recording_consent"),
    _int("call_recording"),
    _int("breakout_mode"),
    _int("breakout_status"),
    _text("avatar"),
    _int("avatar_version"),
    _int("attributes"),
    _int("created_at"),
    _int("last_activity"),
    _int("last_message_id"),
    _int("call_started_at"),
    _int("call_flag"),
    _int("notified_id"),
    _modified_at(),
    _int("last_expires_at"),
    _int("cleared_id"),
    _int("deleted"),
)
"""Conversations. `user_a` < `user_b` are the two of a one-to-one conversation, whoever is in it now.
`call_started_at` is 0 when there is no call; `call_flag` is the union of what devices wanted to
bring when they joined it. Of messages up to `notified_id` those concerned have been notified.
`last_expires_at` is when the newest message expires, 0 for never.
Nobody sees messages up to `cleared_id` (`conversation/message_store.py`). A job deletes them and sets it to 0 again.
`deleted` is 1 for a room that was deleted and of which a job has not deleted everything yet (`areas/removal`)."""

forgotten_accounts = sa.Table(
    "forgotten_accounts",
    metadata,
    sa.Column("user_id", sa.Text, primary_key=True),
    _int("room_id"),
    _int("message_id"),
)
"""Deleted accounts that are still named somewhere. A job has removed their names from the messages up to this one, in
the order of room and message id."""

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
"""What is left of adding and removing many members (`areas/rooms/member_model.py`). `people` is JSON."""

attendees = _room_table(
    "attendees",
    _text("actor_type"),
    _text("actor_id"),
    _text("display_name"),
    _int("type", 3),
    _int("permissions"),
    _int("favorite"),
    _int("notification_level"),
    _int("notification_calls", 1),
    _int("archived"),
    _int("important"),
    _int("sensitive"),
    _int("last_read"),
    _int("last_mention"),
    _int("last_mention_direct"),
    _int("read_privacy"),
    _text("access_token"),
    _text("invited_address"),
    _text("pin"),
    _text("phone_number"),
    _text("call_id"),
    _modified_at(),
    _int("in_call_since"),
    _text("tags"),
    _int("notified"),
)
"""Who belongs to a room: users, groups, guests, people invited by e-mail.
`in_call_since` is the last moment the attendee entered a call, 0 for never. `notified` is 1 when there may be
notifications of messages here that he has not seen."""

sessions = _room_table(
    "sessions",
    _int("attendee_id"),
    _text("session_id"),
    _text("browser"),
    _int("in_call"),
    _int("state", 1),
    _int("last_ping"),
    _int("created_at"),
    _text("address"),
    _text("login"),
    _text("network"),
)
"""One row for each join that is still alive. `browser` is the fingerprint of the HTTP session's cookie.
`address` and `network` are kept of visitors only: a ban of an address puts out who is there, and those of a network are
counted. `login` is the secret of the credential that a user opened it with (`areas/login/model.py`): the session ends
with it."""

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
"""Everything said. `system` is the identifier of a system message, else empty; `countable` is 1 for what
counts as unread; `parameters` and `reactions` are JSON objects or empty; `expires_at` 0 means never.
`shared_as` is where a shared thing is found again: poll, location and the like.
`plain` is what is searched: the message with names in place of its placeholders, without case and accents
(core/search.py). It is empty where that is the message itself, in ASCII and without placeholders."""

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
"""What people think of messages. `entry_id` is the system message that tells of it."""

signaling_messages = _room_table(
    "signaling_messages",
    _text("recipient"),
    _text("message"),
    _int("created_at"),
)
"""Messages between sessions of a call, until their recipient fetches them."""

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
"""Who may not come back. `actor_type` ip holds an address or network; `browsers` is a JSON list of the
fingerprints of the devices that a banned guest had here."""

invited_browsers = _room_table(
    "invited_browsers",
    _int("attendee_id"),
    _text("browser"),
)
"""Browsers that have shown the personal token of somebody invited by e-mail."""

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
"""Questions to a room, gone with the message that shows them; drafts have none. `options` is a JSON list of texts."""

poll_votes = _room_table(
    "poll_votes",
    _int("poll_id"),
    _text("actor_type"),
    _text("actor_id"),
    _text("actor_name"),
    _text("options"),
)
"""One row for everybody who has voted; `options` is a JSON list of numbers."""

guest_mentions = sa.Table(
    "guest_mentions",
    metadata,
    sa.Column("network", sa.Text, primary_key=True),
    _int("messages"),
    _int("since"),
)
"""In how many messages the guests of a network have mentioned somebody since the first of a day."""

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
"""Mail that is still to be sent."""

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
"""What users are told. `message_id` is 0 for calls and invitations; `details` is the emoji of a reaction or the
group that was named. Of a message, and of a room, everybody is told once; more than once only of reactions, whose
`occasion` says which."""

reminders = _room_table(
    "reminders",
    _int("attendee_id"),
    _int("message_id"),
    _int("remind_at"),
    _int("set_at"),
)
"""Of which messages attendees want to be reminded, and when; gone once that moment has come."""
