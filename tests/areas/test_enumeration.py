"""Settings of the app `core` that limit which accounts users find and can start a one-to-one room with."""

from collections.abc import Callable, Iterator

import pytest

from support.people import ONE_TO_ONE, Person
from support.running import Server, unique

ENUMERATION = "shareapi_allow_share_dialog_user_enumeration"
TO_GROUP, TO_PHONE = (f"shareapi_restrict_user_enumeration_to_{what}" for what in ("group", "phone"))
FULL_MATCH = "shareapi_restrict_user_enumeration_full_match"
MEMBERS_ONLY = "shareapi_only_share_with_group_members"


@pytest.fixture
def core(server: Server) -> Iterator[Callable[..., None]]:
    """Return a function that sets settings of the app `core`. Reset them afterwards."""
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/core/"

    def put(**values: str) -> None:
        for key in (ENUMERATION, TO_GROUP, TO_PHONE, FULL_MATCH, MEMBERS_ONLY):
            if key in values:
                server.admin.post(path + key, json={"value": values[key]}).raise_for_status()
            else:
                server.admin.delete(path + key).raise_for_status()

    yield put
    put()


NO_MATCH = {FULL_MATCH: "no"}


@pytest.mark.parametrize(
    ("values", "stranger", "colleague"),
    [
        ({}, 201, 201),
        ({ENUMERATION: "no"}, 201, 201),
        ({TO_GROUP: "yes"}, 201, 201),
        ({MEMBERS_ONLY: "yes"}, 201, 201),
        (NO_MATCH, 201, 201),
        ({**NO_MATCH, ENUMERATION: "no"}, 403, 403),
        ({**NO_MATCH, ENUMERATION: "no", TO_GROUP: "yes"}, 403, 403),
        ({**NO_MATCH, TO_GROUP: "yes"}, 403, 201),
        ({**NO_MATCH, TO_PHONE: "yes"}, 403, 403),
        ({**NO_MATCH, ENUMERATION: "yes", TO_GROUP: "yes", TO_PHONE: "yes"}, 403, 201),
    ],
)
@pytest.mark.parametrize("version", ["v1", "v4"])
def test_settings_limit_with_whom_users_start_a_one_to_one_room(
    server: Server,
    alice: Person,
    bob: Person,
    core: Callable[..., None],
    values: dict[str, str],
    stranger: int,
    colleague: int,
    version: str,
) -> None:
    carol = server.add_user("carol")
    server.add_group(alice, carol)
    core(**values)
    for other, expected in ((bob, stranger), (carol, colleague)):
        answer = alice.request("POST", f"{version}/room", roomType=ONE_TO_ONE, invite=other.id)
        refused = 404 if version == "v1" else 403  # docs/api/api-v1-2018-source.md
        assert answer.status_code == (201 if expected == 201 else refused)
        if expected == 403:
            assert answer.json()["ocs"]["data"] == {"error": "invite"}
            assert alice.rooms().keys() == set()


def test_settings_do_not_affect_existing_one_to_one_rooms(
    alice: Person, private: str, bob: Person, core: Callable[..., None]
) -> None:
    core(**NO_MATCH, **{ENUMERATION: "no"})
    for one, other in ((alice, bob), (bob, alice)):
        assert one.post("v4/room", roomType=ONE_TO_ONE, invite=other.id)["token"] == private


@pytest.mark.parametrize(
    ("values", "by_part", "by_id"),
    [
        ({}, {"stranger", "colleague"}, {"stranger", "colleague"}),
        ({ENUMERATION: "no"}, set(), {"stranger", "colleague"}),
        ({TO_GROUP: "yes"}, {"colleague"}, {"stranger", "colleague"}),
        ({TO_PHONE: "yes"}, set(), {"stranger", "colleague"}),
        ({**NO_MATCH, ENUMERATION: "no"}, set(), set()),
        ({**NO_MATCH, TO_GROUP: "yes"}, {"colleague"}, {"colleague"}),
        ({MEMBERS_ONLY: "yes"}, {"colleague"}, {"colleague"}),
    ],
)
def test_settings_limit_which_accounts_users_find(
    server: Server, core: Callable[..., None], values: dict[str, str], by_part: set[str], by_id: set[str]
) -> None:
    mark = unique("mark")
    alice, colleague, stranger = (server.add_user(name, display_name=f"{name} {mark}") for name in ("a", "c", "s"))
    people = {"colleague": colleague.id, "stranger": stranger.id}
    groups = {"colleague": server.add_group(alice, colleague), "stranger": server.add_group(stranger)}
    core(**values)

    def found(search: str) -> set[str]:
        params = {"search": search, "shareTypes[]": [0, 1], "limit": 200}
        return {each["id"] for each in alice.get("/ocs/v2.php/core/autocomplete/get", **params)}

    assert found(mark) == {people[name] for name in by_part}
    for ids in (people, groups):
        assert {name for name, id_ in ids.items() if id_ in found(id_)} == by_id
        assert {name for name, id_ in ids.items() if id_ in found(id_[:-1])} == by_part
