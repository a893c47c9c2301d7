"""Requests with too many entries are refused before anything has changed."""

import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from support.people import PUBLIC, Person
from support.running import Server
from talkd.app import ROUTES
from talkd.areas.invitations import model
from talkd.config import Config
from talkd.core.errors import Invalid
from talkd.storage.database import Tx
from talkd.storage.schema import metadata
from talkd.storage.statements import Statement
from talkd.web.params import Scalar, Upload
from talkd.web.routing import Kind, Route

MOST = 3
VOLATILE = {"meta", "web_sessions", "throttle", "sessions"}
"""Tables that change with time, or with any request."""
FEW: dict[Any, Callable[[int], Any]] = {
    list: lambda number: [str(each) for each in range(number)],
    dict: lambda number: {"emails": [f"guest{each}@example.org" for each in range(number - 1)], "users": ["nobody"]},
}


@pytest.fixture(params=["sqlite", "postgres"])
def small_server(request: pytest.FixtureRequest, databases: Any, new_server: Callable[[Config], Server]) -> Server:
    """A new server with a low limit of entries."""
    config: Config = databases.config(request.param)
    config.sizes.list_entries = config.sizes.imported_rows = config.sizes.divided = MOST
    return new_server(config)


def holding_many() -> Iterator[tuple[Route, str, Any]]:
    """Yield every parameter that is a list or map, with its route and `list` or `dict`."""
    for route in ROUTES:
        hints = typing.get_type_hints(route.params)
        for field in msgspec.structs.fields(route.params):
            kinds = typing.get_args(hints[field.name]) if isinstance(hints[field.name], types.UnionType) else ()
            for kind in kinds or (hints[field.name],):
                if typing.get_origin(kind) in FEW:
                    yield route, field.encode_name, typing.get_origin(kind)


def rows(server: Server) -> dict[str, list[Any]]:
    """Return the content of the database, after the notifications of messages are created."""
    server.run_job("deliver_notifications")

    async def look(tx: Tx) -> dict[str, list[Any]]:
        return {
            table.name: sorted(map(tuple, await tx.all(Statement(sa.select(table)))), key=repr)
            for table in metadata.sorted_tables
            if table.name not in VOLATILE
        }

    return server.read(look)


def body_of(route: Route, token: str) -> dict[str, Any]:
    """Return a value for every required parameter."""
    values: dict[str, Any] = {"roomType": PUBLIC, "roomName": "Room", "password": "a long password", "token": token}
    for field in msgspec.structs.fields(route.params):
        if field.required and field.type is not Upload:
            values[field.encode_name] = "x" if field.type in (str, Scalar) else 1
    return values


def ask(person: Person, route: Route, token: str, **given: Any) -> Any:
    """Send a request to an operation. Return the answer."""
    values = {**body_of(route, token), **given}
    path = re.sub(r"\{(\w+)\}", lambda found: str(values.pop(found[1], 1)), route.path)
    url = ("/ocs/v2.php" if route.kind is Kind.OCS else "") + path
    if route.method == "GET":
        many = {f"{name}[]": value for name, value in values.items() if isinstance(value, list)}
        return person.http.get(url, params={**values, **many})
    return person.http.request(route.method, url, json=values)


def test_every_operation_refuses_too_many_entries_and_changes_nothing(small_server: Server) -> None:
    chief = small_server.add_user("chief", groups=("admin",))
    token = chief.create_room(PUBLIC)
    chief.join(token)
    walked = 0
    for route, name, kind in holding_many():
        chief.room(token)  # a setting that was changed makes the server check the password again, and note the login
        before = rows(small_server)
        refused = ask(chief, route, token, **{name: FEW[kind](MOST + 1)})
        assert refused.status_code == 413, (route.method, route.path, refused.text)
        assert f"The parameter {name} may have at most {MOST} entries" in refused.text, route.path
        assert rows(small_server) == before, (route.method, route.path)
        taken = ask(chief, route, token, **{name: FEW[kind](MOST)})
        assert taken.status_code < 500, (route.method, route.path, taken.text)
        assert f"at most {MOST} entries" not in taken.text, (route.method, route.path)
        walked += 1
    assert walked >= 8


def test_entries_of_lists_in_maps_count(small_server: Server) -> None:
    alice = small_server.add_user("alice")
    lists = {"users": ["a", "b"], "emails": ["a@example.org", "b@example.org"]}
    refused = alice.refused("POST", "v4/room", roomType=PUBLIC, roomName="Too many", participants=lists)
    assert refused == (413, "participants")
    form = {"roomType": "3", "roomName": "Too many"}
    form |= {f"participants[emails][{each}]": "a@example.org" for each in "abcd"}
    assert alice.http.post("/ocs/v2.php/apps/spreed/api/v4/room", data=form).status_code == 413
    assert "Too many" not in [room["displayName"] for room in alice.get("v4/room")]


def imported(person: Person, token: str, content: bytes) -> Any:
    files = {"file": ("list.csv", content)}
    return person.http.post(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}/import-emails", files=files)


def test_a_file_with_too_many_people_invites_nobody(small_server: Server) -> None:
    alice = small_server.add_user("alice")
    token = alice.create_room()
    addresses = [f"guest{number}@example.org" for number in range(MOST + 1)]
    before = rows(small_server)
    refused = imported(alice, token, "\n".join(["email", *addresses]).encode())
    assert refused.status_code == 400
    assert f"a list may have {MOST} people at most" in refused.json()["ocs"]["data"]["message"]
    assert rows(small_server) == before
    assert imported(alice, token, "\n".join(["email", *addresses[:MOST]]).encode()).status_code == 200


@pytest.mark.parametrize("content", [b"\n" * 100, b"," * 5000, b'"\n",' * 30])
def test_a_file_is_not_read_beyond_the_maximum_of_lines(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        model.parse(b"email\n" + content, most=MOST)
    assert refused.value.reason == "file"
    assert "at most" in refused.value.data["message"]


def test_only_small_conversations_can_have_breakout_rooms(small_server: Server) -> None:
    alice = small_server.add_user("alice")
    token = alice.create_room()
    people = [small_server.add_user("member") for _ in range(MOST - 1)]
    for person in people:
        alice.add(token, person)
    path = f"v1/breakout-rooms/{token}"
    seats = msgspec.json.encode(dict.fromkeys(range(MOST + 1), 0)).decode()
    assert alice.refused("POST", path, mode=2, amount=1, attendeeMap=seats) == (413, "attendeeMap")
    alice.add(token, small_server.add_user("one-more"))
    assert alice.refused("POST", path, mode=1, amount=1) == (413, "room")
    numbers = alice.participants(token)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=numbers[people[0].id]["attendeeId"])
    assert alice.status("POST", path, mode=1, amount=1) == 200
    assert alice.refused("POST", f"{path}/attendees", attendeeMap=seats) == (413, "attendeeMap")
