"""Statements keep to one room, so that a database distributed by room answers them from one machine.

docs/adr/0021-sharding.md says where the tables are. A statement about rooms names one, or a list of them, by `room_id`.
Those that do not are listed in `ACROSS` with the reason.
"""

import re

import pytest
import sqlalchemy as sa

from support.sharding import KEYS, PLACES, Reading, Rooms
from support.statements import STATEMENTS
from talkd.areas.rooms.admin_store import ORDERS
from talkd.storage.schema import attendees, messages, rooms, sessions, users
from talkd.storage.statements import bind, insert, one_of

ACCOUNT = "what an account or group has in all its rooms"
ACTOR = "an account is renamed or deleted in all its rooms"
ADMINISTRATION = "administrators and commands look at all rooms, aside of other requests"
DEVICE = "a device or browser is known by its secret, before its room is"
FILE = "a file in all rooms where it is shared"
JOB = "a job looks for rooms with something to do"
NUMBERED = "clients know a share or notification by its number, which does not name the room"
OBJECT = "rooms are found by what they are about, before their ids are known"
SEARCH = "a search in all rooms of an account, by an index without rooms"
NEW = "a new room gets its id in the statement"

REASONS = {
    ACCOUNT: (
        *("areas.attachments.store._RECEIVED", "areas.attachments.store._ROOMS_OF", "areas.breakout.store._OF_ACTOR"),
        *(f"areas.notifications.store._{name}" for name in ("DELETE_ALL", "DELETE_OUTDATED", "DELETE_SURPLUS")),
        "areas.notifications.store._NEWEST",
        "areas.notifications.outbox_store._ROOMS_OF",
        "areas.older.member_store._OF_USER",
        "areas.overviews.store._OF_USER",
        *(f"areas.reminders.store._{name}" for name in ("COUNT_SET", "UPCOMING")),
        "areas.rooms.store._LISTED",
        "areas.search.store._MEMBERSHIPS",
        "areas.settings.store._READ_PRIVACY_IN_ROOMS",
        *("areas.users.group_store._LOCK_ROOMS", "areas.users.store._LOCK_ROOMS"),
        *(f"conversation.attendee_store._{name}" for name in ("OF_GROUP", "OF_USER", "ONLINE")),
        "conversation.modified_store._OF_USER",
        "conversation.room_store._PAIRS_OF",
        *(f"conversation.session_store._{name}" for name in ("LOGGED_OUT", "OF_USER", "USERS_OUTSIDE")),
        *(f"conversation.session_store._OPENED_{name}" for name in ("BY_USER", "IN_BROWSER")),
    ),
    ACTOR: (
        *(f"areas.removal.account_store._DETACH[{number}]" for number in range(4)),
        *(f"conversation.actor_store._{name}" for name in ("ACTORS", "LAST_EXAMINED", "NAMING")),
        "conversation.attendee_store._RENAME",
        *(f"conversation.ban_store._FORGET_{name}" for name in ("BANNED", "MODERATOR")),
        *(f"conversation.ban_store._RENAME_{name}" for name in ("BANNED", "MODERATOR")),
        "conversation.modified_store._NAMING",
    ),
    ADMINISTRATION: (
        "areas.avatars.picture_store._REMOVE_ALL_OF_ROOMS",
        "areas.calls.store._ACTIVE",
        *(f"areas.files.examination_store._{name}" for name in ("EMPTY_PICTURES", "PICTURES_OF", "PICTURE_NUMBER")),
        *(f"areas.files.examination_store._{name}" for name in ("SET_COUNTS", "WRONG_COUNTS", "IN_DATABASE[1]")),
        *(f"areas.operations.store._{name}" for name in ("CALLS", "SESSIONS")),
        *(f"areas.rooms.admin_store._BY_ORDER[{order}]" for order in ORDERS),
    ),
    DEVICE: (
        "areas.signaling.store._POLL_OF",
        "areas.invitations.store._MOVE",
        "conversation.attendee_store._GUESTS_WITH",
        *(f"conversation.session_store._{name}" for name in ("BY_SESSION_ID", "MOVE", "OF_NETWORK", "OPENED_BY_GUEST")),
        "conversation.session_store._PING",
    ),
    FILE: tuple(
        f"areas.attachments.store._{name}"
        for name in ("IS_SHARED", "OF_ENTRIES", "OF_ENTRY", "OF_USER", "ROOMS_OF_ENTRY")
    ),
    JOB: (
        *(f"areas.attachments.store._{name}" for name in ("PAGE", "VALID_IDS")),
        "areas.avatars.picture_store._OF[room][4]",
        "areas.calls.store._BEGUN_BEFORE",
        "areas.lobby.store._DUE",
        "areas.notifications.outbox_store._ROOMS",
        "areas.recording.store._WITHOUT_CALL",
        *(f"areas.reminders.store._{name}" for name in ("DUE", "IS_ANY_DUE", "ROOMS_DUE")),
        "areas.removal.room_store._UNFINISHED",
        *(f"areas.rooms.member_store._{name}" for name in ("REMOVING", "RESTING")),
        "areas.settings.store._LATEST",
        "areas.signaling.store._DELETE_OLD",
        "conversation.message_store._WITH_EXPIRED",
        "conversation.session_store._TIMED_OUT",
        "storage.numbering._LAST_ACTIVITY",
    ),
    NEW: ("conversation.room_store._ADD",),
    NUMBERED: (
        "areas.attachments.store._BY_ID",
        *(f"areas.notifications.store._{name}" for name in ("DELETE", "EXISTING", "ONE")),
    ),
    OBJECT: ("areas.breakout.store._ROOMS", *(f"conversation.room_store._BY_{name}" for name in ("OBJECT", "PAIR"))),
    SEARCH: ("areas.search.store._SEARCH_INDEX_FIRST",),
}
ACROSS = {name: reason for reason, names in REASONS.items() for name in names}
"""Statements that look at all rooms."""

BY_TOKEN = {
    "areas.users.suggestion_store._ROOM",
    *(f"conversation.attendee_store._{name}" for name in ("GUEST", "GUEST_LOCKED", "USER", "USER_LOCKED")),
    "conversation.room_store.LOCK_FREE_TOKENS",
    *(f"conversation.room_store._{name}" for name in ("IS_TAKEN", "ROOM_BY_TOKEN", "ROOM_BY_TOKEN_LOCKED")),
}
"""Statements that name one room by its token, or several by theirs, as requests do."""

LOCKING = {
    "areas.users.group_store._LOCK_ROOMS",
    "areas.users.store._LOCK_ROOMS",
    "conversation.room_store._LOCK_ROOMS",
}
"""Statements that lock several rooms."""

JOINS_ONE = {
    "areas.avatars.picture_store._OF[room][0]": "the contents of a room's picture",
    "conversation.session_store._LOGGED_OUT": "logins, once after each logout",
}
"""Statements about rooms, apart from those of administrators, that also read tables on one machine."""

APART = {"conversation.modified_store._NAMING": "one of several conditions is enough; each compares the rooms"}
"""Statements in which rows of tables of rooms meet although not every condition compares their rooms."""

SQLITE_ALONE = "storage.sqlite"
"""How the names of statements begin that PostgreSQL never gets."""
TEXTS = {name: text for name, each in STATEMENTS.items() if isinstance(text := each._clause, sa.TextClause)}
READINGS = {name: Reading(each._clause) for name, each in STATEMENTS.items() if name not in TEXTS}


def with_rooms(*kinds: Rooms) -> set[str]:
    """The names of the statements that concern so many rooms."""
    return {name for name, reading in READINGS.items() if reading.rooms in kinds}


def test_rows_of_two_tables_meet_only_within_a_room() -> None:
    assert with_rooms(Rooms.APART) == set(APART)


def test_statements_name_their_room_or_say_why_they_cannot() -> None:
    across = {name for name in with_rooms(Rooms.ALL, Rooms.APART) if not name.startswith(SQLITE_ALONE)}
    assert not across - ACROSS.keys(), "these statements look at all rooms: add `room_id`, or the reason to `ACROSS`"
    assert {name for name in ACROSS if name not in TEXTS} == across, "these statements name a room now, or do not exist"


def test_statements_in_plain_text_read_no_tables_of_rooms_unseen() -> None:
    naming = {name for name, text in TEXTS.items() if set(re.findall(r"\w+", str(text))) & KEYS.keys()}
    assert {name for name in naming if not name.startswith(SQLITE_ALONE)} <= ACROSS.keys()


def test_only_requests_name_a_room_by_its_token() -> None:
    assert with_rooms(Rooms.TOKEN) == BY_TOKEN


def test_a_statement_locks_rows_of_one_room() -> None:
    locking = {name for name, reading in READINGS.items() if reading.locks and reading.tables}
    assert locking & with_rooms(Rooms.ALL, Rooms.SEVERAL, Rooms.APART) == LOCKING


def test_no_statement_moves_a_row_to_another_room() -> None:
    assert not {name for name, reading in READINGS.items() if reading.moves_rows}


def test_statements_about_a_room_join_tables_that_are_everywhere() -> None:
    single = [table for table, place in PLACES.items() if place == "one"]
    reads = re.compile(rf"\b(?:FROM|JOIN|USING|,)\s+({'|'.join(single)})\b(?!\.)")
    found = {
        name
        for name, reading in READINGS.items()
        if reading.tables and reads.search(STATEMENTS[name].compile_postgres()[0])
    }
    assert found - {name for name, reason in ACROSS.items() if reason in (ADMINISTRATION, JOB)} == set(JOINS_ONE)


# --- the reading itself -----------------------------------------------------------------------
_in_room = messages.c.room_id == bind("room_id")
_same_room = attendees.c.room_id == messages.c.room_id
_other = messages.alias("other")


@pytest.mark.parametrize(
    ("clause", "rooms_"),
    [
        (sa.select(users.c.id), Rooms.NONE),
        (sa.select(messages.c.id).where(_in_room), Rooms.ONE),
        (sa.select(messages.c.id), Rooms.ALL),
        (sa.select(messages.c.id).where(sa.or_(_in_room, messages.c.id == 1)), Rooms.ALL),
        (sa.select(messages.c.id).where(messages.c.room_id > bind("room_id")), Rooms.ALL),
        (sa.select(messages.c.id).where(one_of(messages.c.room_id, "room_ids")), Rooms.SEVERAL),
        (sa.select(messages.c.id).join(attendees, _same_room).where(_in_room), Rooms.ONE),
        (sa.select(messages.c.id).join(attendees, attendees.c.id == messages.c.id).where(_in_room), Rooms.APART),
        (sa.select(messages.c.id).join(_other, _other.c.id == messages.c.parent_id).where(_in_room), Rooms.APART),
        (sa.select(messages.c.id).join(rooms, rooms.c.id == messages.c.room_id), Rooms.ALL),
        (
            sa.select(messages.c.id)
            .join(rooms, rooms.c.id == messages.c.room_id)
            .where(rooms.c.token == bind("token")),
            Rooms.TOKEN,
        ),
        (sa.select(messages.c.id).where(_in_room, sa.exists().where(_same_room)), Rooms.ONE),
        (sa.select(messages.c.id).where(_in_room, sa.exists().where(attendees.c.id == messages.c.id)), Rooms.APART),
        (sa.select(messages.c.id).where(sa.exists().where(_same_room, attendees.c.room_id == bind("r"))), Rooms.ONE),
        (sa.select(messages.c.id).where(sa.exists().where(_in_room, _same_room)), Rooms.ALL),
        (sa.select(sa.select(messages.c.room_id).where(_in_room).subquery().c.room_id), Rooms.ONE),
        (
            sa.select(attendees.c.id).where(
                attendees.c.room_id.in_(sa.select(sessions.c.room_id).where(sessions.c.room_id == bind("r")))
            ),
            Rooms.ONE,
        ),
        (sa.delete(messages).where(_in_room), Rooms.ONE),
        (sa.delete(messages).where(messages.c.room_id == rooms.c.id, rooms.c.id == bind("room_id")), Rooms.ONE),
        (sa.update(messages).where(messages.c.id == bind("id")).values(kind=""), Rooms.ALL),
        (sa.insert(messages).values(room_id=bind("room_id")), Rooms.ONE),
        (insert(messages).from_select(["room_id"], sa.select(attendees.c.room_id)), Rooms.ALL),
        (insert(messages).from_select(["id", "room_id"], sa.select(attendees.c.id, rooms.c.id)), Rooms.APART),
    ],
)  # fmt: skip
def test_a_statement_concerns_the_rooms_that_its_conditions_name(clause: sa.Executable, rooms_: Rooms) -> None:
    assert Reading(clause).rooms is rooms_


def test_a_row_that_gets_another_room_is_noticed() -> None:
    assert Reading(sa.update(messages).where(_in_room).values(room_id=bind("to"))).moves_rows
