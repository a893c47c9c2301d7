"""What one process has answered about accounts holds at the others: passwords, roles, names, settings."""

from support.company import at, soon
from support.people import Person
from support.running import Server

ME = "/ocs/v2.php/cloud/user"
CONFIG = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/"


def test_an_old_password_is_refused_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice")
    there = at(second, alice)
    assert there.status("GET", ME) == 200
    first.admin_request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}", key="password", value="another long password")
    soon(lambda: there.status("POST", "v4/room", roomType=2, roomName="x") == 401)
    assert there.status("GET", ME) == 401
    assert Person(second.client(alice.id, "another long password"), alice.id).status("GET", ME) == 200


def test_a_password_that_was_wrong_before_is_accepted_once_it_is_right(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice")
    early = Person(second.client(alice.id, "another long password"), alice.id)
    assert early.status("GET", ME) == 401
    first.admin_request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}", key="password", value="another long password")
    soon(lambda: early.status("GET", ME) == 200)


def test_a_disabled_account_is_logged_out_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice")
    there = at(second, alice)
    assert there.status("GET", ME) == 200
    first.admin_request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}/disable")
    soon(lambda: there.status("GET", ME) == 401)


def test_a_deleted_app_password_is_refused_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice")
    password = alice.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    app = Person(second.client(alice.id, password), alice.id)
    assert app.status("GET", ME) == 200
    Person(first.client(alice.id, password), alice.id).delete("/ocs/v2.php/core/apppassword")
    soon(lambda: app.status("GET", ME) == 401)


def test_a_setting_applies_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice")
    there = at(second, alice)
    before = there.request("GET", "v4/room").headers["X-Nextcloud-Talk-Hash"]
    first.admin.post(CONFIG + "start_conversations", json={"value": '["nobody"]'}).raise_for_status()
    soon(lambda: there.status("POST", "v4/room", roomType=2, roomName="x") == 403)
    assert there.request("GET", "v4/room").headers["X-Nextcloud-Talk-Hash"] != before
    first.admin.delete(CONFIG + "start_conversations").raise_for_status()
    soon(lambda: there.status("POST", "v4/room", roomType=2, roomName="x") == 201)


def test_a_new_name_is_shown_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice")
    there = at(second, alice)
    token = alice.create_room()
    first_id = alice.say(token, "first")["id"]
    news = {"lookIntoFuture": 1, "timeout": 0, "setReadMarker": 0, "lastKnownMessageId": first_id - 1}
    assert there.get(f"v1/chat/{token}", **news)[0]["actorDisplayName"] == "Alice"
    first.admin_request("PUT", f"/ocs/v2.php/cloud/users/{alice.id}", key="displayname", value="Alicia")
    soon(lambda: there.get(f"v1/chat/{token}", **news)[0]["actorDisplayName"] == "Alicia")
    assert there.say(token, "second")["actorDisplayName"] == "Alicia"


def test_a_user_who_leaves_a_group_leaves_its_rooms_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice, bob = first.add_user("alice"), first.add_user("bob")
    group = first.add_group(bob)
    token = alice.create_room()
    alice.add(token, group, "groups")
    there = at(second, bob)
    assert there.room(token)["token"] == token
    first.admin.request(
        "DELETE", f"/ocs/v2.php/cloud/users/{bob.id}/groups", json={"groupid": group}
    ).raise_for_status()
    assert there.status("GET", f"v4/room/{token}") == 404, "the room is read from the database"


def test_an_administrator_who_is_none_any_more_is_refused_at_all_processes(pair: tuple[Server, Server]) -> None:
    first, second = pair
    alice = first.add_user("alice", groups=("admin",))
    there = at(second, alice)
    assert there.status("GET", "/ocs/v2.php/cloud/users") == 200
    path = f"/ocs/v2.php/cloud/users/{alice.id}/groups"
    first.admin.request("DELETE", path, json={"groupid": "admin"}).raise_for_status()
    soon(lambda: there.status("GET", "/ocs/v2.php/cloud/users") == 403)
