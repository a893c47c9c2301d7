"""Phone numbers as attendees, over HTTP."""

import json
from collections.abc import Iterator

import pytest

from support.people import Person
from support.running import Server
from talkd.areas.sip import service as sip
from talkd.core.errors import Conflict, NotFound

NUMBER = "+4930123456"


def set_setting(server: Server, key: str, value: str | None) -> None:
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    answer = server.admin.delete(path) if value is None else server.admin.post(path, json={"value": value})
    answer.raise_for_status()


@pytest.fixture
def bridge(server: Server) -> Iterator[None]:
    """Set up a telephone bridge."""
    set_setting(server, "sip_bridge_shared_secret", "a secret of the bridge")
    set_setting(server, "sip_dialout", "yes")
    yield
    for key in ("sip_bridge_shared_secret", "sip_bridge_dialin_info", "sip_dialout", "sip_bridge_groups"):
        set_setting(server, key, None)


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_a_new_room_has_dial_in_if_the_creator_may_enable_it(server: Server, alice: Person, wanted: int) -> None:
    def make() -> object:
        return alice.post("v4/room", roomName="Phones", sipEnabled=wanted)["sipEnabled"]

    assert make() == 0, "no number to call is set"
    set_setting(server, "sip_bridge_dialin_info", "+49 30 123456")
    assert make() == wanted
    set_setting(server, "sip_bridge_groups", json.dumps(["admin"]))
    assert make() == 0, "the creator is in none of the allowed groups"
    set_setting(server, "sip_bridge_groups", json.dumps([server.add_group(alice)]))
    assert make() == wanted
    set_setting(server, "sip_bridge_shared_secret", None)
    assert make() == 0, "there is no bridge"


def phone_of(person: Person, token: str) -> dict[str, object]:
    (phone,) = [each for each in person.participants(token).values() if each["actorType"] == "phones"]
    return phone


def is_announced(person: Person) -> bool:
    capabilities = person.get("/ocs/v2.php/cloud/capabilities")["capabilities"]
    return bool(capabilities["spreed"]["config"]["call"]["sip-dialout-enabled"])


def test_without_a_bridge_phone_numbers_are_refused(server: Server, alice: Person, token: str) -> None:
    path = f"v4/room/{token}/participants"
    answer = alice.request("POST", path, newParticipant=NUMBER, source="phones")
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (501, {"error": "sip"})
    set_setting(server, "sip_dialout", "yes")
    assert alice.status("POST", path, newParticipant=NUMBER, source="phones") == 501
    set_setting(server, "sip_dialout", None)
    made = alice.request("POST", "v4/room", roomType=2, roomName="x", participants={"phones": [NUMBER]})
    assert (made.status_code, made.json()["ocs"]["data"]) == (404, {"error": "invite"})
    assert not is_announced(alice)


@pytest.mark.usefixtures("bridge")
def test_only_users_in_the_groups_of_the_setting_dial_out(server: Server, alice: Person, token: str) -> None:
    assert is_announced(alice)
    set_setting(server, "sip_bridge_groups", json.dumps(["admin"]))
    assert not is_announced(alice)
    assert alice.status("POST", f"v4/room/{token}/participants", newParticipant=NUMBER, source="phones") == 501


@pytest.mark.usefixtures("bridge")
def test_only_moderators_see_the_whole_number(alice: Person, bob: Person, token: str) -> None:
    alice.add(token, "+49 (30) 123-456", "phones")
    seen = phone_of(alice, token)
    assert (seen["phoneNumber"], seen["callId"], seen["displayName"]) == (NUMBER, "", "+493012…")
    assert phone_of(bob, token)["phoneNumber"] == ""
    assert NUMBER not in bob.request("GET", f"v4/room/{token}/participants").text
    assert NUMBER not in bob.request("GET", f"v1/chat/{token}", lookIntoFuture=0).text
    (report,) = [
        each for each in bob.history(token) if each["messageParameters"].get("user", {}).get("type") == "phone"
    ]
    assert report["systemMessage"] == "user_added"
    assert report["messageParameters"]["user"] == {"type": "phone", "id": seen["actorId"], "name": "+493012…"}


@pytest.mark.usefixtures("bridge")
def test_a_number_is_one_attendee_and_keeps_its_id_when_added_again(alice: Person, token: str) -> None:
    alice.add(token, NUMBER, "phones")
    alice.add(token, "+49 30 123456", "phones")
    first = phone_of(alice, token)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=first["attendeeId"])
    assert alice.system_messages(token)[-1] == "user_removed"
    assert not any(each["actorType"] == "phones" for each in alice.participants(token).values())
    alice.add(token, NUMBER, "phones")
    assert phone_of(alice, token)["actorId"] == first["actorId"]
    other = alice.create_room(participants={"phones": [NUMBER]})
    assert phone_of(alice, other)["actorId"] != first["actorId"]


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    "text", ["", "030123456", "+0301234567", "+4930", "+49301234567890123", "+49 30 x1234", "alice"]
)
def test_invalid_numbers_are_refused(alice: Person, token: str, text: str) -> None:
    refused = alice.refused("POST", f"v4/room/{token}/participants", newParticipant=text, source="phones")
    assert refused == (400, "new-participant")


@pytest.mark.usefixtures("bridge")
def test_only_moderators_add_numbers_and_phones_do_not_moderate(alice: Person, bob: Person, token: str) -> None:
    assert bob.status("POST", f"v4/room/{token}/participants", newParticipant=NUMBER, source="phones") == 403
    alice.add(token, NUMBER, "phones")
    number = phone_of(alice, token)["attendeeId"]
    assert alice.status("POST", f"v4/room/{token}/moderators", attendeeId=number) == 400


def test_a_number_belongs_to_one_account_and_is_deleted_with_it(server: Server, alice: Person, bob: Person) -> None:
    db = server.app.world.db
    server.run(db.write(lambda tx: sip.add_number(tx, NUMBER, alice.id, force=True)))  # another test may have set it
    with pytest.raises(Conflict):
        server.run(db.write(lambda tx: sip.add_number(tx, NUMBER, bob.id)))
    server.run(db.write(lambda tx: sip.add_number(tx, NUMBER, bob.id, force=True)))
    found = server.run(db.read(lambda tx: sip.find_number(tx, NUMBER)))
    assert (found.number, found.user_id) == (NUMBER.removeprefix("+"), bob.id)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    with pytest.raises(NotFound):
        server.run(db.read(lambda tx: sip.find_number(tx, NUMBER)))
