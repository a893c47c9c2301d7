"""Rules on the passwords of rooms, and consent to recording."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.people import GROUP, PUBLIC, Person
from support.running import Server
from talkd.areas.users import passwords

Set = Callable[[str, str], None]
Meanwhile = list[Callable[[], Any]]
SECRET = "a secret of ours"


@pytest.fixture
def setting(server: Server) -> Iterator[Set]:
    """Return a function that changes a setting until the end of the test."""
    path = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/"
    changed = []

    def change(key: str, value: str) -> None:
        changed.append(key)
        server.admin.post(path + key, json={"value": value}).raise_for_status()

    yield change
    for key in changed:
        server.admin.delete(path + key).raise_for_status()


def config_of(person: Person) -> dict[str, Any]:
    config: dict[str, Any] = person.get("/ocs/v2.php/cloud/capabilities")["capabilities"]["spreed"]["config"]
    return config


def test_forced_passwords_allow_no_public_room_without_one(alice: Person, setting: Set) -> None:
    group, public = alice.create_room(GROUP), alice.create_room(PUBLIC)
    assert not config_of(alice)["conversations"]["force-passwords"]
    setting("force_passwords", "yes")
    assert config_of(alice)["conversations"]["force-passwords"]
    answer = alice.request("POST", "v4/room", roomType=PUBLIC, roomName="x")
    assert answer.status_code == 400
    refusal = answer.json()["ocs"]["data"]
    assert refusal["error"] == "password"
    assert "needs a password" in refusal["message"]
    assert alice.refused("POST", f"v4/room/{group}/public") == (400, "password")
    alice.create_room(GROUP)
    assert alice.room(alice.create_room(PUBLIC, password=SECRET))["hasPassword"]
    assert alice.post(f"v4/room/{public}/public")["type"] == PUBLIC  # it was public before
    assert alice.post(f"v4/room/{group}/public", password=SECRET)["hasPassword"]
    assert alice.refused("PUT", f"v4/room/{group}/password", password="") == (400, "password")
    assert alice.put(f"v4/room/{group}/password", password="another secret")["hasPassword"]


def test_forced_passwords_allow_no_invitation_to_make_a_room_public(
    server: Server, alice: Person, setting: Set
) -> None:
    setting("force_passwords", "yes")
    token = alice.create_room(GROUP)
    refused = alice.refused("POST", f"v4/room/{token}/participants", newParticipant="x@example.org", source="emails")
    assert refused == (400, "password")
    assert len(alice.participants(token)) == 1
    file = {"file": ("list.csv", b'email\n"x@example.org"\n', "text/csv")}
    answer = alice.http.post(f"/ocs/v2.php/apps/spreed/api/v4/room/{token}/import-emails", files=file)
    assert (answer.status_code, answer.json()["ocs"]["data"]["error"]) == (400, "password")
    only_emails = {"emails": ["x@example.org"]}
    assert alice.refused("POST", "v4/room", roomType=GROUP, roomName="x", participants=only_emails) == (404, "invite")
    bob = server.add_user("bob")
    both = {"users": [bob.id], **only_emails}
    made = alice.post("v4/room", roomType=GROUP, roomName="x", participants=both)
    assert (made["type"], made["invalidParticipants"]) == (GROUP, only_emails)
    opened = alice.create_room(PUBLIC, password=SECRET)
    alice.add(opened, "x@example.org", "emails")
    alice.post(f"v1/breakout-rooms/{token}", mode=3, amount=1)
    alice.add(token, "x@example.org", "emails")  # a room with breakout rooms does not become public


def test_a_room_password_has_a_minimum_length(server: Server, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    token = alice.create_room(PUBLIC, password="1")
    monkeypatch.setattr(server.app.world.config.security, "room_password_min_length", 8)
    for method, path, more in (
        ("POST", "v4/room", {"roomType": PUBLIC, "roomName": "x"}),
        ("PUT", f"v4/room/{token}/password", {}),
        ("POST", f"v4/room/{alice.create_room(GROUP)}/public", {}),
    ):
        data = alice.request(method, path, password="1234567", **more).json()["ocs"]["data"]
        assert data == {"error": "password", "message": "Password needs to be at least 8 characters long."}
    assert alice.put(f"v4/room/{token}/password", password="12345678")["hasPassword"]
    assert not alice.put(f"v4/room/{token}/password", password="")["hasPassword"]
    policies = alice.get("/ocs/v2.php/cloud/capabilities")["capabilities"]["password_policy"]["policies"]
    assert policies["sharing"] == {"minLength": 8}
    assert alice.refused("PUT", f"v4/room/{token}/password", password="x" * 470) == (400, "password")


def call(person: Person, token: str, **params: Any) -> tuple[int, Any]:
    answer = person.request("POST", f"v4/call/{token}", **params)
    return answer.status_code, answer.json()["ocs"]["data"]


REFUSED = (400, {"error": "consent"})


def test_the_server_can_require_consent_to_recording(alice: Person, bob: Person, token: str, setting: Set) -> None:
    assert config_of(alice)["call"]["recording-consent"] == 0
    setting("recording_consent", "1")
    assert config_of(alice)["call"]["recording-consent"] == 1
    alice.join(token)
    bob.join(token)
    assert call(alice, token) == call(alice, token, recordingConsent=False) == REFUSED
    assert not alice.room(token)["hasCall"]
    assert call(alice, token, recordingConsent=True)[0] == 200
    assert call(bob, token) == REFUSED
    assert call(bob, token, recordingConsent=True)[0] == 200


def test_a_room_can_require_consent_to_recording(alice: Person, token: str, setting: Set) -> None:
    setting("recording_consent", "2")
    assert config_of(alice)["call"]["recording-consent"] == 2
    alice.join(token)
    assert call(alice, token)[0] == 200
    alice.delete(f"v4/call/{token}")
    alice.put(f"v4/room/{token}/recording-consent", recordingConsent=1)
    assert call(alice, token) == REFUSED
    assert call(alice, token, recordingConsent=True)[0] == 200


def test_breakout_rooms_require_consent_if_their_parent_does(alice: Person, token: str, setting: Set) -> None:
    setting("recording_consent", "2")
    alice.put(f"v4/room/{token}/recording-consent", recordingConsent=1)
    made = alice.post(f"v1/breakout-rooms/{token}", mode=1, amount=1)
    (part,) = [room["token"] for room in made if room["token"] != token]
    alice.post(f"v1/breakout-rooms/{token}/rooms")
    alice.join(part)
    assert call(alice, part) == REFUSED
    assert call(alice, part, recordingConsent=True)[0] == 200


# --- changes while a password is hashed ----------------------------------------------------
@pytest.fixture
def hashing(server: Server, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return a list of functions to run while a password is hashed."""
    meanwhile: Meanwhile = []
    hash_password = passwords.hash_password

    async def slowly(password: str) -> str:
        while meanwhile:
            await asyncio.to_thread(meanwhile.pop())
        return await hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", slowly)
    return meanwhile


def test_a_moderator_demoted_during_the_hashing_sets_no_password(
    alice: Person, bob: Person, hashing: Meanwhile
) -> None:
    token = alice.create_room(PUBLIC, participants={"users": [bob.id]})
    attendee_id = alice.attendee(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=attendee_id)
    hashing.append(lambda: alice.delete(f"v4/room/{token}/moderators", attendeeId=attendee_id))
    assert bob.status("PUT", f"v4/room/{token}/password", password=SECRET) == 403
    assert not alice.room(token)["hasPassword"]


def test_a_room_closed_to_guests_during_the_hashing_gets_no_password(
    alice: Person, bob: Person, hashing: Meanwhile
) -> None:
    token = alice.create_room(PUBLIC, participants={"users": [bob.id]})
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    hashing.append(lambda: bob.delete(f"v4/room/{token}/public"))
    assert alice.status("PUT", f"v4/room/{token}/password", password=SECRET) == 400
    assert not alice.room(token)["hasPassword"]


def test_a_room_made_public_during_the_hashing_is_made_public_once(
    alice: Person, bob: Person, hashing: Meanwhile
) -> None:
    token = alice.create_room(GROUP, participants={"users": [bob.id]})
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    hashing.append(lambda: bob.post(f"v4/room/{token}/public"))
    assert alice.post(f"v4/room/{token}/public", password=SECRET)["hasPassword"]
    assert alice.system_messages(token).count("guests_allowed") == 1
