"""Names with slashes in paths, encoded or decoded by a proxy."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import data_of
from support.running import Server, unique
from talkd.web.paths import NamesInPaths, decoded, with_slashes

TEMPLATES = ("/avatar/{user}/{size}", "/avatar/{user}/{size}/dark", "/avatar/guest/{name}/{size}", "/room/{token}")
CLOUD = "/ocs/v2.php/cloud"

Quote = Callable[[str], str]


@pytest.fixture(params=["encoded", "decoded"])
def quoted(request: pytest.FixtureRequest) -> Quote:
    """How a name arrives: encoded by the client, or decoded by a proxy."""
    return lambda name: quote(name, safe="" if request.param == "encoded" else "/")


@pytest.mark.parametrize("name", ["AC/DC", "Anna / Ben", "/", "a//b", "64/dark", "Zoë/名前", "a%2Fb", "x/64"])
def test_guests_with_a_slash_in_their_name_have_a_picture(sqlite_server: Server, quoted: Quote, name: str) -> None:
    for theme in ("", "/dark"):
        answer = sqlite_server.visitor().http.get(f"/index.php/avatar/guest/{quoted(name)}/64{theme}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


def test_the_picture_depends_on_the_whole_name(sqlite_server: Server) -> None:
    visitor = sqlite_server.visitor().http
    pictures = [visitor.get(f"/avatar/guest/{name}/64").content for name in ("Ada%2FBob", "Ada/Bob", "Ada", "Bob")]
    assert pictures[0] == pictures[1]
    assert len(set(pictures)) == 3


def test_groups_may_have_a_slash_in_their_id(server: Server, quoted: Quote) -> None:
    name, alice, admin = unique("Sales / EU"), server.add_user("alice"), server.admin
    assert admin.post(f"{CLOUD}/groups", json={"groupid": name}).status_code == 200
    assert admin.post(f"{CLOUD}/users/{alice.id}/groups", json={"groupid": name}).status_code == 200
    path = f"{CLOUD}/groups/{quoted(name)}"
    assert data_of(admin.get(path)) == data_of(admin.get(f"{path}/users")) == {"users": [alice.id]}
    assert list(data_of(admin.get(f"{path}/users/details"))["users"]) == [alice.id]
    assert admin.put(path, json={"key": "displayname", "value": "Sales"}).status_code == 200
    token = alice.create_room()
    alice.add(token, name, "groups")
    said = alice.say(token, f'@"group/{name}"')["messageParameters"]["mention-group1"]
    assert (said["id"], said["mention-id"]) == (name, f"group/{name}")
    assert admin.delete(path).status_code == 200


def test_an_impossible_user_id_is_an_unknown_user(server: Server, quoted: Quote) -> None:
    answer = server.admin.get(f"{CLOUD}/users/{quoted('AC/DC')}")
    assert answer.json()["ocs"]["meta"]["message"] == "User does not exist"


def test_an_encoded_slash_in_another_parameter_is_not_a_separator(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    assert alice.http.get(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}%2Fparticipants").status_code == 404
    assert alice.http.get(f"/ocs/v2.php/apps/spreed/api/v4/room%2F{token}").status_code == 404


@given(st.text(min_size=1).filter(lambda name: "\ufdd0" not in name and "\x00" not in name))
def test_every_name_is_read_from_the_path(name: str) -> None:
    names = NamesInPaths(TEMPLATES)
    raw = f"/avatar/guest/{quote(name, safe='', errors='replace')}/64"
    path = decoded(raw, raw.encode())
    if "/" in name:
        assert names.protect(path) == path
        assert with_slashes({"name": path.split("/")[3]}) == {"name": name.encode("utf-8", "replace").decode()}
    assert with_slashes({"path": names.protect(f"/avatar/guest/{name}/64")})["path"] == f"/avatar/guest/{name}/64"
    assert names.protect(f"/avatar/guest/{name}/64").count("/") == 4


@pytest.mark.parametrize("path", ["/room/a/b", "/avatar/x", "/avatar/ada/64", "/avatar/guest/ada/64", "/status.php"])
def test_other_paths_stay_unchanged(path: str) -> None:
    assert NamesInPaths(TEMPLATES).protect(path) == path
