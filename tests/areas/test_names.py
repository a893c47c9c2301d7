"""Every operation and command removes invisible characters and piled marks from names."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from support.people import PUBLIC, TALK, Person
from support.running import PASSWORD, Server, unique
from talkd.areas.login import store as logins
from talkd.cli.root import app

RAW = "\u202eAda\u0310\u0348\u030a" + "\u0301" * 40 + "\u200b\r\nL.\x1b\u3164 👩\u200d🚀\u2060"
CLEAN = "Ada\u0310\u0348\u030a" + "\u0301" * 5 + " L. 👩\u200d🚀"
UNSEEN = ("\u200b", "\u2060\u3164", "\u202e\u202c", " \u2028 ")
CLOUD = "/ocs/v2.php/cloud"

Write = Callable[[Server, Person, str], Any]
"""Sets a name. Returns it as others see it."""


def guest(server: Server, alice: Person, name: str, **params: str) -> Any:
    token, visitor = alice.create_room(PUBLIC), server.visitor()
    visitor.join(token)
    if params:
        visitor.say(token, "hello", **params)
    else:
        visitor.post(f"v1/guest/{token}/name", displayName=name)
    return next(each["displayName"] for each in alice.participants(token).values() if each["actorType"] == "guests")


def writing_guest(server: Server, alice: Person, name: str) -> Any:
    return guest(server, alice, name, actorDisplayName=name)


def new_room(_server: Server, alice: Person, name: str) -> Any:
    return alice.post("v4/room", roomType=PUBLIC, roomName=name)["displayName"]


def renamed_room(_server: Server, alice: Person, name: str) -> Any:
    token = alice.create_room()
    alice.put(f"v4/room/{token}", roomName=name)
    return alice.room(token)["name"]


def room_of_v1(_server: Server, alice: Person, name: str) -> Any:
    token = alice.create_room()
    alice.put(f"v1/room/{token}", roomName=name)
    return alice.room(token)["name"]


def room_by_command(server: Server, alice: Person, name: str) -> Any:
    token = alice.create_room()
    run(server, "talk:room:update", token, "--name", name)
    return alice.room(token)["name"]


def new_account(server: Server, _alice: Person, name: str) -> Any:
    user_id = unique("named")
    new = {"userid": user_id, "password": PASSWORD, "displayName": name}
    assert server.admin.post(f"{CLOUD}/users", json=new).status_code == 200
    return account_name(server, user_id)


def renamed_account(server: Server, alice: Person, name: str) -> Any:
    change = {"key": "displayname", "value": name}
    assert server.admin.put(f"{CLOUD}/users/{alice.id}", json=change).status_code == 200
    return account_name(server, alice.id)


def account_by_command(server: Server, _alice: Person, name: str) -> Any:
    user_id = unique("named")
    run(server, "user:add", user_id, "--generate-password", "--display-name", name)
    return account_name(server, user_id)


def account_by_setting(server: Server, alice: Person, name: str) -> Any:
    run(server, "user:setting", alice.id, "settings", "display_name", name)
    return account_name(server, alice.id)


def account_name(server: Server, user_id: str) -> Any:
    return server.admin.get(f"{CLOUD}/users/{user_id}").json()["ocs"]["data"]["displayname"]


def group(server: Server, alice: Person, name: str) -> Any:
    group_id = server.add_group(alice)
    change = {"key": "displayname", "value": name}
    assert server.admin.put(f"{CLOUD}/groups/{group_id}", json=change).status_code == 200
    token = alice.create_room()
    alice.add(token, group_id, "groups")
    return alice.participants(token)[group_id]["displayName"]


def invited(_server: Server, alice: Person, name: str) -> Any:
    token = alice.create_room(PUBLIC)
    cell = name.replace('"', '""')
    sheet = f'name,email\r\n"{cell}",vera@example.org\r\n'.encode()
    answer = alice.http.post(f"{TALK}v4/room/{token}/import-emails", files={"file": ("list.csv", sheet)})
    assert answer.status_code == 200, answer.text
    return next(each["displayName"] for each in alice.participants(token).values() if each["actorType"] == "emails")


def option(_server: Server, alice: Person, name: str) -> Any:
    token = alice.create_room()
    return alice.post(f"v1/poll/{token}", question="?", options=[name, "b"], resultMode=0, maxVotes=1)["options"][0]


def run(server: Server, *words: str) -> None:
    where = ["--database", server.config.database.url] if server.config.database.url else ["--data", server.config.data]
    result = CliRunner().invoke(app, ["occ", *words, *where])
    assert result.exit_code == 0, (result.output, result.exception)


EVERYWHERE = (
    guest,
    writing_guest,
    new_room,
    renamed_room,
    room_of_v1,
    room_by_command,
    new_account,
    renamed_account,
    account_by_command,
    account_by_setting,
    group,
    invited,
    option,
)


@pytest.mark.parametrize("write", EVERYWHERE, ids=lambda write: write.__name__)
def test_names_are_cleaned(server: Server, alice: Person, write: Write) -> None:
    assert write(server, alice, RAW) == CLEAN


@pytest.mark.parametrize("name", UNSEEN)
def test_an_invisible_name_counts_as_empty(server: Server, alice: Person, name: str) -> None:
    assert guest(server, alice, name) == ""
    assert renamed_account(server, alice, name) == alice.id
    assert alice.refused("POST", "v4/room", roomType=PUBLIC, roomName=name) == (400, "name")
    assert alice.refused("PUT", f"v4/room/{alice.create_room()}", roomName=name) == (400, "value")
    answer = server.admin.post(f"{CLOUD}/groups", json={"groupid": name})
    assert answer.json()["ocs"]["meta"]["statuscode"] == 101


def test_the_name_of_a_device_is_cleaned(server: Server, alice: Person) -> None:
    agent = "\u202eAda\u200b's\u3164 phone\u2060".encode()
    client = server.client(alice.id)
    assert client.get("/ocs/v2.php/core/getapppassword", headers=[(b"User-Agent", agent)]).status_code == 200
    (made,) = server.read(lambda tx: logins.list_app_passwords(tx, alice.id))
    assert made.name == "Ada's phone"


def test_descriptions_and_notes_keep_their_lines(server: Server, alice: Person, bob: Person) -> None:
    token, text = alice.create_room(), "One\u200b\r\n\n  two\u202e\n"
    alice.put(f"v4/room/{token}/description", description=text)
    assert alice.room(token)["description"] == "One\n\n  two"
    noted = alice.post(f"v1/ban/{token}", actorType="users", actorId=bob.id, internalNote=text)
    assert noted["internalNote"] == "One\n\n  two"
    poll = alice.post(f"v1/poll/{token}", question=text, options=["a", "b"], resultMode=0, maxVotes=1)
    assert poll["question"] == "One\n\n  two"
