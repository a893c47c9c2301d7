"""Operations accept the id of an account in any case."""

from typing import Any

import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import ADMIN, ADMIN_PASSWORD, Server

USERS = "/ocs/v2.php/cloud/users"


@pytest.fixture
def admin(server: Server) -> Person:
    return Person(server.client(ADMIN, ADMIN_PASSWORD), ADMIN)


def people(person: Person, token: str) -> set[str]:
    return {each["actorId"] for each in person.get(f"v4/room/{token}/participants")}


def test_an_account_that_logs_in_in_another_case_has_its_own_id(server: Server, bob: Person) -> None:
    shouted = Person(server.client(bob.id.upper()), bob.id)
    assert shouted.get("/ocs/v2.php/cloud/user")["id"] == bob.id
    assert shouted.get(f"{USERS}/{bob.id.title()}")["id"] == bob.id
    assert shouted.request("PUT", f"{USERS}/{bob.id.upper()}", key="displayname", value="Bobby").status_code == 200
    assert bob.get("/ocs/v2.php/cloud/user")["displayname"] == "Bobby"
    assert shouted.status("GET", f"/avatar/{bob.id.upper()}/64") == 200


def test_invitations_in_several_cases_add_one_attendee(alice: Person, bob: Person, server: Server) -> None:
    token = alice.create_room()
    alice.post(f"v4/room/{token}/participants", newParticipant=bob.id.upper())
    alice.post(f"v4/room/{token}/participants", newParticipant=bob.id)
    assert people(alice, token) == {alice.id, bob.id}
    other = alice.post("v4/room", roomType=2, roomName="r", participants={"users": [bob.id.upper(), bob.id]})
    assert people(alice, other["token"]) == {alice.id, bob.id}
    assert "invalidParticipants" not in other
    group = server.add_group(bob)
    assert people(alice, alice.post("v4/room", roomType=2, invite=group)["token"]) >= {bob.id}


def test_a_one_to_one_is_the_same_in_any_case(alice: Person, bob: Person) -> None:
    first = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id.upper())
    assert first["name"] == bob.id
    assert alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"] == first["token"]
    assert alice.status("POST", "v4/room", roomType=ONE_TO_ONE, invite=alice.id.upper()) == 403


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_older_apps_promote_and_remove_in_any_case(alice: Person, bob: Person, token: str, version: str) -> None:
    alice.post(f"{version}/room/{token}/moderators", participant=bob.id.upper())
    assert bob.room(token)["participantType"] == 2
    alice.delete(f"{version}/room/{token}/moderators", participant=bob.id.title())
    assert bob.room(token)["participantType"] == 3
    alice.delete(f"{version}/room/{token}/participants", participant=bob.id.upper())
    assert people(alice, token) == {alice.id}


def test_a_ban_holds_in_any_case(alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    ban = alice.post(f"v1/ban/{token}", actorType="users", actorId=bob.id.upper())
    assert (ban["bannedActorId"], ban["bannedDisplayName"]) == (bob.id, "Bob")
    assert people(alice, token) == {alice.id}
    assert bob.status("POST", f"v4/room/{token}/participants/active") == 403
    assert alice.post(f"v1/ban/{token}", actorType="users", actorId=bob.id)["id"] == ban["id"]
    assert alice.refused("POST", f"v1/ban/{token}", actorType="users", actorId=alice.id.upper()) == (400, "self")


def test_a_ban_holds_for_an_account_that_is_created_later(server: Server, alice: Person, admin: Person) -> None:
    token = alice.create_room(PUBLIC)
    later = f"later-{token}"
    first = alice.post(f"v1/ban/{token}", actorType="users", actorId=later.upper())
    again = alice.post(f"v1/ban/{token}", actorType="users", actorId=later)
    assert first["id"] == again["id"]
    admin.post(USERS, userid=later, password="secret-pass-42")
    made = Person(server.client(later, "secret-pass-42"), later)
    assert made.status("POST", f"v4/room/{token}/participants/active") == 403
    assert alice.refused("POST", f"v4/room/{token}/participants", newParticipant=later)[0] == 400
    group = f"group-{token}"
    admin.post("/ocs/v2.php/cloud/groups", groupid=group)
    admin.post(f"{USERS}/{later.title()}/groups", groupid=group)
    alice.post(f"v4/room/{token}/participants", newParticipant=group, source="groups")
    assert later not in people(alice, token)
    admin.delete(f"{USERS}/{later.upper()}")
    server.run_job("delete_rooms", "forget_accounts")
    admin.post(USERS, userid=later, password="secret-pass-42")
    assert made.status("POST", f"v4/room/{token}/participants/active") == 200  # the account with the other id


def test_administrators_name_accounts_in_any_case(server: Server, bob: Person, admin: Person) -> None:
    shouted = f"{USERS}/{bob.id.upper()}"
    group = server.add_group()
    admin.post(f"{shouted}/groups", groupid=group)
    assert admin.get(f"{shouted}/groups") == {"groups": [group]}
    assert admin.get(f"/ocs/v2.php/cloud/groups/{group}") == {"users": [bob.id]}
    admin.request("DELETE", f"{shouted}/groups", groupid=group)
    assert admin.get(f"{USERS}/{bob.id}/groups") == {"groups": []}
    admin.put(f"{shouted}/disable")
    assert bob.status("GET", "/ocs/v2.php/cloud/user") == 401
    admin.put(f"{shouted}/enable")
    admin.put(shouted, key="password", value="another-pass-42")
    assert Person(server.client(bob.id, "another-pass-42"), bob.id).status("GET", "/ocs/v2.php/cloud/user") == 200
    own = f"{USERS}/{admin.id.upper()}"
    assert admin.status("PUT", f"{own}/disable") >= 400
    assert admin.status("DELETE", own) >= 400


def test_an_app_password_cannot_change_the_password_in_any_case(server: Server, bob: Person) -> None:
    app_password = bob.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    app = Person(server.client(bob.id.upper(), app_password), bob.id)
    assert app.status("PUT", f"{USERS}/{bob.id.upper()}", key="password", value="stolen-pass-42") == 403


def test_a_search_by_person_ignores_case(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "from alice")
    bob.say(token, "from bob")
    found: dict[str, Any] = alice.get(
        "/ocs/v2.php/search/providers/talk-message/search", term="from", person=bob.id.upper(), conversation=token
    )
    assert [each["subline"] for each in found["entries"]] == ["from bob"]
