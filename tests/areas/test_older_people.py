"""Participants and calls in all API versions, in the same room."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import ONE_TO_ONE, PUBLIC, Person
from support.running import ADMIN, Server

OLD = ("v1", "v2", "v3")
ALL = (*OLD, "v4")


@pytest.fixture
def token(alice: Person, bob: Person) -> str:
    """The token of a public room of Alice and Bob."""
    made = alice.create_room(PUBLIC)
    alice.add(made, bob)
    return made


def people(who: Person, version: str, token: str, **params: object) -> list[dict[str, object]]:
    """Return the list of participants."""
    shown: list[dict[str, object]] = who.get(f"{version}/room/{token}/participants", **params)
    return shown


# --- the list -------------------------------------------------------------------------------
def test_each_version_has_its_own_fields(alice: Person, token: str) -> None:
    common = {"displayName", "participantType", "lastPing", "inCall"}
    (first, *_), (second, *_), (third, *_), (fourth, *_) = (people(alice, version, token) for version in ALL)
    assert set(first) == set(second) == common | {"userId", "sessionId"}
    assert set(third) == common | {"attendeeId", "actorType", "actorId", "sessionId"}
    assert set(fourth) > common | {"attendeeId", "actorType", "actorId", "sessionIds"}


def test_statuses_are_shown_since_v2(alice: Person, bob: Person, token: str) -> None:
    bob.join(token)
    for version, told in (("v1", {}), ("v2", {alice.id: "offline", bob.id: "online"})):
        shown = people(alice, version, token, includeStatus=1)
        assert {each["userId"]: each["status"] for each in shown if "status" in each} == told
    assert [each["status"] for each in people(alice, "v3", token, includeStatus=1)] == ["offline", "online"]
    headers = alice.request("GET", f"v1/room/{token}/participants", includeStatus=1).headers
    assert "X-Nextcloud-Has-User-Statuses" not in headers


def test_older_versions_show_the_newest_of_several_sessions(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    tablet = Person(server.client(bob.id), bob.id)
    phone_session, tablet_session = bob.join(token)["sessionId"], tablet.join(token)["sessionId"]
    for version in OLD:
        assert [each["sessionId"] for each in people(alice, version, token)] == ["0", tablet_session]
    assert alice.participants(token)[bob.id]["sessionIds"] == [phone_session, tablet_session]
    bob.post(f"v1/call/{token}", flags=3)
    assert [each["inCall"] for each in people(alice, "v1", token)] == [0, 3]


def test_groups_and_email_guests_are_listed_since_v3(server: Server, alice: Person, token: str) -> None:
    group = server.add_group(server.add_user("carol"))
    alice.add(token, group, "groups")
    alice.add(token, "vera@example.com", "emails")
    for version in ("v1", "v2"):
        shown = people(alice, version, token)
        assert [each["displayName"] for each in shown] == ["Alice", "Bob", "Carol"]
        assert "vera@example.com" not in str(shown)
    assert [each["actorType"] for each in people(alice, "v3", token)] == ["users", "users", "groups", "users", "emails"]


def test_guests_do_not_get_the_list(server: Server, token: str) -> None:
    visitor = server.visitor()
    visitor.post(f"v1/room/{token}/participants/active")
    assert {visitor.status("GET", f"{version}/room/{token}/participants") for version in ALL} == {403}


# --- joining, leaving and removing ----------------------------------------------------------
@pytest.mark.parametrize("version", OLD)
def test_a_session_of_an_older_version_is_shown_in_all_versions(
    alice: Person, bob: Person, token: str, version: str
) -> None:
    joined = bob.post(f"{version}/room/{token}/participants/active")
    session = joined["sessionId"]
    assert joined == (bob.get(f"v3/room/{token}") if version == "v3" else {"sessionId": session})
    assert alice.participants(token)[bob.id]["sessionIds"] == [session]
    assert people(alice, "v1", token)[1]["sessionId"] == people(alice, "v3", token)[1]["sessionId"] == session
    bob.delete(f"{version}/room/{token}/participants/active")
    assert alice.participants(token)[bob.id]["sessionIds"] == []


@pytest.mark.parametrize("version", OLD)
def test_a_guest_is_identified_by_the_cookie_in_all_versions(
    server: Server, alice: Person, token: str, version: str
) -> None:
    visitor = server.visitor()
    session = visitor.post(f"{version}/room/{token}/participants/active")["sessionId"]
    assert visitor.say(token, "Hello")["actorType"] == "guests"
    assert alice.status("DELETE", f"{version}/room/{token}/participants/guests", participant=session) == 200
    assert visitor.status("POST", f"v4/call/{token}") == 404


def test_bans_apply_in_all_versions(alice: Person, bob: Person, token: str) -> None:
    alice.post(f"v1/ban/{token}", actorType="users", actorId=bob.id)
    for version in OLD:
        assert bob.status("POST", f"{version}/room/{token}/participants/active") == 403
        assert bob.status("DELETE", f"{version}/room/{token}/participants/self") == 404
        path = f"{version}/room/{token}/participants"
        assert alice.refused("POST", path, newParticipant=bob.id) == (403, "ban")


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_the_last_moderator_cannot_leave_in_older_versions(alice: Person, token: str, version: str) -> None:
    assert alice.refused("DELETE", f"{version}/room/{token}/participants/self") == (400, "last-moderator")


@pytest.mark.parametrize("version", OLD)
def test_the_last_moderator_cannot_be_removed_in_older_versions(
    server: Server, alice: Person, bob: Person, token: str, version: str
) -> None:
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    alice.add(token, server.add_user("carol"))
    alice.delete(f"v1/room/{token}/participants/self")
    path = f"{version}/room/{token}/participants"
    assert bob.refused("DELETE", path, participant=bob.id) == (403, "last-moderator")
    assert bob.room(token)["participantType"] == 2


@pytest.mark.parametrize("version", OLD)
def test_guests_leave_for_good(server: Server, alice: Person, token: str, version: str) -> None:
    visitor = server.visitor()
    guest_id = visitor.join(token)["actorId"]
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, guest_id))
    path = f"{version}/room/{token}/participants/self"
    assert visitor.delete(path) == []
    assert guest_id not in alice.participants(token)
    assert visitor.status("DELETE", path) == 404
    assert visitor.status("GET", f"v1/chat/{token}", timeout=0) == 404


def test_a_public_room_without_owner_is_deleted_with_its_last_member(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    visitor, carol = server.visitor(), server.add_user("carol")
    for person in (visitor, carol):
        person.join(token)
    alice.delete(f"v1/room/{token}/participants/self")
    assert visitor.status("POST", f"v1/chat/{token}", message="Hello") == 201
    bob.delete(f"v1/room/{token}/participants/self")
    assert [person.status("GET", f"v4/room/{token}") for person in (carol, visitor)] == [404, 404]


def test_the_new_room_type_is_a_number_since_v2(alice: Person) -> None:
    for version, told in (("v1", "3"), ("v2", 3), ("v3", 3)):
        token = alice.create_room()
        path = f"{version}/room/{token}/participants"
        assert alice.post(path, newParticipant=f"{version}@example.com", source="emails") == {"type": told}


def test_attendees_are_removed_by_attendee_id_since_v3(alice: Person, bob: Person, token: str) -> None:
    number = alice.attendee(token, bob)
    for version in ("v1", "v2"):
        assert alice.status("DELETE", f"{version}/room/{token}/attendees", attendeeId=number) == 404
    alice.delete(f"v3/room/{token}/attendees", attendeeId=number)
    assert bob.id not in alice.participants(token)


# --- roles ----------------------------------------------------------------------------------
@pytest.mark.parametrize("version", OLD)
def test_roles_are_changed_by_user_id_in_v1_and_v2(alice: Person, bob: Person, token: str, version: str) -> None:
    path = f"{version}/room/{token}/moderators"
    assert alice.status("DELETE", path, participant=bob.id) == 412
    alice.post(path, participant=bob.id)
    assert bob.room(token)["participantType"] == 2
    assert alice.status("POST", path, participant=bob.id) == 412
    assert bob.status("DELETE", path, participant=bob.id) == 403
    alice.delete(path, participant=bob.id)
    assert bob.room(token)["participantType"] == 3
    assert alice.status("POST", path) == 404


@pytest.mark.parametrize("version", OLD)
def test_roles_of_guests_are_changed_by_session(server: Server, alice: Person, token: str, version: str) -> None:
    visitor = server.visitor()
    session = visitor.join(token)["sessionId"]
    path = f"{version}/room/{token}/moderators"
    assert alice.status("DELETE", path, sessionId=session) == 412
    alice.post(path, sessionId=session)
    assert visitor.room(token)["participantType"] == 6
    assert alice.status("POST", path, sessionId=session) == 412
    alice.delete(path, sessionId=session)
    assert visitor.room(token)["participantType"] == 4
    assert alice.status("POST", path, sessionId="0") == 404


def test_roles_are_changed_by_attendee_id_since_v3(alice: Person, bob: Person, token: str) -> None:
    number = alice.attendee(token, bob)
    path = f"v3/room/{token}/moderators"
    alice.post(path, attendeeId=number)
    assert bob.room(token)["participantType"] == 2
    assert alice.status("POST", path, attendeeId=number) == 400
    alice.delete(path, attendeeId=number)
    assert bob.room(token)["participantType"] == 3
    for version in ("v1", "v2"):
        assert alice.status("POST", f"{version}/room/{token}/moderators", attendeeId=number) == 404


def test_a_session_of_another_room_is_not_found(alice: Person, bob: Person, token: str) -> None:
    elsewhere = alice.create_room(PUBLIC)
    alice.add(elsewhere, bob)
    session = bob.join(elsewhere)["sessionId"]
    assert alice.status("POST", f"v1/room/{token}/moderators", sessionId=session) == 404


# --- calls ----------------------------------------------------------------------------------
def test_all_versions_join_the_same_call(server: Server, alice: Person, token: str) -> None:
    sessions = {}
    for version in ALL:
        person = server.add_user(version)
        alice.add(token, person)
        sessions[person.id] = person.post(f"{version}/room/{token}/participants/active")["sessionId"]
        person.post(f"{version}/call/{token}", flags=7)
    for version in ("v1", "v2"):
        assert {each["userId"]: each["sessionId"] for each in alice.get(f"{version}/call/{token}")} == sessions
    for version in ("v3", "v4"):
        assert {each["actorId"]: each["sessionId"] for each in alice.get(f"{version}/call/{token}")} == sessions
    assert set(alice.get(f"v1/call/{token}")[0]) == {"userId", "lastPing", "sessionId"}
    assert set(alice.get(f"v3/call/{token}")[0]) == {"actorType", "actorId", "displayName", "lastPing", "sessionId"}
    assert alice.system_messages(token).count("call_started") == 1


@pytest.mark.parametrize("version", OLD)
def test_flags_change_in_all_versions(alice: Person, bob: Person, token: str, version: str) -> None:
    bob.join(token)
    assert bob.status("PUT", f"{version}/call/{token}", flags=1) == 400
    bob.post(f"{version}/call/{token}")
    assert alice.participants(token)[bob.id]["inCall"] == 7
    bob.put(f"{version}/call/{token}", flags=1)
    assert alice.participants(token)[bob.id]["inCall"] == 1


def test_only_v4_ends_a_call_for_everybody(alice: Person, bob: Person, token: str) -> None:
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}")
    alice.delete(f"v1/call/{token}", all=True)
    assert [each["actorId"] for each in alice.get(f"v4/call/{token}")] == [bob.id]


def test_versions_without_recording_consent_cannot_join_a_call_that_needs_it(
    server: Server, alice: Person, token: str
) -> None:
    setting = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/recording_consent"
    admin = Person(server.admin, ADMIN)
    alice.join(token)
    admin.post(setting, value="1")
    try:
        for version in OLD:
            assert alice.refused("POST", f"{version}/call/{token}", recordingConsent=True) == (403, "consent")
        alice.post(f"v4/call/{token}", recordingConsent=True)
    finally:
        admin.delete(setting)


@pytest.mark.parametrize("version", OLD)
def test_older_versions_answer_changes_with_an_empty_list(alice: Person, bob: Person, token: str, version: str) -> None:
    for person in (alice, bob):
        person.join(token)
    room = f"{version}/room/{token}"
    assert alice.post(f"{version}/call/{token}") == alice.delete(f"{version}/call/{token}") == []
    assert alice.post(f"{room}/moderators", participant=bob.id) == []
    assert alice.delete(f"{room}/moderators", participant=bob.id) == []
    assert alice.delete(f"{room}/participants/active") == alice.delete(f"{room}/participants", participant=bob.id) == []


def test_only_v1_has_call_pings(alice: Person, token: str) -> None:
    alice.join(token)
    assert [alice.status("POST", f"{version}/call/{token}/ping") for version in ALL] == [200, 404, 404, 404]


def test_versions_that_join_at_once_start_one_call(
    server: Server, alice: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    present = []
    for version in ALL:
        person = server.add_user(version)
        alice.add(token, person)
        person.join(token)
        present.append((person, version))
    started = [threads.submit(person.status, "POST", f"{version}/call/{token}") for person, version in present]
    assert {each.result() for each in started} == {200}
    assert alice.system_messages(token).count("call_started") == 1
    assert len(alice.get(f"v1/call/{token}")) == len(ALL)


def test_everybody_can_leave_a_call_of_a_locked_room(server: Server, alice: Person) -> None:
    other = server.add_user("other")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=other.id)["token"]
    alice.say(token, "Hello")
    for person in (alice, other):
        person.join(token)
        person.post(f"v4/call/{token}")
    server.admin.delete(f"/ocs/v2.php/cloud/users/{other.id}").raise_for_status()
    assert alice.room(token)["readOnly"] == 1
    alice.request("DELETE", f"v1/call/{token}")
    assert alice.room(token)["hasCall"] is False
