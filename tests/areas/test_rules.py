"""Rules of a room, preferences of its participants, first rooms of new users, and groups in rooms."""

import time
from typing import Any

import pytest

from support.people import CHANGELOG, GROUP, NOTE_TO_SELF, PUBLIC, Person
from support.running import Server
from talkd.areas.chat import change_service
from talkd.areas.overviews import service as overviews
from talkd.conversation import message_store
from talkd.core import clock
from talkd.storage.database import Tx


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The number of seconds by which the server's clock is ahead."""
    ahead = [0.0]
    monkeypatch.setattr(clock, "source", lambda: time.time() + ahead[0])
    return ahead


def expire(person: Person, token: str, seconds: int) -> dict[str, object]:
    shown: dict[str, object] = person.post(f"v4/room/{token}/message-expiration", seconds=seconds)
    return shown


def set_setting(server: Server, key: str, value: str | None) -> None:
    path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{key}"
    if value is None:
        server.admin.delete(path).raise_for_status()
    else:
        server.admin.post(path, json={"value": value}).raise_for_status()


# --- expiration -----------------------------------------------------------------------------
def test_expired_messages_are_hidden_before_any_job_runs(server: Server, later: list[float]) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    alice.say(token, "stays")
    expire(alice, token, 60)
    gone = alice.say(token, "goes")
    answer = bob.say(token, "answer", replyTo=gone["id"])
    expire(alice, token, 0)
    late = bob.say(token, "late answer", replyTo=gone["id"])
    news = {"lookIntoFuture": 1, "lastKnownMessageId": 1, "timeout": 0, "setReadMarker": 0, "limit": 200}
    assert "goes" in [each["message"] for each in alice.get(f"v1/chat/{token}", **news)]
    later[0] = 61
    assert alice.texts(token) == ["stays", "late answer"]
    seen = alice.get(f"v1/chat/{token}", **news)
    assert answer["id"] not in [each["id"] for each in seen]
    (last,) = [each for each in seen if each["id"] == late["id"]]
    assert last["parent"] == {"id": gone["id"], "deleted": True}
    assert bob.refused("POST", f"v1/chat/{token}", message="x", replyTo=gone["id"]) == (400, "reply-to")


def test_expired_messages_are_deleted_in_portions(
    server: Server, later: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    monkeypatch.setattr(change_service, "EXPIRED_AT_ONCE", 4)
    portions: dict[int, list[int]] = {}
    delete = message_store.delete_expired

    async def count(tx: Tx, room_id: int, limit: int, now: int) -> list[int]:
        deleted = await delete(tx, room_id, limit, now)
        portions.setdefault(room_id, []).append(len(deleted))
        return deleted

    monkeypatch.setattr(message_store, "delete_expired", count)
    expire(alice, token, 60)
    for number in range(9):
        alice.say(token, f"goes {number}")
    with server.loop_thread.still_clock():  # the server's own job does not run
        later[0] = 61
        server.run_job("delete_expired_messages")
    mine = max(portions.values(), key=sum)
    assert sum(mine) >= 9
    assert set(mine[:-1]) == {4}
    assert mine[-1] < 4


@pytest.mark.parametrize("is_tidied", [False, True])
def test_the_last_message_is_the_newest_visible_one(server: Server, later: list[float], is_tidied: bool) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    stays = alice.say(token, "stays")["id"]
    expire(alice, token, 60)
    gone = [alice.say(token, f"goes {number}")["id"] for number in range(2)]
    expire(alice, token, 0)
    alice.post(f"v1/reaction/{token}/{stays}", reaction="👍")
    alice.put(f"v1/chat/{token}/{gone[1]}", message="goes anyway")
    assert bob.rooms()[token]["unreadMessages"] == 3
    later[0] = 61
    if is_tidied:
        server.run_job("end_timed_out_sessions", "delete_old_signaling", "delete_expired_messages")
    visible = next(each for each in bob.history(token) if each["systemMessage"] not in ("reaction", "message_edited"))
    for shown in (bob.rooms()[token], bob.room(token)):
        assert (shown["unreadMessages"], shown["lastMessage"]["id"]) == (1, visible["id"])
    expire(alice, token, 60)
    alice.delete(f"v1/chat/{token}")
    later[0] = 200
    assert "lastMessage" not in bob.rooms()[token], "all messages have expired"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "0 minutes"), (60, "1 minute"), (3600, "1 hour"), (28800, "8 hours"), (86400, "1 day"), (2419200, "4 weeks")],
)
def test_the_system_message_of_an_expiration(sqlite_server: Server, seconds: int, words: str) -> None:
    alice = sqlite_server.add_user("alice")
    token = alice.create_room()
    expire(alice, token, seconds)
    assert alice.history(token)[0]["message"] == f"You set the message expiration to {words}"


def test_refused_expirations(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    path = f"v4/room/{token}/message-expiration"
    for seconds in (-5, 2**31):
        assert alice.refused("POST", path, seconds=seconds) == (400, "value")
    assert expire(alice, token, 2**31 - 1)["messageExpiration"] == 2**31 - 1
    assert bob.status("POST", path, seconds=5) == 403
    assert server.visitor().status("POST", path, seconds=5) == 404


# --- mentions, consent, phone, recording ----------------------------------------------------
def test_a_room_can_restrict_mentioning_all_to_moderators(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    path = f"v4/room/{token}/mention-permissions"
    assert alice.put(path, mentionPermissions=1)["mentionPermissions"] == 1
    assert bob.say(token, "hey @all")["message"] == "hey @all"
    assert not alice.rooms()[token]["unreadMention"]
    assert alice.say(token, "hey @all")["message"] == "hey {mention-call1}"
    assert bob.rooms()[token]["unreadMention"]
    assert alice.refused("PUT", path, mentionPermissions=2) == (400, "value")
    assert bob.status("PUT", path, mentionPermissions=0) == 403
    pair = alice.post("v4/room", roomType=1, invite=bob.id)["token"]
    assert alice.refused("PUT", f"v4/room/{pair}/mention-permissions", mentionPermissions=1) == (400, "type")


def test_a_room_decides_about_recording_consent_if_the_server_lets_it(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    path = f"v4/room/{token}/recording-consent"
    assert alice.refused("PUT", path, recordingConsent=1) == (412, "config")
    set_setting(server, "recording_consent", "2")
    try:
        assert alice.put(path, recordingConsent=1)["recordingConsent"] == 1
        assert alice.refused("PUT", path, recordingConsent=9) == (400, "value")
        alice.join(token)
        alice.post(f"v4/call/{token}", flags=1, recordingConsent=True)
        assert alice.put(path, recordingConsent=1)["recordingConsent"] == 1
        assert alice.put(path, recordingConsent=0)["recordingConsent"] == 0
        assert alice.refused("PUT", path, recordingConsent=1) == (400, "call")
    finally:
        set_setting(server, "recording_consent", None)


def test_scheduling_a_meeting_is_refused_without_a_calendar(server: Server) -> None:
    alice = server.add_user("alice")
    path = f"v4/room/{alice.create_room()}/meeting"
    assert alice.refused("POST", path, calendarUri="personal", start=1) == (400, "calendar")
    assert server.add_user().status("POST", path, calendarUri="personal", start=1) == 404


def test_recording_and_dial_in_are_refused_without_their_servers(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    assert alice.refused("PUT", f"v4/room/{token}/webinar/sip", state=1) == (412, "config")
    assert alice.refused("POST", f"v1/recording/{token}", status=1) == (400, "call")
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=1)
    assert alice.refused("POST", f"v1/recording/{token}", status=1) == (400, "config")
    assert alice.delete(f"v1/recording/{token}") is None
    assert alice.status("POST", f"v1/recording/{token}/store") == 401
    assert alice.status("POST", f"v4/room/{token}/open-dial-in") == 401


# --- preferences ----------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["archive", "important", "sensitive"])
def test_preferences_apply_only_to_the_caller(server: Server, what: str) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.create_room()
    alice.add(token, bob)
    field = {"archive": "isArchived", "important": "isImportant", "sensitive": "isSensitive"}[what]
    assert bob.post(f"v4/room/{token}/{what}")[field] is True
    assert bob.post(f"v4/room/{token}/{what}")[field] is True
    assert alice.room(token)[field] is False
    assert bob.delete(f"v4/room/{token}/{what}")[field] is False
    assert server.visitor().status("POST", f"v4/room/{token}/{what}") == 401
    assert server.add_user("carol").status("POST", f"v4/room/{token}/{what}") == 404


def test_a_sensitive_room_shows_no_message_in_the_list(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    alice.say(token, "secret")
    assert "lastMessage" not in alice.post(f"v4/room/{token}/sensitive")
    assert "lastMessage" not in alice.rooms()[token]
    assert "lastMessage" in alice.delete(f"v4/room/{token}/sensitive")


def test_setting_the_state_of_a_session(server: Server) -> None:
    alice = server.add_user("alice")
    token = alice.create_room()
    path = f"v4/room/{token}/participants/state"
    assert alice.status("PUT", path, state=0) == 404
    alice.join(token)
    assert alice.put(path, state=0)["token"] == token
    assert alice.status("PUT", path, state=2) == 400


def test_capabilities_of_a_room(server: Server) -> None:
    alice, guest = server.add_user("alice"), server.visitor()
    token = alice.create_room(PUBLIC)
    assert "ban-v1" in alice.get(f"v4/room/{token}/capabilities")["features"]
    assert guest.status("GET", f"v4/room/{token}/capabilities") == 404
    guest.join(token)
    assert guest.get(f"v4/room/{token}/capabilities")["config"]["conversations"]["can-create"] is False


# --- first rooms of new users ---------------------------------------------------------------
def test_a_new_user_gets_a_changelog_and_a_note_to_self(server: Server) -> None:
    alice = server.add_user("alice")
    first = {room["type"]: room for room in alice.get("v4/room")}
    assert set(first) == {CHANGELOG, NOTE_TO_SELF}
    news, notes = first[CHANGELOG], first[NOTE_TO_SELF]
    assert (news["readOnly"], news["participantType"], news["unreadMessages"]) == (1, 3, 2)
    assert notes["isFavorite"] is True
    assert alice.status("POST", f"v1/chat/{news['token']}", message="hello?") == 403
    assert alice.get("v4/room/note-to-self")["token"] == notes["token"]
    alice.delete(f"v4/room/{news['token']}/participants/self")
    alice.delete(f"v4/room/{notes['token']}")
    assert alice.get("v4/room") == []


def test_two_concurrent_first_lists_create_the_rooms_once(server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    alice = server.add_user("alice")
    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(lambda _: alice.get("v4/room"), range(4)))
    assert {len(rooms) for rooms in lists} == {2}
    assert len(alice.get("v4/room")) == 2


def test_a_first_list_has_the_rooms_that_another_request_has_just_created(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = server.add_user("alice")
    assert len(alice.get("v4/room")) == 2
    looks: list[str] = []

    async def look(tx: Any, user_id: str, **options: Any) -> Any:
        looks.append(user_id)
        return [] if looks == [alice.id] else await list_overviews(tx, user_id, **options)

    list_overviews = overviews.list_overviews
    monkeypatch.setattr(overviews, "list_overviews", look)
    assert len(alice.get("v4/room")) == 2


def test_the_changelog_can_be_switched_off(server: Server) -> None:
    set_setting(server, "changelog", "no")
    try:
        assert [room["type"] for room in server.add_user("alice").get("v4/room")] == [NOTE_TO_SELF]
    finally:
        set_setting(server, "changelog", None)


# --- groups ---------------------------------------------------------------------------------
def member(server: Server, method: str, person: Person, group: str) -> None:
    path = f"/ocs/v2.php/cloud/users/{person.id}/groups"
    server.admin.request(method, path, json={"groupid": group}).raise_for_status()


def test_members_of_a_group_are_added_to_and_removed_from_its_rooms(server: Server) -> None:
    alice, bob, carol, dave = (server.add_user(name) for name in ("alice", "bob", "carol", "dave"))
    group, other = server.add_group(bob), server.add_group(dave)
    token = alice.create_room(GROUP)
    for each in (group, other):
        alice.add(token, each, "groups")
    member(server, "POST", carol, group)
    member(server, "POST", dave, group)
    assert {carol.id, dave.id} < set(alice.participants(token))
    said = alice.history(token)[0]
    assert (said["actorType"], said["actorId"], said["message"]) == ("users", "admin", "{actor} added {user}")
    member(server, "DELETE", carol, group)
    assert alice.history(token)[0]["actorId"] == "admin"
    member(server, "DELETE", dave, group)
    assert set(alice.participants(token)) == {alice.id, bob.id, dave.id, group, other}
    alice.post(f"v4/room/{token}/moderators", attendeeId=alice.attendee(token, bob))
    server.admin.delete(f"/ocs/v2.php/cloud/groups/{group}").raise_for_status()
    assert set(alice.participants(token)) == {alice.id, bob.id, dave.id, other}
