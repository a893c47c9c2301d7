"""All API versions at the same time: apps of four generations in one conversation."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from support.waiting import await_waiting, begin_waiting

VERSIONS = ("v1", "v2", "v3", "v4")
each_version = pytest.mark.parametrize("version", VERSIONS)

IN_CALL, WITH_VIDEO = 1, 7
MODERATOR, USER = 2, 3


class App:
    """A person's app of one API version. Paths are given without the version."""

    def __init__(self, person: Person, version: str) -> None:
        self.person, self.version = person, version

    def request(self, method: str, path: str, **params: Any) -> Any:
        return self.person.request(method, f"{self.version}/{path}", **params)

    def ask(self, method: str, path: str, **params: Any) -> Any:
        """Send a request that must succeed. Return its data."""
        answer = self.request(method, path, **params)
        assert answer.is_success, f"{self.version} {method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["ocs"]["data"]

    def room(self, token: str) -> dict[str, Any]:
        """Return the conversation, after checking that the list shows the same."""
        shown: dict[str, Any] = self.ask("GET", f"room/{token}")
        if not self.person.is_visitor:
            (listed,) = [room for room in self.ask("GET", "room") if room["token"] == token]
            assert listed == shown
        return shown

    def people(self, token: str) -> dict[str, dict[str, Any]]:
        """Return the users of a conversation by id."""
        users = {}
        for each in self.ask("GET", f"room/{token}/participants"):
            user_id = each["userId"] if self.version in ("v1", "v2") else each["actorId"]
            if user_id and each.get("actorType", "users") == "users":
                sessions = each["sessionIds"] if self.version == "v4" else [each["sessionId"]]
                users[user_id] = {
                    "name": each["displayName"],
                    "type": each["participantType"],
                    "inCall": each["inCall"],
                    "sessions": [session for session in sessions if session != "0"],
                }
        return users

    def of(self, token: str, other: Person) -> dict[str, Any]:
        """Return the parameters by which this version names a participant."""
        if self.version in ("v1", "v2"):
            return {"participant": other.id}
        return {"attendeeId": self.person.attendee(token, other)}

    def remove(self, token: str, other: Person) -> None:
        """Remove a participant."""
        path = "participants" if self.version in ("v1", "v2") else "attendees"
        self.ask("DELETE", f"room/{token}/{path}", **self.of(token, other))

    def lobby(self, token: str, state: int) -> None:
        """Turn the lobby on or off."""
        path = "webinar" if self.version == "v4" else "webinary"
        self.ask("PUT", f"room/{token}/{path}/lobby", state=state)


def apps(person: Person) -> list[App]:
    """Return apps of all versions for a person."""
    return [App(person, version) for version in VERSIONS]


def show(person: Person, token: str, **expected: Any) -> None:
    """Check that all versions show these fields of the conversation to the person."""
    for app in apps(person):
        shown = app.room(token)
        for name, value in expected.items():
            assert shown[name] == value, f"{app.version} {name}"


# --- conversations --------------------------------------------------------------------------
@each_version
@pytest.mark.parametrize("kind", [GROUP, PUBLIC])
def test_a_conversation_of_one_version_exists_in_all(alice: Person, version: str, kind: int) -> None:
    token = App(alice, version).ask("POST", "room", roomType=kind, roomName="Made")["token"]
    show(alice, token, type=kind, name="Made", displayName="Made", participantType=1, hasPassword=False)


@each_version
def test_two_users_have_one_one_to_one_conversation_in_all(alice: Person, bob: Person, version: str) -> None:
    first = App(alice, version).request("POST", "room", roomType=ONE_TO_ONE, invite=bob.id)
    token = first.json()["ocs"]["data"]["token"]
    assert first.status_code == 201
    for app in [*apps(alice), *apps(bob)]:
        other = bob if app.person is alice else alice
        again = app.request("POST", "room", roomType=ONE_TO_ONE, invite=other.id)
        assert (again.status_code, again.json()["ocs"]["data"]["token"]) == (200, token), app.version
    show(alice, token, type=ONE_TO_ONE, displayName="Bob")


Change = Callable[[App, str], Any]


@each_version
@pytest.mark.parametrize(
    ("change", "shown"),
    [
        (lambda app, token: app.ask("PUT", f"room/{token}", roomName="Renamed"), {"name": "Renamed"}),
        (lambda app, token: app.ask("POST", f"room/{token}/public"), {"type": PUBLIC}),
        (lambda app, token: app.ask("PUT", f"room/{token}/read-only", state=1), {"readOnly": 1}),
        (lambda app, token: app.lobby(token, 1), {"lobbyState": 1}),
    ],
    ids=["name", "public", "locked", "lobby"],
)
def test_settings_of_one_version_show_in_all(
    alice: Person, bob: Person, token: str, version: str, change: Change, shown: dict[str, Any]
) -> None:
    change(App(alice, version), token)
    for person in (alice, bob):
        show(person, token, **shown)


@each_version
def test_a_password_of_one_version_is_required_in_all(server: Server, alice: Person, version: str) -> None:
    token = alice.create_room(PUBLIC)
    App(alice, version).ask("PUT", f"room/{token}/password", password="let me in")
    show(alice, token, hasPassword=True)
    for other in VERSIONS:
        visitor = App(server.visitor(), other)
        path = f"room/{token}/participants/active"
        assert visitor.request("POST", path, password="wrong").status_code == 403
        assert visitor.ask("POST", path, password="let me in")["sessionId"]


@each_version
def test_personal_settings_of_one_version_show_in_all(alice: Person, bob: Person, token: str, version: str) -> None:
    app = App(bob, version)
    app.ask("POST", f"room/{token}/favorite")
    app.ask("POST", f"room/{token}/notify", level=3)
    show(bob, token, isFavorite=True, notificationLevel=3)
    show(alice, token, isFavorite=False, notificationLevel=2)
    app.ask("DELETE", f"room/{token}/favorite")
    show(bob, token, isFavorite=False)


@each_version
def test_a_conversation_deleted_in_one_is_deleted_in_all(alice: Person, bob: Person, token: str, version: str) -> None:
    App(alice, version).ask("DELETE", f"room/{token}")
    for app in [*apps(alice), *apps(bob)]:
        gone, absent = (app.request("GET", f"room/{name}") for name in (token, "abcdefgh"))
        assert (gone.status_code, gone.content) == (404, absent.content)
        assert token not in app.request("GET", "room").text


# --- participants ---------------------------------------------------------------------------------
@each_version
def test_participants_are_added_and_removed_in_all(
    server: Server, alice: Person, bob: Person, token: str, version: str
) -> None:
    carla, app = server.add_user("carla"), App(alice, version)
    app.ask("POST", f"room/{token}/participants", newParticipant=carla.id)
    for each in [*apps(alice), *apps(carla)]:
        assert list(each.people(token)) == [alice.id, bob.id, carla.id]
    app.remove(token, carla)
    App(bob, version).ask("DELETE", f"room/{token}/participants/self")
    for each in apps(alice):
        assert list(each.people(token)) == [alice.id]
    for each in [*apps(bob), *apps(carla)]:
        assert each.request("GET", f"room/{token}").status_code == 404


@each_version
def test_moderators_of_one_version_moderate_in_all(alice: Person, bob: Person, token: str, version: str) -> None:
    app = App(alice, version)
    app.ask("POST", f"room/{token}/moderators", **app.of(token, bob))
    show(bob, token, participantType=MODERATOR)
    for number, each in enumerate(apps(bob)):
        assert each.people(token)[bob.id]["type"] == MODERATOR
        each.ask("PUT", f"room/{token}", roomName=f"Name {number}")
    app.ask("DELETE", f"room/{token}/moderators", **app.of(token, bob))
    show(bob, token, participantType=USER)
    for each in apps(bob):
        assert each.request("PUT", f"room/{token}", roomName="No").status_code == 403


@each_version
def test_a_guest_of_one_version_is_listed_in_all(server: Server, alice: Person, version: str) -> None:
    token = alice.create_room(PUBLIC)
    visitor = server.visitor()
    session = App(visitor, version).ask("POST", f"room/{token}/participants/active")["sessionId"]
    visitor.post(f"v1/guest/{token}/name", displayName="Ada")
    show(visitor, token, participantType=4, sessionId=session)
    for app in apps(alice):
        (guest,) = [each for each in app.ask("GET", f"room/{token}/participants") if each["displayName"] == "Ada"]
        assert guest.get("sessionId", session) == session
        assert guest.get("userId", "") == ""
        assert guest.get("actorType", "guests") == "guests"
    assert App(alice, "v1").room(token)["numGuests"] == 1
    alice.delete(f"v1/room/{token}/participants/guests", participant=session)
    for app in apps(visitor):  # a visitor still sees the public room
        assert app.room(token)["sessionId"] == "0"
        assert app.request("GET", f"room/{token}/participants").status_code == 404


def test_devices_of_all_versions_belong_to_one_participant(
    server: Server, alice: Person, bob: Person, token: str
) -> None:
    sessions = []
    for version in VERSIONS:
        device = Person(server.client(bob.id), bob.id)
        sessions.append(App(device, version).ask("POST", f"room/{token}/participants/active")["sessionId"])
    assert len(set(sessions)) == len(VERSIONS)
    for app in apps(alice):
        shown = app.people(token)[bob.id]["sessions"]
        assert shown == (sessions if app.version == "v4" else sessions[-1:])
    for person in (alice, bob):
        (member,) = [one for name, one in App(person, "v1").room(token)["participants"].items() if name == bob.id]
        assert member["sessionId"] == sessions[-1]


# --- chat --------------------------------------------------------------------------------
def test_apps_of_2018_and_current_apps_chat(
    server: Server, alice: Person, bob: Person, token: str, threads: ThreadPoolExecutor
) -> None:
    """Both wait in the way of their version. A message of one wakes the other."""
    last = alice.history(token)[0]["id"]
    old = begin_waiting(server, threads, alice.get, f"v1/chat/{token}", offset=0, timeout=20)
    new = threads.submit(bob.get, f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=last, timeout=20)
    await_waiting(server, 2)
    said = bob.say(token, f"Hello @{alice.id}, from today")
    assert [each["message"] for each in old.result(10)] == ["Hello @Alice, from today"]
    assert [each["id"] for each in new.result(10)] == [said["id"]]
    new = begin_waiting(
        server, threads, bob.get, f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=said["id"], timeout=20
    )
    assert alice.request("POST", f"v1/chat/{token}", message="From 2018").status_code == 201
    assert [each["message"] for each in new.result(10)] == ["From 2018"]
    assert [each["message"] for each in alice.get(f"v1/chat/{token}", offset=1, timeout=0)] == ["From 2018"]


def test_unread_messages_show_in_all(alice: Person, bob: Person, token: str) -> None:
    ids = [alice.say(token, f"Hello @{bob.id}")["id"] for _ in range(3)]
    show(bob, token, unreadMessages=3, unreadMention=True)
    bob.get(f"v1/chat/{token}", offset=2, timeout=0)
    show(bob, token, unreadMessages=1, unreadMention=True, lastReadMessage=ids[1])
    bob.post(f"v1/chat/{token}/read", lastReadMessage=ids[2])
    show(bob, token, unreadMessages=0, unreadMention=False, lastReadMessage=ids[2])
    for app in apps(bob):
        assert app.room(token)["lastMessage"]["id"] == ids[2]


# --- calls ----------------------------------------------------------------------------------
def in_call(app: App, token: str) -> int:
    """Return the call flags of the app's user, as this version shows them."""
    shown = app.room(token)
    flags: int = shown["participantFlags"]
    if app.version == "v1":
        assert shown["participantInCall"] is bool(flags & IN_CALL)
    return flags


@each_version
def test_a_call_of_one_version_shows_in_all(alice: Person, bob: Person, token: str, version: str) -> None:
    for person in (alice, bob):
        person.join(token)
    app = App(bob, version)
    app.ask("POST", f"call/{token}", flags=WITH_VIDEO)
    show(alice, token, hasCall=True)
    for each in apps(bob):
        assert in_call(each, token) == WITH_VIDEO
        assert each.people(token)[bob.id]["inCall"] == WITH_VIDEO
        assert len(each.ask("GET", f"call/{token}")) == 1
    app.ask("PUT", f"call/{token}", flags=IN_CALL)
    alice.post(f"v4/call/{token}", flags=IN_CALL)
    for each in apps(bob):
        assert in_call(each, token) == IN_CALL
        assert len({peer["sessionId"] for peer in each.ask("GET", f"call/{token}")}) == 2
    app.ask("DELETE", f"call/{token}")
    assert [in_call(each, token) for each in apps(bob)] == [0] * len(VERSIONS)
    show(alice, token, hasCall=True)
    alice.delete(f"v4/call/{token}")
    show(bob, token, hasCall=False)


# --- rules that apply in all versions --------------------------------------------------------------------------------
def test_the_lobby_hides_messages_in_all(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "While the lobby is on")
    for app in apps(bob):
        assert "While the lobby is on" in str(app.room(token))
    App(alice, "v1").lobby(token, 1)
    for app in apps(bob):
        assert "While the lobby is on" not in str(app.room(token))
        assert app.request("GET", f"call/{token}").status_code == 412
    assert bob.status("GET", f"v1/chat/{token}", timeout=0) == 412
    assert bob.status("GET", f"v1/chat/{token}", lookIntoFuture=0) == 412


def test_a_sensitive_conversation_is_sensitive_in_all(alice: Person, bob: Person, token: str) -> None:
    alice.say(token, "Between us")
    for app in apps(bob):
        assert "Between us" in app.request("GET", "room").text
    bob.post(f"v4/room/{token}/sensitive")
    for app in apps(bob):
        assert "Between us" not in app.request("GET", "room").text, app.version


def test_a_banned_user_cannot_join_in_any(server: Server, alice: Person, bob: Person) -> None:
    token = alice.create_room(PUBLIC)
    bob.join(token)
    alice.post(f"v1/ban/{token}", actorType="users", actorId=bob.id)
    for app in apps(bob):
        assert app.request("POST", f"room/{token}/participants/active").status_code == 403, app.version
        assert bob.id not in App(alice, app.version).people(token)
    assert bob.status("GET", f"v1/chat/{token}", timeout=0) == 404


def test_a_locked_conversation_is_locked_in_all(alice: Person, bob: Person, token: str) -> None:
    App(alice, "v2").ask("PUT", f"room/{token}/read-only", state=1)
    bob.join(token)
    for app in apps(bob):
        assert app.request("POST", f"call/{token}", flags=1).status_code == 403, app.version
    assert bob.status("POST", f"v1/chat/{token}", message="No") == 403


def test_current_permissions_apply_in_all(alice: Person, bob: Person, token: str) -> None:
    path, just_calls_of_others = f"v4/room/{token}/attendees/permissions", 1 | 4
    alice.put(path, attendeeId=alice.attendee(token, bob), method="set", permissions=just_calls_of_others)
    bob.join(token)
    for app in apps(bob):
        assert app.request("POST", f"call/{token}", flags=1).status_code == 403, app.version
    assert bob.status("POST", f"v1/chat/{token}", message="No") == 403
