"""Attendees of rooms: add, leave, remove, promote."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC
from support.running import Server, unique
from support.waiting import await_waiting, begin_waiting

MODERATOR, USER, GUEST, SELF_JOINED, GUEST_MODERATOR = 2, 3, 4, 5, 6


def test_adding_a_user(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    assert alice.add(token, bob) == []
    shown = bob.participants(token)[bob.id]
    assert (shown["participantType"], shown["displayName"], shown["sessionIds"]) == (USER, "Bob", [])
    assert alice.add(token, bob) == []
    assert alice.system_messages(token) == ["conversation_created", "user_added"]
    assert alice.refused("POST", f"v4/room/{token}/participants", newParticipant="nobody") == (404, "new-participant")
    assert alice.refused("POST", f"v4/room/{token}/participants", newParticipant="x", source="moon") == (400, "source")


def test_adding_a_group_adds_its_members(server: Server) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    group = server.add_group(alice, bob, carol)
    token = alice.create_room()
    alice.add(token, group, "groups")
    assert set(alice.participants(token)) == {alice.id, bob.id, carol.id, group}
    assert alice.participants(token)[alice.id]["participantType"] == 1
    assert alice.refused("POST", f"v4/room/{token}/participants", newParticipant="none", source="groups")[0] == 404


def test_removing_a_group_keeps_moderators_and_members_of_other_groups(server: Server) -> None:
    alice, bob, carol, dave = (server.add_user(name) for name in ("alice", "bob", "carol", "dave"))
    first, second = server.add_group(bob, carol, dave), server.add_group(carol)
    token = alice.create_room()
    alice.add(token, first, "groups")
    alice.add(token, second, "groups")
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, dave))
    alice.delete(f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, first))
    assert set(alice.participants(token)) == {alice.id, carol.id, dave.id, second}


def test_a_renamed_group_is_renamed_as_an_attendee(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    group = server.add_group(bob)
    token = alice.create_room()
    alice.add(token, group, "groups")
    path = f"/ocs/v2.php/cloud/groups/{group}"
    server.admin.put(path, json={"key": "displayname", "value": "The crew"}).raise_for_status()
    assert alice.participants(token)[group]["displayName"] == "The crew"
    added = next(each for each in alice.history(token) if each["systemMessage"] == "group_added")
    assert added["messageParameters"]["group"]["name"] == "The crew"


def test_inviting_by_email_opens_the_room(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(GROUP)
    address = f"{unique('guest')}@example.org"
    assert alice.add(token, address, "emails") == {"type": PUBLIC}
    for again in (address, f"{unique('guest')}@example.org"):
        assert alice.add(token, again, "emails") == {"type": PUBLIC}, "the room is public already"
    assert alice.post(f"v1/room/{token}/participants", newParticipant=address, source="emails") == {"type": "3"}
    assert alice.add(token, server.add_user("bob")) == []
    invited = [each for each in alice.participants(token).values() if each["actorType"] == "emails"]
    assert [(each["participantType"], each["displayName"]) for each in invited] == [(GUEST, "")] * 2
    path = f"v4/room/{token}/participants"
    assert alice.refused("POST", path, newParticipant="nowhere", source="emails") == (400, "new-participant")


def test_only_moderators_see_the_address_of_an_invitation(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    address = f"{unique('guest')}@example.org"
    alice.add(token, address, "emails")
    assert any(each.get("invitedActorId") == address for each in alice.participants(token).values())
    assert not any(each.get("invitedActorId") for each in bob.participants(token).values())


def test_the_last_moderator_cannot_leave(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    assert alice.refused("DELETE", f"v4/room/{token}/participants/self") == (400, "last-moderator")
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    alice.delete(f"v4/room/{token}/participants/self")
    assert set(bob.participants(token)) == {bob.id}
    assert "user_removed" in bob.system_messages(token)
    bob.delete(f"v4/room/{token}/participants/self")
    assert token not in bob.rooms()


def test_the_last_moderators_cannot_leave_at_the_same_time(server: Server, threads: ThreadPoolExecutor) -> None:
    for _ in range(4):
        alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
        token = alice.create_room(participants={"users": [bob.id, carol.id]})
        alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
        leaving = [threads.submit(who.status, "DELETE", f"v4/room/{token}/participants/self") for who in (alice, bob)]
        assert sorted(each.result() for each in leaving) == [200, 400]
        assert any(each["participantType"] in (1, MODERATOR) for each in carol.participants(token).values())


def test_promoting_and_demoting(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    number, own = alice.attendee(token, bob), alice.attendee(token, alice)
    path = f"v4/room/{token}/moderators"
    assert bob.status("POST", path, attendeeId=number) == 403
    alice.post(path, attendeeId=number)
    assert bob.room(token)["participantType"] == MODERATOR
    assert alice.status("POST", path, attendeeId=number) == 400
    assert alice.status("POST", path, attendeeId=own) == 403
    assert bob.status("DELETE", path, attendeeId=own) == 400
    assert bob.status("DELETE", path, attendeeId=number) == 403
    alice.delete(path, attendeeId=number)
    assert bob.room(token)["participantType"] == USER
    assert bob.status("PUT", f"v4/room/{token}", roomName="x") == 403
    assert alice.system_messages(token)[-2:] == ["moderator_promoted", "moderator_demoted"]


def test_the_owner_cannot_be_removed(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    own = alice.attendee(token, alice)
    assert bob.refused("DELETE", f"v4/room/{token}/attendees", attendeeId=own) == (403, "owner")


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_owners_who_remove_themselves_leave(server: Server, version: str) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    path, own = f"{version}/room/{token}/attendees", alice.attendee(token, alice)
    alice.add(token, bob)
    assert alice.refused("DELETE", path, attendeeId=own) == (400, "last-moderator")
    bobs = alice.attendee(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=bobs)
    assert alice.status("DELETE", path, attendeeId=own) == 200
    assert set(bob.participants(token)) == {bob.id}
    assert bob.history(token)[0]["message"] == "{actor} left the conversation"
    assert bob.status("DELETE", path, attendeeId=bobs) == 200
    assert bob.status("GET", f"v4/room/{token}") == 404


def test_the_only_member_of_a_room_deletes_it_by_removing_themselves(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    bob.join(token)
    assert alice.status("DELETE", f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, alice)) == 200
    assert bob.status("GET", f"v4/room/{token}") == 404


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_old_clients_cannot_remove_owners_by_user_id(server: Server, version: str) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    path = f"{version}/room/{token}/participants"
    assert alice.status("DELETE", path, participant=alice.id) == 403
    assert bob.status("DELETE", path, participant=alice.id) == 403
    assert bob.status("DELETE", path, participant=bob.id) == 200
    assert set(alice.participants(token)) == {alice.id}


def test_nobody_is_removed_from_a_one_to_one(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    bob.post("v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    for who in (alice, bob):
        answer = alice.refused("DELETE", f"v4/room/{token}/attendees", attendeeId=alice.attendee(token, who))
        assert answer == (400, "room-type")


def test_a_guest_can_become_a_moderator(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    guest = visitor.join(token)["actorId"]
    assert visitor.status("PUT", f"v4/room/{token}", roomName="x") == 403
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, guest))
    assert visitor.put(f"v4/room/{token}", roomName="Mine")["participantType"] == GUEST_MODERATOR
    assert visitor.status("DELETE", f"v4/room/{token}") == 403


def test_a_self_joined_user_becomes_a_member_when_added(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    assert bob.join(token)["participantType"] == SELF_JOINED
    alice.add(token, bob)
    assert bob.room(token)["participantType"] == USER
    bob.delete(f"v4/room/{token}/participants/active")
    assert bob.id in alice.participants(token)


def test_a_message_adds_a_user_who_left_the_one_to_one_room_again(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    bob.post("v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    alice.say(token, "First")
    bob.delete(f"v4/room/{token}/participants/self")
    assert token not in bob.rooms()
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
    alice.say(token, "Are you there?")
    assert bob.rooms()[token]["unreadMessages"] >= 1


def test_the_last_user_who_leaves_a_one_to_one_room_deletes_it(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(token, "First")
    for who in (alice, bob):
        who.delete(f"v4/room/{token}/participants/self")
    again = bob.request("POST", "v4/room", roomType=ONE_TO_ONE, invite=alice.id)
    assert again.status_code == 201
    assert [each["message"] for each in bob.history(again.json()["ocs"]["data"]["token"])] == [
        "You created the conversation"
    ]


@pytest.mark.parametrize("version", ["v1", "v2", "v3", "v4"])
def test_leaving_deletes_a_one_to_one_room_for_both_if_a_setting_says_so(server: Server, version: str) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(token, "First")
    group = alice.create_room()
    alice.add(group, bob)
    setting = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/delete_one_to_one_conversations"
    server.admin.post(setting, json={"value": "1"}).raise_for_status()
    try:
        for who in (alice, bob):
            room = who.room(token)
            assert (room["canLeaveConversation"], room["canDeleteConversation"]) == (False, True)
        assert bob.room(group)["canLeaveConversation"] is True
        for left in (token, group):
            assert bob.status("DELETE", f"{version}/room/{left}/participants/self") == 200
    finally:
        server.admin.delete(setting).raise_for_status()
    assert set(alice.rooms()) == {group}
    assert alice.request("POST", "v4/room", roomType=ONE_TO_ONE, invite=bob.id).status_code == 201
    again = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert alice.texts(again) == []
    assert alice.room(again)["canLeaveConversation"] is True


def test_leaving_a_former_one_to_one_room_deletes_it(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    alice.say(token, "First")
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    alice.delete(f"v4/room/{token}/participants/self")
    assert alice.status("GET", f"v4/room/{token}") == 404


def test_a_self_joined_user_does_not_keep_the_last_member_from_leaving(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    bob.join(token)
    alice.delete(f"v4/room/{token}/participants/self")
    assert bob.status("GET", f"v4/room/{token}") == 404


@pytest.mark.parametrize("gone", [False, True])
def test_a_self_joined_user_who_leaves_does_not_delete_the_room(server: Server, gone: bool) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    bob.join(token)
    if gone:
        server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    else:
        bob.delete(f"v4/room/{token}/participants/self")
    assert set(alice.participants(token)) == {alice.id}


def test_a_guest_moderator_can_remove_themselves(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    number = alice.attendee(token, visitor.join(token)["actorId"])
    alice.post(f"v4/room/{token}/moderators", attendeeId=number)
    visitor.delete(f"v4/room/{token}/attendees", attendeeId=number)
    assert set(alice.participants(token)) == {alice.id}


def test_removing_a_member_ends_their_waiting_requests(server: Server, threads: ThreadPoolExecutor) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    bob.join(token)
    last = bob.history(token)[0]["id"]
    bob.get(f"v3/signaling/{token}")
    poll = begin_waiting(
        server, threads, bob.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last, timeout=20
    )
    signaling = threads.submit(bob.request, "GET", f"v3/signaling/{token}")
    await_waiting(server, 2)
    number = alice.attendee(token, bob)
    alice.delete(f"v4/room/{token}/attendees", attendeeId=number)
    assert poll.result(10).status_code == 404
    assert signaling.result(10).status_code == 404
    for method, path in (("GET", f"v4/room/{token}"), ("POST", f"v1/chat/{token}"), ("GET", f"v4/call/{token}")):
        assert bob.status(method, path, message="Hello") == 404


def test_a_rejoined_user_receives_nothing_after_their_removal(server: Server, threads: ThreadPoolExecutor) -> None:
    """A self-joined user becomes a new attendee when their only device joins again."""
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    bob.join(token)
    last, before = bob.history(token)[0]["id"], alice.attendee(token, bob)
    poll = begin_waiting(
        server, threads, bob.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last
    )
    bob.join(token)
    after = alice.attendee(token, bob)
    assert after != before
    alice.delete(f"v4/room/{token}/attendees", attendeeId=after)
    alice.say(token, "Among us")
    assert poll.result(20).status_code in (304, 404)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_attendees_of_other_rooms_are_not_found(server: Server, method: str) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    here, there = alice.create_room(), bob.create_room()
    bob.add(there, server.add_user("carol"))
    path = f"v4/room/{here}/moderators"
    own = {each["attendeeId"] for each in alice.participants(here).values()}
    for number in ({each["attendeeId"] for each in bob.participants(there).values()} | {-1, 0, 2**62}) - own:
        assert alice.status(method, path, attendeeId=number) == 404
        assert alice.status("DELETE", f"v4/room/{here}/attendees", attendeeId=number) == 404
    assert len(bob.participants(there)) == 2


def test_guests_do_not_list_participants(server: Server) -> None:
    alice, visitor = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    visitor.join(token)
    assert visitor.status("GET", f"v4/room/{token}/participants") == 403


def test_system_messages_name_promoted_guests_for_all_readers(server: Server) -> None:
    """No guest reads "You", not even one invited by e-mail."""
    alice, bob, guest = server.add_user("alice"), server.add_user("bob"), server.visitor()
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    guest_id = guest.join(token)["actorId"]
    guest.post(f"v1/guest/{token}/name", displayName="Vera")
    attendee = alice.attendee(token, guest_id)
    for method, system, text in (
        ("POST", "guest_moderator_promoted", "promoted {user} to moderator"),
        ("DELETE", "guest_moderator_demoted", "demoted {user} from moderator"),
    ):
        alice.request(method, f"v4/room/{token}/moderators", attendeeId=attendee).raise_for_status()
        for person, who in ((alice, "You"), (bob, "{actor}"), (guest, "{actor}")):
            newest = person.room(token)["lastMessage"]
            assert (newest["systemMessage"], newest["message"]) == (system, f"{who} {text}")
            assert newest["messageParameters"]["user"] == {
                "type": "guest",
                "id": f"guest/{guest_id}",
                "name": "Vera (guest)",
                "mention-id": f"guest/{guest_id}",
            }
