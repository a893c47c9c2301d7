"""Accounts, groups and suggestions of people to invite, over HTTP."""

from typing import Any

import httpx
import pytest

from support.running import unique

USERS = "/ocs/v2.php/cloud/users"
GROUPS = "/ocs/v2.php/cloud/groups"
ME = "/ocs/v2.php/cloud/user"
AUTOCOMPLETE = "/ocs/v2.php/core/autocomplete/get"
PASSWORD = "a long enough password"
WRONG_PERSON = (404, 998, "")


def add_user(server: Any, **fields: Any) -> str:
    """Create an account with PASSWORD. Return its id."""
    user_id = unique("person")
    answer = server.admin.post(USERS, json={"userid": user_id, "password": PASSWORD, **fields})
    assert answer.status_code == 200, answer.text
    return user_id


def add_group(server: Any, *members: str) -> str:
    """Create a group. Return its id."""
    group_id = unique("crowd")
    assert server.admin.post(GROUPS, json={"groupid": group_id}).status_code == 200
    for user_id in members:
        answer = server.admin.post(f"{USERS}/{user_id}/groups", json={"groupid": group_id})
        assert answer.status_code == 200, answer.text
    return group_id


def outcome(answer: httpx.Response) -> tuple[int, int, str]:
    """Return the status, and the code and message of the envelope."""
    meta = answer.json()["ocs"]["meta"]
    return answer.status_code, meta["statuscode"], meta["message"]


def data(answer: httpx.Response) -> Any:
    """Return the data of a successful answer."""
    assert answer.status_code == 200, answer.text
    return answer.json()["ocs"]["data"]


# --- accounts --------------------------------------------------------------------------------
def test_new_account_logs_in_and_sees_itself(server: Any) -> None:
    group_id = add_group(server)
    user_id = add_user(server, displayName="Ada L.", email="Ada@example.org", language="de", groups=[group_id])
    me = data(server.client(user_id, PASSWORD).get(ME))
    assert (me["id"], me["display-name"], me["displayname"], me["email"]) == (
        user_id,
        "Ada L.",
        "Ada L.",
        "Ada@example.org",
    )
    assert me["groups"] == [group_id]
    assert me["language"] == "de"
    assert me["firstLoginTimestamp"] > 0
    assert me["lastLogin"] == me["lastLoginTimestamp"] * 1000
    assert "storageLocation" not in me


def test_administrators_do_not_see_the_scopes_of_others(server: Any) -> None:
    user_id = add_user(server)
    other = data(server.admin.get(f"{USERS}/{user_id}"))
    assert "storageLocation" in other
    assert not [key for key in other if key.endswith("Scope")]
    assert other["firstLoginTimestamp"] == -1
    assert other["email"] is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"userid": ""}, 101),
        ({"userid": "a/b"}, 101),
        ({"userid": " padded"}, 101),
        ({"userid": ".."}, 101),
        ({"userid": "x" * 65}, 101),
        ({"userid": "nopassword", "password": ""}, 108),
        ({"userid": "nopassword", "password": "", "email": "a@example.org"}, 101),
        ({"userid": "shortpassword", "password": "short"}, 107),
        ({"userid": "nogroup", "groups": ["there is none"]}, 104),
        ({"userid": "noaddress", "email": "nowhere"}, 101),
        ({"userid": "longname", "displayName": "x" * 65}, 101),
    ],
)
def test_invalid_accounts_are_refused(server: Any, fields: dict[str, Any], code: int) -> None:
    answer = server.admin.post(USERS, json={"password": PASSWORD, **fields})
    assert outcome(answer)[:2] == (400, code)
    assert outcome(answer)[2]


def test_ids_that_differ_in_case_are_the_same_account(server: Any) -> None:
    user_id = add_user(server)
    answer = server.admin.post(USERS, json={"userid": user_id.upper(), "password": PASSWORD})
    assert outcome(answer) == (400, 102, "User already exists")


def test_form_bodies_and_version_1(server: Any) -> None:
    group_id, user_id = add_group(server), unique("form")
    answer = server.admin.post(
        USERS.replace("v2", "v1"), data={"userid": user_id, "password": PASSWORD, "groups[]": group_id}
    )
    assert answer.json()["ocs"]["meta"]["statuscode"] == 100
    assert data(server.admin.get(f"{USERS}/{user_id}"))["groups"] == [group_id]


def test_search(server: Any) -> None:
    mark = unique("mark")
    first = add_user(server, displayName=f"Ärmel {mark}")
    second = add_user(server, displayName="Zoe", email=f"{mark}@example.org")
    add_user(server, displayName="Nobody")
    assert set(data(server.admin.get(USERS, params={"search": mark.upper()}))["users"]) == {first, second}
    assert data(server.admin.get(USERS, params={"search": f"ärmel {mark}"}))["users"] == [first]
    assert len(data(server.admin.get(USERS, params={"search": mark, "limit": 1}))["users"]) == 1
    assert len(data(server.admin.get(USERS, params={"search": mark, "limit": 5, "offset": 1}))["users"]) == 1
    assert data(server.admin.get(USERS, params={"search": "per%on"}))["users"] == []
    details = data(server.admin.get(f"{USERS}/details", params={"search": mark}))["users"]
    assert details[first]["displayname"] == f"Ärmel {mark}"


def test_users_cannot_see_or_change_other_accounts(server: Any) -> None:
    user_id, other = add_user(server), add_user(server)
    client = server.client(user_id, PASSWORD)
    for whom in (other, "there is nobody"):
        path = f"{USERS}/{whom}"
        assert outcome(client.get(path)) == WRONG_PERSON
        assert outcome(client.get(f"{path}/groups")) == WRONG_PERSON
        assert outcome(client.put(path, json={"key": "displayname", "value": "x"})) == WRONG_PERSON
        assert outcome(client.put(path, json={"key": "password", "value": PASSWORD})) == WRONG_PERSON
        assert outcome(client.put(f"{path}/disable")) == WRONG_PERSON
        assert outcome(client.delete(path)) == WRONG_PERSON
        assert outcome(client.post(f"{path}/groups", json={"groupid": "admin"}))[:2] == (400, 104)
    for path in (USERS, f"{USERS}/details", f"{GROUPS}/details"):
        assert outcome(client.get(path))[2] == "Logged in account must be at least a sub admin"
    assert outcome(client.post(GROUPS, json={"groupid": "mine"}))[0] == 403


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("displayname", "New name", ("displayname", "New name")),
        ("display", "  Turned \u202earound ", ("displayname", "Turned around")),
        ("email", "new@example.org", ("email", "new@example.org")),
        ("email", "", ("email", None)),
        ("language", "fr", ("language", "fr")),
        ("locale", "fr_FR", ("locale", "fr_FR")),
        ("timezone", "Europe/Paris", ("timezone", "Europe/Paris")),
        ("phone", "+33 1", ("phone", "+33 1")),
        ("phoneScope", "v2-private", ("phoneScope", "v2-private")),
        ("profile_enabled", "0", ("profile_enabled", "0")),
    ],
)
def test_users_change_their_own_profile(server: Any, key: str, value: str, shown: tuple[str, Any]) -> None:
    user_id = add_user(server, email="old@example.org")
    client = server.client(user_id, PASSWORD)
    assert data(client.put(f"{USERS}/{user_id}", json={"key": key, "value": value})) == []
    assert data(client.get(ME))[shown[0]] == shown[1]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("nosuchkey", "x", 113),
        ("quota", "much", 101),
        ("quota", "-1", 101),
        ("email", "nowhere", 101),
        ("language", "!", 101),
        ("phoneScope", "everybody", 101),
        ("biography", "x" * 2_001, 101),
        ("displayname", "x" * 65, 101),
    ],
)
def test_invalid_changes_are_refused(server: Any, key: str, value: str, code: int) -> None:
    user_id = add_user(server)
    assert outcome(server.admin.put(f"{USERS}/{user_id}", json={"key": key, "value": value}))[:2] == (400, code)


def test_a_new_password_is_valid_at_once(server: Any) -> None:
    user_id = add_user(server)
    client = server.client(user_id, PASSWORD)
    path = f"{USERS}/{user_id}"
    assert client.get(ME).status_code == 200
    assert outcome(client.put(path, json={"key": "password", "value": "short"}))[:2] == (400, 107)
    assert data(client.put(path, json={"key": "password", "value": "another " + PASSWORD})) == []
    assert client.get(ME).status_code == 401
    assert server.client(user_id, "another " + PASSWORD).get(ME).status_code == 200


def test_disabled_accounts_lose_access_at_once(server: Any) -> None:
    user_id = add_user(server)
    client = server.client(user_id, PASSWORD)
    assert client.get(ME).status_code == 200
    assert data(server.admin.put(f"{USERS}/{user_id}/disable")) == []
    assert client.get(ME).status_code == 401
    assert data(server.admin.get(f"{USERS}/{user_id}"))["enabled"] is False
    assert data(server.admin.put(f"{USERS}/{user_id}/enable")) == []
    assert client.get(ME).status_code == 200


def test_deleted_accounts_do_not_exist(server: Any) -> None:
    user_id = add_user(server)
    group_id = add_group(server, user_id)
    client = server.client(user_id, PASSWORD)
    assert client.get(ME).status_code == 200
    assert data(server.admin.delete(f"{USERS}/{user_id}")) == []
    assert client.get(ME).status_code == 401
    assert outcome(server.admin.get(f"{USERS}/{user_id}")) == (404, 404, "User does not exist")
    assert data(server.admin.get(f"{GROUPS}/{group_id}/users"))["users"] == []
    assert outcome(server.admin.delete(f"{USERS}/{user_id}")) == WRONG_PERSON


def test_administrators_cannot_remove_their_own_rights(server: Any) -> None:
    me = data(server.admin.get(ME))["id"]
    assert outcome(server.admin.delete(f"{USERS}/{me}"))[:2] == (400, 101)
    assert outcome(server.admin.put(f"{USERS}/{me}/disable"))[:2] == (400, 101)
    answer = server.admin.request("DELETE", f"{USERS}/{me}/groups", json={"groupid": "admin"})
    assert outcome(answer)[:2] == (400, 105)
    assert outcome(server.admin.delete(f"{GROUPS}/admin"))[:2] == (400, 102)


def test_administrators_get_and_lose_their_rights_at_once(server: Any) -> None:
    user_id = add_user(server)
    client = server.client(user_id, PASSWORD)
    assert client.get(USERS).status_code == 403
    assert data(server.admin.post(f"{USERS}/{user_id}/groups", json={"groupid": "admin"})) == []
    assert client.get(USERS).status_code == 200
    assert data(server.admin.request("DELETE", f"{USERS}/{user_id}/groups", json={"groupid": "admin"})) == []
    assert client.get(USERS).status_code == 403


# --- groups ----------------------------------------------------------------------------------
def test_groups_are_created_renamed_filled_and_deleted(server: Any) -> None:
    user_id = add_user(server)
    group_id = add_group(server, user_id)
    assert data(server.admin.get(f"{GROUPS}/{group_id}"))["users"] == [user_id]
    assert data(server.admin.get(f"{USERS}/{user_id}/groups"))["groups"] == [group_id]
    assert outcome(server.admin.post(GROUPS, json={"groupid": group_id})) == (400, 102, "group exists")
    assert data(server.admin.put(f"{GROUPS}/{group_id}", json={"key": "displayname", "value": "The crew"})) == []
    assert data(server.admin.get(f"{GROUPS}/details", params={"search": group_id}))["groups"] == [
        {
            "id": group_id,
            "displayname": "The crew",
            "usercount": 1,
            "disabled": 0,
            "canAdd": True,
            "canRemove": True,
        }
    ]
    assert list(data(server.admin.get(f"{GROUPS}/{group_id}/users/details"))["users"]) == [user_id]
    assert data(server.admin.delete(f"{GROUPS}/{group_id}")) == []
    assert outcome(server.admin.get(f"{GROUPS}/{group_id}/users"))[:2] == (404, 404)
    assert data(server.admin.get(f"{USERS}/{user_id}"))["groups"] == []


def test_users_cannot_see_or_change_members_of_groups(server: Any) -> None:
    user_id = add_user(server)
    group_id = add_group(server, user_id)
    client = server.client(user_id, PASSWORD)
    for path in ("", "/details", f"/{group_id}", f"/{group_id}/users", f"/{group_id}/users/details"):
        refused = client.get(GROUPS + path)
        assert outcome(refused) == (403, 403, "Logged in account must be at least a sub admin")
        assert refused.content == client.get((GROUPS + path).replace(group_id, "nothing")).content
        assert outcome(server.admin.get(GROUPS + path))[0] == 200
    assert data(client.get(f"{USERS}/{user_id}/groups"))["groups"] == [group_id]


@pytest.mark.parametrize(("groupid", "code"), [("", 101), ("a\u200bb", 101), ("x" * 65, 101), ("admin", 102)])
def test_invalid_groups_are_refused(server: Any, groupid: str, code: int) -> None:
    assert outcome(server.admin.post(GROUPS, json={"groupid": groupid}))[:2] == (400, code)


def test_invalid_memberships_are_refused(server: Any) -> None:
    path = f"{USERS}/{add_user(server)}/groups"
    assert outcome(server.admin.post(path, json={}))[1] == 101
    assert outcome(server.admin.post(path, json={"groupid": "there is none"}))[1] == 102
    assert outcome(server.admin.post(f"{USERS}/nobody at all/groups", json={"groupid": "admin"}))[1] == 103


# --- suggestions -----------------------------------------------------------------------------
def found(client: httpx.Client, **wanted: Any) -> list[tuple[str, str]]:
    """Return the source and id of each suggestion."""
    return [(each["source"], each["id"]) for each in data(client.get(AUTOCOMPLETE, params=wanted))]


def test_suggestions_are_accounts_groups_and_addresses(server: Any) -> None:
    mark = unique("find")
    me = add_user(server, displayName=f"A {mark}")
    other = add_user(server, displayName=f"Ö {mark}", email=f"{mark}@example.org")
    client = server.client(me, PASSWORD)
    assert found(client, search=f"ö {mark.upper()}", itemId="new") == [("users", other)]
    assert found(client, search=mark) == [("users", other)]
    kinds = {"shareTypes[]": [0, 1, 4, 7]}
    assert found(client, search=f"{mark}@EXAMPLE.org", **kinds) == [("users", other)]
    assert found(client, search=f"{mark}@example.net", **kinds) == [("emails", f"{mark}@example.net")]
    assert ("users", other) not in found(client, search="@example.org")
    group_id = add_group(server)
    assert found(client, search=group_id, **kinds) == [("groups", group_id)]


def test_the_caller_counts_towards_the_limit(server: Any) -> None:
    mark = unique("limit")
    me = add_user(server, displayName=f"A {mark}")
    other = add_user(server, displayName=f"B {mark}")
    client = server.client(me, PASSWORD)
    assert found(client, search=mark, limit=1) == []
    assert found(client, search=mark, limit=2) == [("users", other)]


def test_exact_match_comes_first(server: Any) -> None:
    me, exact = add_user(server), add_user(server, displayName="Zoe")
    longer = f"{exact}x"
    server.admin.post(USERS, json={"userid": longer, "password": PASSWORD, "displayName": "Anna"})
    assert found(server.client(me, PASSWORD), search=exact) == [("users", exact), ("users", longer)]


def test_disabled_accounts_are_not_found(server: Any) -> None:
    me, other = add_user(server), add_user(server)
    server.admin.put(f"{USERS}/{other}/disable")
    assert found(server.client(me, PASSWORD), search=other) == []


def test_only_members_learn_who_is_in_a_room(server: Any) -> None:
    owner, member, stranger = add_user(server), add_user(server), add_user(server)
    rooms = "/ocs/v2.php/apps/spreed/api/v4/room"
    client = server.client(owner, PASSWORD)
    token = client.post(rooms, json={"roomType": 2, "roomName": "Room"}).json()["ocs"]["data"]["token"]
    answer = client.post(f"{rooms}/{token}/participants", json={"newParticipant": member})
    assert answer.status_code == 200, answer.text
    assert found(client, search=member, itemType="call", itemId="new") == [("users", member)]
    assert found(client, search=member, itemType="call", itemId=token) == []
    for_stranger = found(server.client(stranger, PASSWORD), search=member, itemType="call", itemId=token)
    assert for_stranger == [("users", member)]


def test_search_text_is_needed(server: Any) -> None:
    assert server.admin.get(AUTOCOMPLETE, params={"itemId": "new"}).status_code == 400
