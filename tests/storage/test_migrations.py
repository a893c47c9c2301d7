"""Databases of every revision can be upgraded with their data."""

import hashlib
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from support.migrations import Old, alembic
from talkd.storage.migrate import REVISIONS
from talkd.storage.schema import metadata


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, databases: Any) -> Old:
    return Old(databases.config(request.param, empty=True))


def test_migrations_form_a_chain_in_the_order_of_their_numbers() -> None:
    script = ScriptDirectory.from_config(alembic())
    chain = tuple(reversed([each.revision for each in script.walk_revisions()]))
    assert chain == REVISIONS, (
        "in src/talkd/storage/migrations/versions/, `revision` must be the number with which the file's name begins, "
        "and `down_revision` the number before it"
    )


SEARCH_INDEX = "messages_search"
"""The tables of SQLite's search index, which are not in `schema.py`."""


def test_the_migrations_create_the_tables_of_the_schema(old: Old) -> None:
    old.bring_up_to_date()

    def look(connection: sa.Connection) -> dict[str, set[str]]:
        found = sa.inspect(connection)
        tables = [name for name in found.get_table_names() if not name.startswith(SEARCH_INDEX)]
        return {name: {each["name"] for each in found.get_columns(name)} for name in tables}

    made = old.on(look)
    del made["alembic_version"]
    described = {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}
    for table in sorted(made.keys() | described.keys()):
        columns, known = made.get(table, set()), described.get(table, set())
        assert columns == known, (
            f"table {table}: only the migrations have {sorted(columns - known)}, "
            f"only src/talkd/storage/schema.py has {sorted(known - columns)}"
        )


def test_existing_polls_become_shared_items(old: Old) -> None:
    old.bring_to("0001")
    old.run("INSERT INTO rooms (id, token) VALUES (7, 'abcd2345')")
    for number, kind in ((1, "object_shared"), (2, "comment_deleted"), (3, "comment")):
        old.run("INSERT INTO messages (room_id, id, kind) VALUES (7, :number, :kind)", number=number, kind=kind)
    for number, shown in ((41, 1), (42, 2), (43, None)):
        old.run("INSERT INTO polls (room_id, id, message_id) VALUES (7, :number, :shown)", number=number, shown=shown)
    old.bring_up_to_date()
    assert old.run("SELECT id, object_type, object_id, shared_as FROM messages ORDER BY id") == [
        (1, "talk-poll", "41", "poll"),
        (2, "", "", ""),
        (3, "", "", ""),
    ]


def test_existing_messages_create_no_notifications(old: Old) -> None:
    old.bring_to("0003")
    old.run("INSERT INTO rooms (id, token, last_message_id) VALUES (7, 'abcd2345', 41)")
    old.bring_up_to_date()
    assert old.run("SELECT last_message_id, notified_id FROM rooms") == [(41, 41)]


def test_ids_and_names_of_deleted_accounts_are_removed(old: Old) -> None:
    old.bring_to("0005")
    old.run("INSERT INTO users (id) VALUES ('ada')")
    old.run("INSERT INTO rooms (id, token) VALUES (7, 'abcd2345')")
    old.run("INSERT INTO messages (room_id, id) VALUES (7, 1)")
    for number, kind, actor in ((1, "users", "ada"), (2, "deleted_users", "2")):
        old.run(
            "INSERT INTO reactions (room_id, id, message_id, actor_type, actor_id, actor_name)"
            " VALUES (7, :number, 1, :kind, :actor, 'Name')",
            number=number,
            kind=kind,
            actor=actor,
        )
    for moderator in ("ada", "ben"):
        old.run(
            "INSERT INTO bans (room_id, actor_type, actor_id, moderator_type, moderator_id, moderator_name)"
            " VALUES (7, 'users', :banned, 'users', :moderator, 'Name')",
            banned=f"banned by {moderator}",
            moderator=moderator,
        )
    old.bring_up_to_date()
    assert old.run("SELECT actor_name FROM reactions ORDER BY id") == [("Name",), ("",)]
    assert old.run("SELECT moderator_type, moderator_id, moderator_name FROM bans ORDER BY actor_id") == [
        ("users", "ada", "Name"),
        ("deleted_users", "deleted_users", ""),
    ]


ADDRESS, VERA = "Vera@example.org", hashlib.sha256(b"vera@example.org").hexdigest()


@pytest.mark.parametrize(
    ("table", "kind", "actor_id", "name"),
    [
        ("attendees", "actor_type", "actor_id", "display_name"),
        ("messages", "actor_type", "actor_id", "actor_name"),
        ("messages", "edited_by_type", "edited_by_id", "edited_by_name"),
        ("polls", "actor_type", "actor_id", "actor_name"),
        ("bans", "moderator_type", "moderator_id", "moderator_name"),
    ],
)
def test_addresses_of_invited_guests_are_removed_from_names(
    old: Old, table: str, kind: str, actor_id: str, name: str
) -> None:
    old.bring_to("0006")
    old.run("INSERT INTO rooms (id, token) VALUES (7, 'abcd2345'), (8, 'abcd2346'), (9, 'abcd2347'), (10, 'abcd2348')")
    rows = [
        (7, "emails", VERA, ADDRESS),
        (8, "emails", VERA, "Vera"),
        (9, "emails", "0" * 64, ADDRESS),
        (10, "guests", VERA, ADDRESS),
    ]
    insert = f"INSERT INTO {table} (room_id, id, {kind}, {actor_id}, {name}) VALUES (:room, :room, :kind, :id, :name)"
    for room, kind_, id_, name_ in rows:
        old.run(insert, room=room, kind=kind_, id=id_, name=name_)
    old.bring_up_to_date()
    assert [row[0] for row in old.run(f"SELECT {name} FROM {table} ORDER BY id")] == ["", "Vera", ADDRESS, ADDRESS]


def test_addresses_of_invited_guests_are_removed_from_bans_and_messages(old: Old) -> None:
    old.bring_to("0006")
    old.run("INSERT INTO rooms (id, token) VALUES (7, 'abcd2345')")
    ban = "INSERT INTO bans (room_id, id, actor_type, actor_id, display_name) VALUES (7, 1, 'emails', :id, :name)"
    old.run(ban, id=VERA, name=ADDRESS)
    said = {"mention-email1": {"type": "emails", "id": VERA, "name": ADDRESS}, "actor": {"type": "users", "id": "ü"}}
    old.run(
        "INSERT INTO messages (room_id, id, message, plain, parameters, countable) "
        "VALUES (7, 9, 'hi {mention-email1}', :plain, :said, 1)",
        plain=f"hi @{ADDRESS}",
        said=msgspec.json.encode(said).decode(),
    )
    old.bring_up_to_date()
    assert old.run("SELECT display_name FROM bans") == [(VERA,)]
    del said["mention-email1"]["name"]
    assert old.run("SELECT plain, parameters FROM messages") == [("hi @", msgspec.json.encode(said).decode())]


def test_the_expiry_of_the_last_message_is_stored(old: Old) -> None:
    old.bring_to("0007")
    for room, last in ((7, 0), (8, 1), (9, 2), (10, 3)):
        old.run(
            "INSERT INTO rooms (id, token, last_message_id) VALUES (:room, :token, :last)",
            room=room,
            token=str(room),
            last=last,
        )
    for room, number, expires in ((8, 1, 0), (9, 2, 1000)):
        old.run(
            "INSERT INTO messages (room_id, id, expires_at) VALUES (:room, :number, :expires)",
            room=room,
            number=number,
            expires=expires,
        )
    for number, last in ((1, 0), (2, 5)):
        old.run(
            "INSERT INTO attendees (room_id, id, actor_id, last_read) VALUES (7, :number, :actor, :last)",
            number=number,
            actor=str(number),
            last=last,
        )
    old.bring_up_to_date()
    assert old.run("SELECT id, last_expires_at FROM rooms ORDER BY id") == [(7, 0), (8, 0), (9, 1000), (10, 1)]
    assert old.run("SELECT last_read FROM attendees ORDER BY id") == [(-2,), (5,)]


def test_plus_signs_are_removed_from_phone_numbers_of_accounts(old: Old) -> None:
    old.bring_to("0009")
    old.run("INSERT INTO users (id) VALUES ('ada')")
    old.run("INSERT INTO phone_numbers (number, user_id) VALUES ('+4930123456', 'ada')")
    old.bring_up_to_date()
    assert old.run("SELECT number FROM phone_numbers") == [("4930123456",)]


def test_the_sip_dialout_setting_gets_its_name_in_talk(old: Old) -> None:
    old.bring_to("0011")
    old.run("INSERT INTO app_config (app, key, value) VALUES ('spreed', 'sip_bridge_dialout', 'yes')")
    old.bring_up_to_date()
    assert old.run("SELECT key, value FROM app_config WHERE app = 'spreed'") == [("sip_dialout", "yes")]


def test_existing_names_are_cleaned(old: Old) -> None:
    old.bring_to("0016")
    raw, unseen = "\u202eAda\r\n\x1b[31mL.\u2028", "\u200b\u2060"
    for table in ("users", "user_groups"):
        for number, name in ((1, raw), (2, unseen), (3, "Ada")):
            old.run(f"INSERT INTO {table} (id, display_name) VALUES (:id, :name)", id=f"id{number}", name=name)
    for number, name in ((7, raw), (8, unseen), (9, "")):
        old.run("INSERT INTO rooms (id, token, name) VALUES (:id, :id_, :name)", id=number, id_=str(number), name=name)
    for number, (kind, name) in enumerate([("users", raw), ("users", unseen), ("guests", raw), ("guests", unseen)]):
        for table, column in (("attendees", "display_name"), ("messages", "actor_name")):
            old.run(
                f"INSERT INTO {table} (room_id, id, actor_type, actor_id, {column})"
                " VALUES (7, :id, :kind, :actor, :name)",
                id=number,
                kind=kind,
                actor=f"id{number}",
                name=name,
            )
    old.bring_up_to_date()
    clean = "Ada [31mL."
    for table in ("users", "user_groups"):
        assert old.run(f"SELECT display_name FROM {table} ORDER BY id") == [(clean,), ("id2",), ("Ada",)]
    assert old.run("SELECT name FROM rooms ORDER BY id") == [(clean,), ("---",), ("",)]
    for table, column in (("attendees", "display_name"), ("messages", "actor_name")):
        assert old.run(f"SELECT {column} FROM {table} ORDER BY id") == [(clean,), ("id1",), (clean,), ("",)]


def test_pictures_stay_in_the_database_until_the_server_moves_them(old: Old) -> None:
    old.bring_to("0024")
    old.run("INSERT INTO users (id) VALUES ('ada')")
    old.run("INSERT INTO rooms (id, token, avatar) VALUES (7, 'abcd2345', 'image')")
    old.run("INSERT INTO user_avatars (user_id, image) VALUES ('ada', :image)", image=b"of ada")
    old.run("INSERT INTO room_avatars (room_id, image) VALUES (7, :image)", image=b"of the room")
    old.bring_up_to_date()
    found = [old.run(f"SELECT image FROM {table}") for table in ("user_avatars", "room_avatars")]
    assert found == [[(b"of ada",)], [(b"of the room",)]]
    assert [old.run(f"SELECT * FROM {table}") for table in ("user_pictures", "room_pictures")] == [[], []]


def test_what_folders_have_and_what_is_stored_is_counted(old: Old) -> None:
    old.bring_to("0025")
    rows = [("root", 0, 0), ("folder", 1, 0), ("inner", 2, 0), ("file", 3, 7), ("other", 2, 8), ("gone", -6, 0)]
    for number, (name, parent_id, blob_id) in enumerate(rows, 1):
        old.run(
            "INSERT INTO entries (id, user_id, name, parent_id, blob_id) VALUES (:id, 'ada', :name, :parent_id, :blob)",
            id=number,
            name=name,
            parent_id=parent_id,
            blob=blob_id,
        )
    for number, size in ((7, 100), (8, 20)):
        old.run("INSERT INTO blobs (id, sha256, size) VALUES (:id, :hash, :size)", id=number, hash=str(size), size=size)
    old.run("INSERT INTO uploads (user_id, name, size) VALUES ('ada', 'x', 3)")
    old.bring_up_to_date()
    assert dict(map(tuple, old.run("SELECT name, inside FROM entries"))) == {
        "root": 4, "folder": 3, "inner": 1, "file": 0, "other": 0, "gone": 0,
    }  # fmt: skip
    assert old.run("SELECT id, used FROM storage_use") == [(1, 123)]
