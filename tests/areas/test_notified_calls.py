"""Notifications of calls and invitations."""

from typing import Any

from support.notifications import PATH
from support.people import PUBLIC, Person
from support.running import Server


# --- calls ----------------------------------------------------------------------------------
def call_notifications(person: Person) -> list[dict[str, Any]]:
    """List the user's notifications of calls."""
    return [each for each in person.get(PATH) if each["object_type"] == "call"]


def test_a_call_rings_until_it_is_answered_or_missed(server: Server, alice: Person, bob: Person, private: str) -> None:
    alice.say(private, "Hello")
    alice.join(private)
    alice.post(f"v4/call/{private}")
    (ringing,) = call_notifications(bob)
    assert (ringing["object_id"], ringing["subject"]) == (private, "Alice would like to talk with you")
    assert ringing["actions"] == [
        {"label": "Answer call", "link": f"{server.url}/call/{private}#direct-call", "type": "WEB", "primary": True}
    ]
    assert call_notifications(alice) == []
    alice.delete(f"v4/call/{private}")
    (missed,) = call_notifications(bob)
    assert missed["subject"] == "You missed a call from Alice"
    assert missed["actions"][0]["label"] == "Call back"
    alice.post(f"v4/call/{private}")
    (again,) = call_notifications(bob)
    assert again["notification_id"] > missed["notification_id"]
    bob.join(private)
    bob.post(f"v4/call/{private}")
    assert call_notifications(bob) == []


def test_calls_notify_attendees_who_have_them_switched_on(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    carol, dave, erin = (server.add_user(name) for name in ("carol", "dave", "erin"))
    for person in (carol, dave, erin):
        alice.add(token, person)
    carol.post(f"v4/room/{token}/notify-calls", level=0)
    dave.post(f"v4/room/{token}/archive")
    alice.join(token)
    alice.post(f"v4/call/{token}", silentFor=[erin.id])
    assert [each["subject"] for each in call_notifications(bob)] == ["A group call has started in Room"]
    assert call_notifications(carol) == call_notifications(dave) == call_notifications(erin) == []
    alice.delete(f"v4/call/{token}")
    assert [each["subject"] for each in call_notifications(bob)] == ["You missed a group call in Room"]


def test_silent_calls_notify_nobody(server: Server, alice: Person, bob: Person, token: str) -> None:
    alice.join(token)
    alice.post(f"v4/call/{token}", silent=True)
    assert call_notifications(bob) == []


def test_ringing_notifies_an_attendee_each_time(server: Server, alice: Person, bob: Person, token: str) -> None:
    carol = server.add_user("carol")
    alice.add(token, carol)
    bob.post(f"v4/room/{token}/notify-calls", level=0)
    path = f"v4/call/{token}/ring/{alice.attendee(token, bob)}"
    alice.join(token)
    assert alice.refused("POST", path) == (400, "in-call")
    alice.post(f"v4/call/{token}", silent=True)
    assert carol.status("POST", path) == 403
    alice.post(path)
    (first,) = call_notifications(bob)
    alice.post(path)
    (second,) = call_notifications(bob)
    assert second["notification_id"] > first["notification_id"]
    assert call_notifications(carol) == []
    bob.join(token)
    bob.post(f"v4/call/{token}")
    assert alice.refused("POST", path) == (400, "in-call")
    assert call_notifications(bob) == []
    bob.delete(f"v4/call/{token}")
    alice.post(path)
    assert len(call_notifications(bob)) == 1


def test_only_accounts_can_be_rung(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    guest = server.visitor()
    guest_id = guest.join(token)["actorId"]
    alice.join(token)
    alice.post(f"v4/call/{token}", silent=True)
    ring = f"v4/call/{token}/ring"
    assert alice.refused("POST", f"{ring}/{alice.attendee(token, guest_id)}") == (400, "actor-type")
    assert alice.status("POST", f"{ring}/999999") == 404
    elsewhere = alice.create_room()
    alice.add(elsewhere, bob)
    assert alice.status("POST", f"{ring}/{alice.attendee(elsewhere, bob)}") == 404


def test_moderators_ring_and_others_if_a_setting_allows_it(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    carol, visitor = server.add_user("carol"), server.visitor()
    for person in (bob, carol):
        alice.add(token, person)
    guest_id = visitor.join(token)["actorId"]
    for person in (alice, bob, visitor):
        person.join(token)
        person.post(f"v4/call/{token}", silent=True)
    path = f"v4/call/{token}/ring/{alice.attendee(token, carol)}"

    def statuses() -> list[int]:
        return [person.status("POST", path) for person in (alice, bob, visitor)]

    setting = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/everyone_may_ring"
    assert statuses() == [200, 403, 403]
    try:
        assert server.admin.post(setting, json={"value": "yes"}).is_success
        assert statuses() == [200, 200, 200]
        alice.put(f"v4/room/{token}/permissions/default", permissions=1 | 4 | 128)  # not CALL_START
        assert statuses() == [200, 403, 403]
    finally:
        assert server.admin.delete(setting).is_success
    alice.put(f"v4/room/{token}/permissions/default", permissions=0)
    for actor_id in (bob.id, guest_id):
        alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, actor_id))
    assert statuses() == [200, 200, 200]


# --- invitations ----------------------------------------------------------------------------
def invitations(person: Person) -> list[str]:
    """List the subjects of the user's notifications of invitations."""
    return [each["subject"] for each in person.get(PATH) if each["object_type"] == "room"]


def test_an_invitation_notifies_until_the_room_is_joined(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    assert invitations(bob) == ["Alice invited you to a group conversation: Room"]
    assert bob.get(PATH)[0]["object_id"] == token
    assert invitations(alice) == []
    bob.join(token)
    assert invitations(bob) == []


def test_a_call_replaces_everybodys_invitation(server: Server, alice: Person, bob: Person, token: str) -> None:
    carol, elsewhere = server.add_user("carol"), alice.create_room()
    alice.add(elsewhere, bob)
    alice.join(token)
    alice.post(f"v4/call/{token}", silent=True)
    alice.delete(f"v4/call/{token}")
    assert len(invitations(bob)) == 2, "a silent call replaces no notification"
    bob.post(f"v4/room/{token}/notify-calls", level=0)
    alice.post(f"v4/call/{token}")
    assert [each["object_id"] for each in bob.get(PATH)] == [elsewhere]
    alice.add(token, carol)
    (invited,) = carol.get(PATH)
    assert (invited["object_type"], invited["actions"][0]["label"]) == ("room", "Join call")


def test_users_who_join_by_themselves_are_not_notified(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    bob.join(token)
    assert bob.get(PATH) == []
