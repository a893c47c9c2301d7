"""Bans: whom they remove and keep out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server, unique
from support.waiting import begin_waiting


def ban(moderator: Person, token: str, kind: str, actor_id: str, note: str = "") -> dict[str, object]:
    answer: dict[str, object] = moderator.post(f"v1/ban/{token}", actorType=kind, actorId=actor_id, internalNote=note)
    return answer


def test_a_banned_user_is_removed_and_cannot_join_again(server: Server) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    token = alice.create_room(PUBLIC)
    for person in (bob, carol):
        alice.add(token, person)
    carol.join(token)
    assert ban(alice, token, "users", carol.id, "rude")["bannedDisplayName"] == "Carol"
    assert carol.id not in alice.participants(token)
    assert carol.refused("POST", f"v4/room/{token}/participants/active") == (403, "ban")
    assert alice.refused("POST", f"v4/room/{token}/participants", newParticipant=carol.id) == (400, "ban")
    assert carol.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
    seen = carol.room(token)
    assert (seen["name"], seen["permissions"], seen["sessionId"]) == ("", 1, "0")
    assert alice.system_messages(token)[-1] == "user_removed"


def test_adding_a_group_does_not_add_banned_members(server: Server) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    token = alice.create_room()
    ban(alice, token, "users", carol.id)
    group = server.add_group(bob, carol)
    alice.add(token, group, "groups")
    assert set(alice.participants(token)) == {alice.id, bob.id, group}
    late = server.add_user("late")
    ban(alice, token, "users", late.id)
    server.admin.post(f"/ocs/v2.php/cloud/users/{late.id}/groups", json={"groupid": group}).raise_for_status()
    assert late.id not in alice.participants(token)


def test_a_ban_ends_polls_and_calls_at_once(server: Server, threads: ThreadPoolExecutor) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    alice.add(token, bob)
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}", flags=3)
    last = alice.history(token)[0]["id"]
    poll = begin_waiting(
        server, threads, bob.request, "GET", f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last, timeout=30
    )
    ban(alice, token, "users", bob.id)
    assert poll.result(10).status_code == 404
    assert [peer["actorId"] for peer in alice.get(f"v4/call/{token}")] == [alice.id]


def test_a_second_ban_of_the_same_user_changes_nothing(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    first = ban(alice, token, "users", "nobody-yet", "one")
    assert ban(alice, token, "users", "nobody-yet", "two") == first
    assert alice.get(f"v1/ban/{token}") == [first]


def test_lifting_a_ban_lets_people_in_again(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token, other = alice.create_room(PUBLIC), alice.create_room(PUBLIC)
    number = ban(alice, token, "users", bob.id)["id"]
    alice.delete(f"v1/ban/{other}/{number}")
    assert bob.status("POST", f"v4/room/{token}/participants/active") == 403
    alice.delete(f"v1/ban/{token}/{number}")
    alice.delete(f"v1/ban/{token}/{number}")
    assert bob.join(token)["participantType"] == 5


def test_moderators_the_caller_and_malformed_ids_cannot_be_banned(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    path = f"v1/ban/{token}"
    for kind, actor_id, reason in (
        ("users", alice.id, "self"),
        ("users", bob.id, "moderator"),
        ("users", "", "bannedActor"),
        ("moons", bob.id, "bannedActor"),
        ("guests", "no-guest", "bannedActor"),
        ("emails", "a@example.org", "bannedActor"),
        ("ip", "here", "bannedActor"),
    ):
        assert alice.refused("POST", path, actorType=kind, actorId=actor_id) == (400, reason)
    note = "ü" * 2001
    assert alice.refused("POST", path, actorType="users", actorId="x", internalNote=note) == (400, "internalNote")
    pair = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    assert alice.refused("POST", f"v1/ban/{pair}", actorType="users", actorId=bob.id) == (400, "room")


def test_only_moderators_see_and_make_bans(server: Server) -> None:
    alice, bob, carol = (server.add_user(name) for name in ("alice", "bob", "carol"))
    token = alice.create_room(GROUP)
    alice.add(token, bob)
    for person, status in ((bob, 403), (carol, 404), (server.visitor(), 404)):
        assert person.status("GET", f"v1/ban/{token}") == status
        assert person.status("POST", f"v1/ban/{token}", actorType="users", actorId="x") == status
        assert person.status("DELETE", f"v1/ban/{token}/1") == status


def test_a_banned_guest_is_recognised_by_their_browser(server: Server) -> None:
    alice, guest = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    guest_id = guest.join(token)["actorId"]
    ban(alice, token, "guests", guest_id)
    assert guest.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 404
    assert guest.refused("POST", f"v4/room/{token}/participants/active") == (403, "ban")


def test_the_address_of_a_banned_guest_is_banned_too(throttled_server: Server) -> None:
    server = throttled_server  # trusts X-Forwarded-For, so guests can have different addresses
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)

    def visitor(address: str) -> Person:
        return Person(server.client(headers={"X-Forwarded-For": address}), None)

    guest, neighbour, other = visitor("192.0.2.7"), visitor("192.0.2.7"), visitor("192.0.2.8")
    guest_id, neighbour_id = guest.join(token)["actorId"], neighbour.join(token)["actorId"]
    made = ban(alice, token, "guests", guest_id, "rude")
    assert ban(alice, token, "guests", guest_id, "again") == made
    name, address = alice.get(f"v1/ban/{token}")
    assert name == made
    assert (address["bannedActorType"], address["bannedActorId"], address["bannedDisplayName"]) == (
        "ip",
        "192.0.2.7",
        "192.0.2.7",
    )
    assert (address["internalNote"], address["moderatorActorId"]) == ("rude", alice.id)
    assert neighbour_id in alice.participants(token)
    for who in (guest, visitor("::ffff:192.0.2.7")):
        assert who.refused("POST", f"v4/room/{token}/participants/active") == (403, "ban")
    assert other.join(token)["participantType"] == 4
    alice.delete(f"v1/ban/{token}/{address['id']}")
    assert visitor("192.0.2.7").join(token)["participantType"] == 4
    assert guest.status("POST", f"v4/room/{token}/participants/active") == 403


def test_bans_show_current_names(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    ban(alice, token, "users", bob.id)
    for who, name in ((alice, "Alicia"), (bob, "Robert")):
        path = f"/ocs/v2.php/cloud/users/{who.id}"
        who.request("PUT", path, key="displayname", value=name).raise_for_status()
    (shown,) = alice.get(f"v1/ban/{token}")
    assert (shown["moderatorDisplayName"], shown["bannedDisplayName"]) == ("Alicia", "Robert")


@pytest.mark.parametrize("banned", ["127.0.0.1", "127.0.0.0/8", "::ffff:7f00:1/128"])
def test_banning_an_address_removes_all_guests_with_it(server: Server, banned: str) -> None:
    alice, guest = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    guest.join(token)
    ban(alice, token, "ip", banned)
    assert set(alice.participants(token)) == {alice.id}
    assert server.visitor().refused("POST", f"v4/room/{token}/participants/active") == (403, "ban")
    alice.join(token)
    assert server.add_user("bob").join(token)["participantType"] == 5


def test_a_banned_e_mail_guest_cannot_be_invited_again(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    address = f"{unique('guest')}@example.org"
    alice.add(token, address, "emails")
    (invited,) = [each for each in alice.participants(token).values() if each["actorType"] == "emails"]
    ban(alice, token, "emails", invited["actorId"])
    path = f"v4/room/{token}/participants"
    assert alice.refused("POST", path, newParticipant=address, source="emails") == (400, "ban")


def test_a_ban_ends_with_the_account(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room(PUBLIC)
    ban(alice, token, "users", bob.id)
    server.admin.delete(f"/ocs/v2.php/cloud/users/{bob.id}").raise_for_status()
    assert alice.get(f"v1/ban/{token}") == []
