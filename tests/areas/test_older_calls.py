"""Calls in every version of the API: the same call, with the same refusals."""

import pytest

from support.people import Person
from support.running import Server

VERSIONS = ("v1", "v2", "v3", "v4")
VERBS = ("GET", "POST", "PUT", "DELETE")


@pytest.fixture(params=VERSIONS)
def path(request: pytest.FixtureRequest, token: str) -> str:
    """The path of the call of a room of Alice and Bob."""
    return f"{request.param}/call/{token}"


def statuses(person: Person, path: str) -> list[int]:
    """Return the status of each verb."""
    return [person.status(verb, path, flags=3) for verb in VERBS]


def test_who_is_not_in_the_room_or_has_not_joined_it_is_refused(path: str, bob: Person, server: Server) -> None:
    assert statuses(server.add_user("stranger"), path) == [404] * 4
    assert statuses(bob, path) == [200, 404, 404, 404]


def test_flags_are_those_of_all_versions(path: str, token: str, alice: Person, bob: Person) -> None:
    bob.join(token)
    assert bob.status("PUT", path, flags=3) == 400, "not in the call yet"
    for verb, flags in (("POST", 3), ("PUT", 7)):
        assert bob.status(verb, path, flags=flags) == 200
        assert alice.participants(token)[bob.id]["inCall"] == flags
    assert bob.status("PUT", path, flags=6) == 400, "without the bit of being in the call"
    assert bob.status("DELETE", path) == 200
    assert alice.participants(token)[bob.id]["inCall"] == 0


def test_nobody_begins_a_call_in_a_locked_room(path: str, token: str, alice: Person, bob: Person) -> None:
    bob.join(token)
    alice.put(f"v4/room/{token}/read-only", state=1)
    assert [bob.status(verb, path, flags=3) for verb in ("GET", "POST")] == [403, 403]


def test_only_moderators_pass_the_lobby(path: str, token: str, alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        person.join(token)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert statuses(bob, path) == [412] * 4
    assert statuses(alice, path) == [200] * 4


def test_only_apps_that_can_consent_join_calls_that_are_recorded(
    path: str, token: str, server: Server, alice: Person
) -> None:
    """Versions before v4 have no word for consent, so they refuse with a status that their documents list."""
    setting = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/recording_consent"
    alice.join(token)
    server.admin_request("POST", setting, value="1")
    try:
        answers = [alice.status("POST", path, flags=3, recordingConsent=consents) for consents in (False, True)]
    finally:
        server.admin_request("DELETE", setting)
    assert answers == ([400, 200] if path.startswith("v4") else [403, 403])
