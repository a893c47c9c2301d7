"""The call API v4, of about 2022: the current operations."""

from hashlib import sha1
from typing import Any

from api_documents.calls_2019 import FLAGS, NOT_LOCKED, close_lobby, is_locked, waits_in_the_lobby
from api_documents.conversations_2018 import LENGTH_OF_SESSIONS
from api_documents.rows import Ask, Check, Row, answers, carries, is_unknown, of
from api_documents.scene import Scene
from support.people import Person

CALL = "v4/call/{token}"
RING = f"{CALL}/ring/{{attendeeId}}"
NOTIFICATIONS = "/ocs/v2.php/apps/notifications/api/v2/notifications"


# --- what the checks need -------------------------------------------------------------------
def joined(ask: Ask) -> Check:
    """Check for 200 after alice and bob have joined the room."""

    def check(scene: Scene) -> None:
        for who in (scene.alice, scene.bob):
            who.join(scene.group)
        answers(200, ask)(scene)

    return check


def in_call(scene: Scene) -> None:
    """Let alice join the call of the group and the visitor the call of the public room; bob only joins the group."""
    scene.alice.join(scene.group)
    scene.alice.post(CALL.format(token=scene.group))
    assert scene.guest
    scene.visitor.post(CALL.format(token=scene.public))
    scene.bob.join(scene.group)


def has_fields(scene: Scene, of_alice: Any, of_visitor: Any, name: str) -> None:
    """Check a field of alice in the call of the group and of the visitor in the call of the public room."""
    in_call(scene)
    carries(of("bob", "GET", CALL), name, type(of_alice), of_alice)(scene)
    carries(of("bob", "GET", CALL, "public"), name, type(of_visitor), of_visitor)(scene)


# --- API versions ---------------------------------------------------------------------------
def is_still_there(version: str) -> Check:
    """Check that a call in an older version is visible in v4."""

    def check(scene: Scene) -> None:
        scene.bob.join(scene.group)
        path = f"{version}/call/{scene.group}"
        assert scene.bob.status("POST", path) == 200
        assert len(scene.bob.get(path)) == len(scene.alice.get(CALL.format(token=scene.group))) == 1
        assert scene.bob.status("DELETE", path) == 200
        assert scene.alice.get(CALL.format(token=scene.group)) == []

    return check


def needs_cookies(scene: Scene) -> None:
    assert scene.guest
    scene.visitor.http.cookies.clear()
    assert scene.visitor.status("POST", CALL.format(token=scene.public)) == 404
    scene.bob.join(scene.group)
    scene.bob.http.cookies.clear()
    assert scene.bob.status("POST", CALL.format(token=scene.group)) == 200


# --- fields ---------------------------------------------------------------------------------
def has_actor_type(scene: Scene) -> None:
    has_fields(scene, "users", "guests", "actorType")


def is_since_v3(name: str) -> Check:
    """Check that a field is a string in v3 and v4, and absent in v1 and v2."""

    def check(scene: Scene) -> None:
        in_call(scene)
        for version in ("v3", "v4"):
            carries(of("bob", "GET", f"{version}/call/{{token}}"), name, str)(scene)
        for version in ("v1", "v2"):
            assert name not in scene.bob.get(f"{version}/call/{scene.group}")[0]

    return check


def has_actor_id(scene: Scene) -> None:
    has_fields(scene, scene.alice.id, sha1(scene.guest.encode()).hexdigest(), "actorId")


def has_user_id_before_v3(scene: Scene) -> None:
    in_call(scene)
    for version in ("v1", "v2"):
        carries(of("bob", "GET", f"{version}/call/{{token}}"), "userId", str, scene.alice.id)(scene)
    for version in ("v3", "v4"):
        assert "userId" not in scene.bob.get(f"{version}/call/{scene.group}")[0]


def has_display_name(scene: Scene) -> None:
    assert scene.guest
    scene.visitor.post(f"v1/guest/{scene.public}/name", displayName="Vera")
    has_fields(scene, "Alice", "Vera", "displayName")


def is_there_always(name: str, kind: type) -> Check:
    """Check that every version has the field, with the same value as in the room."""

    def check(scene: Scene) -> None:
        in_call(scene)
        value = scene.alice.room(scene.group)[name]
        for version in ("v1", "v2", "v3", "v4"):
            carries(of("bob", "GET", f"{version}/call/{{token}}"), name, kind, value)(scene)

    return check


def has_long_session(scene: Scene) -> None:
    in_call(scene)
    assert len(scene.guest) == 512
    carries(of("bob", "GET", CALL, "public"), "sessionId", str, scene.guest)(scene)


def is_list_of_sessions_in_call(scene: Scene) -> None:
    assert scene.bob.get(CALL.format(token=scene.group)) == []
    in_call(scene)
    assert [each["actorId"] for each in scene.bob.get(CALL.format(token=scene.group))] == [scene.alice.id]


# --- joining and changing -------------------------------------------------------------------
def has_flags(scene: Scene) -> None:
    scene.bob.join(scene.group)
    for flags in FLAGS:
        scene.bob.post(CALL.format(token=scene.group), flags=flags)
        assert scene.alice.participants(scene.group)[scene.bob.id]["inCall"] == flags


def changes_flags(scene: Scene) -> None:
    in_call(scene)
    for flags in FLAGS:
        scene.alice.put(CALL.format(token=scene.group), flags=flags)
        assert scene.bob.participants(scene.group)[scene.alice.id]["inCall"] == flags


def is_notified_of_call(scene: Scene) -> bool:
    """Return True if bob has a notification of the call in the group."""
    told = scene.bob.get(NOTIFICATIONS)
    return any((each["object_type"], each["object_id"]) == ("call", scene.group) for each in told)


def is_silent(scene: Scene) -> None:
    path = CALL.format(token=scene.group)
    scene.alice.join(scene.group)
    scene.alice.post(path, silent=True)
    assert not is_notified_of_call(scene)
    scene.alice.delete(path)
    scene.alice.post(path, silent=False)
    assert is_notified_of_call(scene)


def needs_being_in_it(scene: Scene) -> None:
    in_call(scene)
    assert scene.bob.status("PUT", CALL.format(token=scene.group), flags=3) == 400


def keeps_in_call(scene: Scene) -> None:
    in_call(scene)
    for flags in (0, 2, 6):
        assert scene.alice.status("PUT", CALL.format(token=scene.group), flags=flags) == 400


# --- ringing --------------------------------------------------------------------------------
def ring(scene: Scene, who: str = "alice", whom: str = "bob", room: str = "group") -> int:
    """Let `who` ring `whom` in a room. Return the status."""
    token, target = getattr(scene, room), getattr(scene, whom)
    number = scene.alice.attendee(token, target)
    person: Person = getattr(scene, who)
    return person.status("POST", RING.format(token=token, attendeeId=number))


def is_announced(scene: Scene) -> None:
    spreed = scene.alice.get("/ocs/v2.php/cloud/capabilities")["capabilities"]["spreed"]
    assert "send-call-notification" in spreed["features"]


def rings(scene: Scene) -> None:
    scene.alice.join(scene.group)
    scene.alice.post(CALL.format(token=scene.group), silent=True)
    assert not is_notified_of_call(scene)
    assert ring(scene) == 200
    assert is_notified_of_call(scene)


def rings_only_users(scene: Scene) -> None:
    assert scene.guest
    guest_id = sha1(scene.guest.encode()).hexdigest()
    scene.alice.join(scene.public)
    scene.alice.post(CALL.format(token=scene.public))
    number = scene.alice.attendee(scene.public, guest_id)
    assert scene.alice.status("POST", RING.format(token=scene.public, attendeeId=number)) == 400


def rings_nobody_in_the_call(scene: Scene) -> None:
    in_call(scene)
    scene.bob.post(CALL.format(token=scene.group))
    assert ring(scene) == 400
    assert not is_notified_of_call(scene)


def needs_a_call(scene: Scene) -> None:
    scene.alice.join(scene.group)
    assert ring(scene) == 400


def rings_from_inside(scene: Scene) -> None:
    in_call(scene)
    scene.promote(scene.bob, scene.group)
    scene.alice.add(scene.group, scene.stranger)
    assert ring(scene, "bob", "stranger") == 400
    assert ring(scene, "alice", "stranger") == 200


def rings_for_moderators(scene: Scene) -> None:
    in_call(scene)
    scene.alice.add(scene.group, scene.stranger)
    assert ring(scene, "bob", "stranger") == 403
    scene.bob.post(CALL.format(token=scene.group))
    assert ring(scene, "bob", "stranger") == 403
    scene.promote(scene.bob, scene.group)
    assert ring(scene, "bob", "stranger") == 200


def rings_only_past_the_lobby(scene: Scene) -> None:
    in_call(scene)
    scene.bob.post(CALL.format(token=scene.group))
    close_lobby(scene)
    assert ring(scene, "bob", "alice") == 412
    assert ring(scene) == 200, "the lobby took bob out of the call"


REMOVED = "Nextcloud removed it. talkd serves it beside v4; it is the same call in another form."
COOKIES = "Visitors need cookies. Requests of a user without cookies belong to their newest session."
HASHED = (
    "Recordings of the real server have the SHA-256 of the e-mail address instead of the address, and so has talkd."
)
AS_USERS = "v1 and v2 have it, empty for guests. v3 and v4 have `actorType` and `actorId` instead."
MAY_RING = (
    "The role is checked before the call. With the setting `everyone_may_ring`, all who may start calls may ring."
)
NOT_OPENED = (
    "A caller who has not joined the room gets 404, locked or not, as in recordings of the real server. "
    "A call continues when its room is locked."
)
NOT_LOCKED_EITHER = f"{NOT_OPENED} {NOT_LOCKED}"
LEFT_ALREADY = (
    "Turning the lobby on removes waiting members from the call. Members who have not joined the room get 404."
)

ROWS = (
    Row(1, "call", "API v1 until Nextcloud 21", is_still_there("v1"), REMOVED),
    Row(2, "call", "API v2 in Nextcloud 21", is_still_there("v2"), REMOVED),
    Row(3, "call", "API v3 in Nextcloud 21", is_still_there("v3"), REMOVED),
    Row(4, "call", "API v4 since Nextcloud 22", answers(200, of("bob", "GET", CALL))),
    Row(5, "call", "the base of the addresses", answers(200, of("bob", "GET", CALL))),
    Row(7, "call", "joining a room requires cookies", needs_cookies, COOKIES),
    Row(11, f"GET {CALL}", "the method GET", answers(200, of("bob", "GET", CALL))),
    Row(13, f"GET {CALL}", "the endpoint", answers(200, of("alice", "GET", CALL))),
    Row(17, f"GET {CALL}", "200", answers(200, of("bob", "GET", CALL))),
    Row(17, f"GET {CALL}", "403 in a locked room", is_locked("GET", CALL)),
    Row(17, f"GET {CALL}", "404 for a caller who is not in the room", is_unknown("GET", CALL)),
    Row(17, f"GET {CALL}", "412 for a caller who waits in the lobby", waits_in_the_lobby("GET", CALL)),
    Row(19, f"GET {CALL}", "an array of the sessions in the call", is_list_of_sessions_in_call),
    Row(23, f"GET {CALL}", "`actorType`", has_actor_type),
    Row(24, f"GET {CALL}", "`actorType`, a string since v3", is_since_v3("actorType")),
    Row(25, f"GET {CALL}", "`actorId`", has_actor_id, HASHED),
    Row(26, f"GET {CALL}", "`actorId`, a string since v3", is_since_v3("actorId")),
    Row(27, f"GET {CALL}", "`userId`", has_user_id_before_v3, AS_USERS),
    Row(28, f"GET {CALL}", "`userId`, a string from v1 on and none since v3", has_user_id_before_v3, AS_USERS),
    Row(29, f"GET {CALL}", "`displayName`", has_display_name),
    Row(30, f"GET {CALL}", "`displayName`, a string since v3", is_since_v3("displayName")),
    Row(31, f"GET {CALL}", "`lastPing`", is_there_always("lastPing", int)),
    Row(32, f"GET {CALL}", "`lastPing`, a time stamp since v1", is_there_always("lastPing", int)),
    Row(33, f"GET {CALL}", "`sessionId`", is_there_always("sessionId", str)),
    Row(34, f"GET {CALL}", "`sessionId`, a string of 512 characters since v1", has_long_session, LENGTH_OF_SESSIONS),
    Row(36, f"POST {CALL}", "the method POST", has_flags),
    Row(37, f"POST {CALL}", "the endpoint", has_flags),
    Row(40, f"POST {CALL}", "`flags`", has_flags),
    Row(41, f"POST {CALL}", "`flags`, a number: the media that the caller sends", has_flags),
    Row(42, f"POST {CALL}", "`silent`", is_silent),
    Row(43, f"POST {CALL}", "`silent`: nobody is notified that the call starts", is_silent),
    Row(46, f"POST {CALL}", "200", joined(of("bob", "POST", CALL, flags=7))),
    Row(46, f"POST {CALL}", "403 in a locked room", is_locked("POST", CALL)),
    Row(46, f"POST {CALL}", "404 for a caller who is not in the room", is_unknown("POST", CALL)),
    Row(46, f"POST {CALL}", "404 for a caller who has not joined the room", answers(404, of("bob", "POST", CALL))),
    Row(46, f"POST {CALL}", "412 for a caller who waits in the lobby", waits_in_the_lobby("POST", CALL)),
    Row(48, f"POST {RING}", "is announced by a capability", is_announced),
    Row(49, f"POST {RING}", "the capability is `send-call-notification`", is_announced),
    Row(50, f"POST {RING}", "the method POST", rings),
    Row(51, f"POST {RING}", "the endpoint", rings),
    Row(54, f"POST {RING}", "`attendeeId`", rings),
    Row(55, f"POST {RING}", "`attendeeId`, a number: the attendee to notify", rings),
    Row(58, f"POST {RING}", "200", rings),
    Row(58, f"POST {RING}", "400 for an attendee without an account", rings_only_users),
    Row(58, f"POST {RING}", "400 for an attendee who is already in the call", rings_nobody_in_the_call),
    Row(58, f"POST {RING}", "400 if there is no call", needs_a_call),
    Row(58, f"POST {RING}", "400 for a caller who is not in the call", rings_from_inside),
    Row(58, f"POST {RING}", "403 for a caller who is not a moderator", rings_for_moderators, MAY_RING),
    Row(58, f"POST {RING}", "404 for a caller who is not in the room", is_unknown("POST", f"{CALL}/ring/1")),
    Row(58, f"POST {RING}", "412 for a caller who waits in the lobby", rings_only_past_the_lobby),
    Row(61, f"PUT {CALL}", "the method PUT", changes_flags),
    Row(62, f"PUT {CALL}", "the endpoint", changes_flags),
    Row(65, f"PUT {CALL}", "`flags`", changes_flags),
    Row(66, f"PUT {CALL}", "`flags`, a number: the media that the caller sends from now on", changes_flags),
    Row(69, f"PUT {CALL}", "200", changes_flags),
    Row(69, f"PUT {CALL}", "400 for a caller who is not in the call", needs_being_in_it),
    Row(69, f"PUT {CALL}", "400 for flags without “in call”", keeps_in_call),
    Row(69, f"PUT {CALL}", "403 in a locked room", is_locked("PUT", CALL, flags=3), NOT_OPENED),
    Row(69, f"PUT {CALL}", "404 for a caller who is not in the room", is_unknown("PUT", CALL, flags=3)),
    Row(
        69, f"PUT {CALL}", "404 for a caller who has not joined the room", answers(404, of("bob", "PUT", CALL, flags=3))
    ),
    Row(
        69,
        f"PUT {CALL}",
        "412 for a caller who waits in the lobby",
        waits_in_the_lobby("PUT", CALL, flags=3),
        LEFT_ALREADY,
    ),
    Row(73, f"DELETE {CALL}", "the method DELETE", joined(of("bob", "DELETE", CALL))),
    Row(75, f"DELETE {CALL}", "the endpoint", joined(of("alice", "DELETE", CALL))),
    Row(78, f"DELETE {CALL}", "200", joined(of("bob", "DELETE", CALL))),
    Row(78, f"DELETE {CALL}", "403 in a locked room", is_locked("DELETE", CALL), NOT_LOCKED_EITHER),
    Row(78, f"DELETE {CALL}", "404 for a caller who is not in the room", is_unknown("DELETE", CALL)),
    Row(78, f"DELETE {CALL}", "404 for a caller who has not joined the room", answers(404, of("bob", "DELETE", CALL))),
    Row(
        78,
        f"DELETE {CALL}",
        "412 for a caller who waits in the lobby",
        waits_in_the_lobby("DELETE", CALL),
        LEFT_ALREADY,
    ),
)
