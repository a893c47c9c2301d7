"""Checks for the conversation API v1 of 2018 and of 2019."""

from collections.abc import Callable
from typing import Any

import httpx

from api_documents.rows import Ask, Check, answers, is_refused_to_guests, is_unknown, of
from api_documents.scene import Scene
from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person

Room = dict[str, Any]
ROOM = "v1/room/{token}"


def shown(scene: Scene, who: Person, token: str) -> Room:
    """Return a room in API v1, after checking that the list shows the same."""
    one: Room = who.get(f"v1/room/{token}")
    if not who.is_visitor:
        listed = {room["token"]: room for room in who.get("v1/room")}
        assert listed[token] == one
    return one


def has(name: str, kind: type, *cases: Callable[[Scene], tuple[Room, Any]]) -> Check:
    """Check that the room of each case has a field of this type with the value of the case."""

    def check(scene: Scene) -> None:
        for case in cases:
            room, value = case(scene)
            assert type(room[name]) is kind, f"{name} is {room[name]!r}"
            assert room[name] == value

    return check


def as_guest(method: str, path: str = ROOM, **params: Any) -> Ask:
    """Return a request of a guest in the public room."""

    def ask(scene: Scene) -> httpx.Response:
        assert scene.guest
        return of("visitor", method, path, "public", **params)(scene)

    return ask


def both(*checks: Check) -> Check:
    """Run the checks one after the other."""

    def check(scene: Scene) -> None:
        for each in checks:
            each(scene)

    return check


def turns(ask: Ask, name: str, value: Any) -> Check:
    """Check that the request succeeds without data, and that the field then has the value in all versions."""

    def check(scene: Scene) -> None:
        answer = ask(scene)
        assert answer.status_code == 200, answer.text
        assert answer.json()["ocs"]["data"] == []
        token = answer.request.url.path.split("/room/")[1].split("/")[0]
        for version in ("v1", "v2", "v3", "v4"):
            assert scene.alice.get(f"{version}/room/{token}")[name] == value, version

    return check


# --- creating -------------------------------------------------------------------------------
def create(**params: Any) -> Ask:
    """Return a request of alice to create a room. A parameter may be a function of the scene."""

    def ask(scene: Scene) -> httpx.Response:
        given = {name: value(scene) if callable(value) else value for name, value in params.items()}
        return scene.ask(scene.alice, "POST", "v1/room", **given)

    return ask


created = answers(201, create(roomType=GROUP, roomName="New"))


def takes_room_type(scene: Scene) -> None:
    for kind in (GROUP, PUBLIC):
        made = scene.alice.post("v1/room", roomType=kind, roomName="New")
        assert scene.alice.room(made["token"])["type"] == kind
    made = scene.alice.post("v1/room", roomType=ONE_TO_ONE, invite=scene.bob.id)
    assert scene.alice.room(made["token"])["type"] == ONE_TO_ONE
    assert scene.alice.status("POST", "v1/room", roomName="Of no type") == 400


def takes_invite(scene: Scene) -> None:
    made = scene.alice.post("v1/room", roomType=ONE_TO_ONE, invite=scene.bob.id)
    assert scene.alice.room(made["token"])["name"] == scene.bob.id
    group = scene.server.add_group(scene.bob, scene.stranger)
    made = scene.alice.post("v1/room", roomType=GROUP, invite=group, roomName="With a group")
    assert {scene.bob.id, scene.stranger.id} < set(scene.alice.participants(made["token"]))
    made = scene.alice.post("v1/room", roomType=GROUP, roomName="Without")
    assert set(scene.alice.participants(made["token"])) == {scene.alice.id}


def takes_room_name(scene: Scene) -> None:
    made = scene.alice.post("v1/room", roomType=GROUP, roomName="New")
    assert scene.alice.room(made["token"])["name"] == "New"
    made = scene.alice.post("v1/room", roomType=ONE_TO_ONE, invite=scene.bob.id, roomName="Ignored")
    assert scene.alice.room(made["token"])["name"] == scene.bob.id


def finds_the_pair(scene: Scene) -> None:
    first = scene.ask(scene.alice, "POST", "v1/room", roomType=ONE_TO_ONE, invite=scene.bob.id)
    again = scene.ask(scene.alice, "POST", "v1/room", roomType=ONE_TO_ONE, invite=scene.bob.id)
    other = scene.ask(scene.bob, "POST", "v1/room", roomType=ONE_TO_ONE, invite=scene.alice.id)
    assert [each.status_code for each in (first, again, other)] == [201, 200, 200]
    assert len({each.json()["ocs"]["data"]["token"] for each in (first, again, other)}) == 1


of_no_type = both(*(answers(400, create(roomType=kind, roomName="New")) for kind in (0, 4, 6, 99)))
by_nobody = answers(401, lambda scene: scene.ask(scene.visitor, "POST", "v1/room", roomType=GROUP, roomName="New"))
with_nobody = both(
    answers(404, create(roomType=ONE_TO_ONE, invite="nobody")),
    answers(404, create(roomType=ONE_TO_ONE, invite=lambda scene: scene.alice.id)),
    answers(404, create(roomType=GROUP, invite="no group", roomName="New")),
)


def returns_token(scene: Scene) -> None:
    token = scene.alice.post("v1/room", roomType=GROUP, roomName="New")["token"]
    assert type(token) is str
    assert scene.alice.room(token)["name"] == "New"


def returns_name(scene: Scene) -> None:
    assert scene.alice.post("v1/room", roomType=GROUP, roomName="New")["name"] == "New"
    assert scene.alice.post("v1/room", roomType=GROUP)["name"] == ""


def returns_display_name(scene: Scene) -> None:
    assert scene.alice.post("v1/room", roomType=GROUP, roomName="New")["displayName"] == "New"
    assert scene.alice.post("v1/room", roomType=GROUP)["displayName"] == "Alice"
    assert scene.alice.post("v1/room", roomType=ONE_TO_ONE, invite=scene.bob.id)["displayName"] == "Bob"


# --- finding --------------------------------------------------------------------------------
listed = answers(200, lambda scene: scene.ask(scene.alice, "GET", "v1/room"))
listed_for_nobody = answers(401, lambda scene: scene.ask(scene.visitor, "GET", "v1/room"))
got = both(answers(200, of("bob", "GET", ROOM)), answers(200, as_guest("GET")))
not_got = both(is_unknown("GET", ROOM), answers(404, of("visitor", "GET", ROOM)))


def same_as_in_the_list(scene: Scene) -> None:
    member = shown(scene, scene.bob, scene.public)
    scene.visitor.join(scene.public)
    guest = scene.visitor.get(f"v1/room/{scene.public}")
    assert guest.keys() == member.keys()
    assert {name: type(value) for name, value in guest.items()} == {name: type(value) for name, value in member.items()}


# --- fields ---------------------------------------------------------------------------------
def _unnamed(scene: Scene) -> str:
    token: str = scene.alice.post("v1/room", roomType=GROUP)["token"]
    scene.alice.add(token, scene.bob)
    return token


def _self_joined(scene: Scene) -> Room:
    scene.stranger.join(scene.public)
    return shown(scene, scene.stranger, scene.public)


def _guest(scene: Scene) -> Room:
    assert scene.guest
    return shown(scene, scene.visitor, scene.public)


def _promoted(scene: Scene) -> Room:
    scene.promote(scene.bob, scene.group)
    return shown(scene, scene.bob, scene.group)


def _in_call(scene: Scene, flags: int = 7) -> Room:
    scene.alice.join(scene.group)
    scene.alice.post(f"v4/call/{scene.group}", flags=flags)
    return shown(scene, scene.alice, scene.group)


def _joined(scene: Scene, token: str) -> Room:
    scene.alice.join(token)
    return shown(scene, scene.alice, token)


def _closed(scene: Scene) -> Room:
    scene.alice.put(f"v4/room/{scene.public}/password", password="let me in")
    return shown(scene, scene.bob, scene.public)


has_token = has("token", str, lambda scene: (shown(scene, scene.bob, scene.group), scene.group))
has_type = has(
    "type",
    int,
    lambda scene: (shown(scene, scene.alice, scene.pair), 1),
    lambda scene: (shown(scene, scene.bob, scene.group), 2),
    lambda scene: (shown(scene, scene.bob, scene.public), 3),
)
has_name = has(
    "name",
    str,
    lambda scene: (shown(scene, scene.bob, scene.group), "Group"),
    lambda scene: (shown(scene, scene.bob, _unnamed(scene)), ""),
)
has_display_name = has(
    "displayName",
    str,
    lambda scene: (shown(scene, scene.bob, scene.group), "Group"),
    lambda scene: (shown(scene, scene.alice, scene.pair), "Bob"),
    lambda scene: (shown(scene, scene.bob, _unnamed(scene)), "Alice, Bob"),
)
is_owner = has("participantType", int, lambda scene: (shown(scene, scene.alice, scene.group), 1))
is_moderator = has("participantType", int, lambda scene: (_promoted(scene), 2))
is_user = has("participantType", int, lambda scene: (shown(scene, scene.bob, scene.group), 3))
is_guest = has("participantType", int, lambda scene: (_guest(scene), 4))
is_self_joined = has("participantType", int, lambda scene: (_self_joined(scene), 5))
has_participant_type = both(is_owner, is_user, is_moderator)
has_participant_in_call = has(
    "participantInCall",
    bool,
    lambda scene: (shown(scene, scene.alice, scene.group), False),
    lambda scene: (_in_call(scene), True),
    lambda scene: (shown(scene, scene.bob, scene.group), False),
)
has_participant_flags = has(
    "participantFlags",
    int,
    lambda scene: (shown(scene, scene.alice, scene.group), 0),
    lambda scene: (_in_call(scene, 3), 3),
    lambda scene: (shown(scene, scene.bob, scene.group), 0),
)
has_count = has(
    "count",
    int,
    lambda scene: (shown(scene, scene.alice, scene.public), 0),
    lambda scene: (_joined(scene, scene.public), 1),
    lambda scene: (_self_joined(scene), 2),
    lambda scene: (_guest(scene), 2),
)
has_num_guests = has(
    "numGuests",
    int,
    lambda scene: (_joined(scene, scene.public), 0),
    lambda scene: (_guest(scene), 1),
)


def has_last_ping(scene: Scene) -> None:
    before = shown(scene, scene.alice, scene.group)["lastPing"]
    assert (type(before), before) == (int, 0)
    scene.alice.join(scene.group)
    ping = shown(scene, scene.alice, scene.group)["lastPing"]
    assert type(ping) is int
    assert ping == scene.alice.room(scene.group)["lastPing"] > 0


def has_session_id(scene: Scene) -> None:
    assert shown(scene, scene.alice, scene.group)["sessionId"] == "0"
    joined = scene.alice.join(scene.group)
    session = shown(scene, scene.alice, scene.group)["sessionId"]
    assert (type(session), len(session)) == (str, 512)
    assert session == joined["sessionId"]


has_password = has(
    "hasPassword",
    bool,
    lambda scene: (shown(scene, scene.bob, scene.public), False),
    lambda scene: (_closed(scene), True),
)
has_call = has(
    "hasCall",
    bool,
    lambda scene: (shown(scene, scene.bob, scene.group), False),
    lambda scene: (_in_call(scene), True),
    lambda scene: (shown(scene, scene.bob, scene.group), True),
)

# --- settings -------------------------------------------------------------------------------
renamed = turns(of("alice", "PUT", ROOM, roomName="Other"), "name", "Other")
renamed_at_most = both(
    answers(400, of("alice", "PUT", ROOM, roomName="")),
    turns(of("alice", "PUT", ROOM, roomName="a"), "name", "a"),
    turns(of("alice", "PUT", ROOM, roomName="ü" * 200), "name", "ü" * 200),
)
renamed_too_long = answers(400, of("alice", "PUT", ROOM, roomName="x" * 201))
renamed_by_member = answers(403, of("bob", "PUT", ROOM, roomName="Other"))
renamed_elsewhere = is_unknown("PUT", ROOM, roomName="Other")
renamed_pair = answers(405, of("alice", "PUT", ROOM, "pair", roomName="Other"))

closed = turns(of("alice", "PUT", f"{ROOM}/password", "public", password="let me in"), "hasPassword", True)


def closes_with_password(scene: Scene) -> None:
    closed(scene)
    for password, status in (("wrong", 403), ("let me in", 200)):
        path = f"v4/room/{scene.public}/participants/active"
        assert scene.visitor.status("POST", path, password=password) == status
    turns(of("alice", "PUT", f"{ROOM}/password", "public", password=""), "hasPassword", False)(scene)


closed_by_member = answers(403, of("bob", "PUT", f"{ROOM}/password", "public", password="let me in"))
closed_group = both(
    answers(403, of("alice", "PUT", f"{ROOM}/password", password="let me in")),
    answers(403, of("alice", "PUT", f"{ROOM}/password", "pair", password="let me in")),
)
closed_elsewhere = is_unknown("PUT", f"{ROOM}/password", password="let me in")


def deleted(scene: Scene) -> None:
    answers(200, of("alice", "DELETE", ROOM))(scene)
    for who in (scene.alice, scene.bob):
        for version in ("v1", "v2", "v3", "v4"):
            assert who.status("GET", f"{version}/room/{scene.group}") == 404


deleted_by_member = both(answers(403, of("bob", "DELETE", ROOM)), answers(200, of("bob", "GET", ROOM)))
deleted_elsewhere = both(is_unknown("DELETE", ROOM), answers(200, of("bob", "GET", ROOM)))

opened = turns(of("alice", "POST", f"{ROOM}/public"), "type", PUBLIC)
opened_by_member = both(
    answers(403, of("bob", "POST", f"{ROOM}/public")), is_refused_to_guests("POST", f"{ROOM}/public")
)
opened_elsewhere = is_unknown("POST", f"{ROOM}/public")
shut = turns(of("alice", "DELETE", f"{ROOM}/public", "public"), "type", GROUP)
shut_by_member = both(
    answers(403, of("bob", "DELETE", f"{ROOM}/public", "public")), is_refused_to_guests("DELETE", f"{ROOM}/public")
)
shut_elsewhere = is_unknown("DELETE", f"{ROOM}/public")


def opened_for_guests(scene: Scene) -> None:
    opened(scene)
    scene.visitor.join(scene.group)


def shut_for_guests(scene: Scene) -> None:
    scene.visitor.join(scene.public)
    shut(scene)
    assert scene.visitor.status("GET", f"v1/room/{scene.public}") == 404
