"""The participants API of 2018."""

from typing import Any

from api_documents.conversations_2018 import LENGTH_OF_SESSIONS
from api_documents.rows import (
    Check,
    Promise,
    answers,
    carries,
    is_refused_to_guests,
    is_unknown,
    of,
    rows_of_page,
    rows_of_source,
)
from api_documents.scene import Scene
from support.people import Person

PEOPLE = "v1/room/{token}/participants"
GUESTS = f"{PEOPLE}/guests"
SELF = f"{PEOPLE}/self"
ACTIVE = f"{PEOPLE}/active"
MODERATORS = "v1/room/{token}/moderators"
OWNER, MODERATOR, USER, GUEST, SELF_JOINED = 1, 2, 3, 4, 5


# --- what the checks need -------------------------------------------------------------------
def bob(scene: Scene) -> str:
    return scene.bob.id


def alice(scene: Scene) -> str:
    return scene.alice.id


def stranger(scene: Scene) -> str:
    return scene.stranger.id


def guest(scene: Scene) -> str:
    return scene.guest


def listed(scene: Scene, token: str) -> dict[str, dict[str, Any]]:
    """Return the participants of v1 by user id. The user id of guests is empty."""
    return {each["userId"]: each for each in scene.alice.get(PEOPLE.format(token=token))}


def delete(who: Person, path: str, **params: str) -> int:
    """Send DELETE with parameters in the query, as clients of that time did. Return the status."""
    return who.http.delete(f"/ocs/v2.php/apps/spreed/api/{path}", params=params).status_code


# --- the list -------------------------------------------------------------------------------
def is_list_of_all(scene: Scene) -> None:
    shown = scene.bob.get(PEOPLE.format(token=scene.group))
    assert type(shown) is list
    assert [each["userId"] for each in shown] == list(scene.bob.participants(scene.group))


def has_user_id(scene: Scene) -> None:
    assert scene.guest
    shown = scene.alice.get(PEOPLE.format(token=scene.public))
    assert [each["userId"] for each in shown] == [scene.alice.id, scene.bob.id, ""]


def has_display_name(scene: Scene) -> None:
    assert scene.guest
    people = listed(scene, scene.public)
    assert (people[scene.bob.id]["displayName"], people[""]["displayName"]) == ("Bob", "")
    scene.visitor.post(f"v1/guest/{scene.public}/name", displayName="Vera")
    assert listed(scene, scene.public)[""]["displayName"] == "Vera"


def has_participant_type(scene: Scene) -> None:
    assert scene.guest
    scene.stranger.join(scene.public)
    types = {each["userId"]: each["participantType"] for each in scene.alice.get(PEOPLE.format(token=scene.public))}
    assert types == {scene.alice.id: OWNER, scene.bob.id: USER, "": GUEST, scene.stranger.id: SELF_JOINED}
    scene.promote(scene.bob, scene.public)
    assert listed(scene, scene.public)[scene.bob.id]["participantType"] == MODERATOR


def has_last_ping(scene: Scene) -> None:
    assert listed(scene, scene.group)[scene.bob.id]["lastPing"] == 0
    scene.bob.join(scene.group)
    seen = listed(scene, scene.group)[scene.bob.id]["lastPing"]
    assert type(seen) is int
    assert seen >= scene.bob.room(scene.group)["lastPing"] > 1_500_000_000


def has_no_session(scene: Scene) -> None:
    assert listed(scene, scene.group)[scene.bob.id]["sessionId"] == "0"


def has_session(scene: Scene) -> None:
    joined = scene.bob.post(ACTIVE.format(token=scene.group))["sessionId"]
    shown = listed(scene, scene.group)[scene.bob.id]["sessionId"]
    assert (shown, len(shown)) == (joined, 512)
    scene.bob.delete(ACTIVE.format(token=scene.group))
    assert listed(scene, scene.group)[scene.bob.id]["sessionId"] == "0"


# --- coming and going -----------------------------------------------------------------------
def adds(scene: Scene) -> None:
    scene.alice.post(PEOPLE.format(token=scene.group), newParticipant=scene.stranger.id)
    assert scene.stranger.room(scene.group)["participantType"] == USER


def adds_for_moderators(scene: Scene) -> None:
    answers(403, of("bob", "POST", PEOPLE, newParticipant=stranger))(scene)
    is_refused_to_guests("POST", PEOPLE, newParticipant=stranger)(scene)
    for version in ("v1", "v2", "v3"):  # nobody can be added to a one-to-one room
        path = f"{version}/room/{scene.pair}/participants"
        assert scene.alice.refused("POST", path, newParticipant=scene.stranger.id) == (403, "room-type")


def adds_nobody(scene: Scene) -> None:
    path = PEOPLE.format(token=scene.group)
    for params in ({"newParticipant": "nobody at all"}, {"newParticipant": ""}, {}):
        assert scene.alice.refused("POST", path, **params) == (404, "new-participant")


def tells_new_type(scene: Scene) -> None:
    path = PEOPLE.format(token=scene.group)
    assert scene.alice.post(path, newParticipant=scene.stranger.id) == []
    opened = scene.alice.post(path, newParticipant="vera@example.com", source="emails")
    assert opened == {"type": "3"}
    assert scene.alice.room(scene.group)["type"] == 3


def removes(scene: Scene) -> None:
    assert delete(scene.alice, PEOPLE.format(token=scene.group), participant=scene.bob.id) == 200
    assert scene.bob.status("GET", f"v4/room/{scene.group}") == 404
    assert scene.bob.id not in listed(scene, scene.group)


def keeps_owners(scene: Scene) -> None:
    scene.promote(scene.bob, scene.group)
    assert delete(scene.bob, PEOPLE.format(token=scene.group), participant=scene.alice.id) == 403
    scene.alice.say(scene.pair, "Hello")
    assert delete(scene.alice, PEOPLE.format(token=scene.pair), participant=scene.bob.id) == 403


def does_not_find(method: str, path: str) -> Check:
    """Check for 404 with a user who is not in the room, with an unknown user, and without a user."""

    def check(scene: Scene) -> None:
        for who in (scene.stranger.id, "nobody at all", ""):
            assert scene.alice.status(method, path.format(token=scene.group), participant=who) == 404
        assert scene.alice.status(method, path.format(token=scene.group)) == 404

    return check


def removes_guest(scene: Scene) -> None:
    assert delete(scene.alice, GUESTS.format(token=scene.public), participant=scene.guest) == 200
    assert "" not in listed(scene, scene.public)
    assert scene.visitor.status("GET", f"v1/chat/{scene.public}", lookIntoFuture=0) == 404


def removes_only_guests(scene: Scene) -> None:
    session = scene.bob.join(scene.public)["sessionId"]
    assert scene.alice.status("DELETE", GUESTS.format(token=scene.public), participant=session) == 403
    assert scene.bob.id in listed(scene, scene.public)


def does_not_find_session(scene: Scene) -> None:
    elsewhere = scene.bob.join(scene.group)["sessionId"]
    for session in ("0", "x" * 512, elsewhere):
        assert scene.alice.status("DELETE", GUESTS.format(token=scene.public), participant=session) == 404


def leaves_for_good(scene: Scene) -> None:
    assert scene.bob.status("DELETE", SELF.format(token=scene.group)) == 200
    assert scene.bob.id not in listed(scene, scene.group)
    assert scene.guest
    assert scene.visitor.status("DELETE", SELF.format(token=scene.public)) == 200
    assert "" not in listed(scene, scene.public)
    assert scene.visitor.status("POST", f"v1/chat/{scene.public}", message="Still here") == 404


def leaves_as_last_owner(scene: Scene) -> None:
    """Check that the room stays without a moderator, and is deleted when its last member leaves."""
    path = SELF.format(token=scene.group)
    scene.bob.say(scene.group, "Hello")
    for version in ("v2", "v3", "v4"):  # apps of these versions know the refusal
        later = path.replace("v1/", f"{version}/", 1)
        assert scene.alice.refused("DELETE", later) == (400, "last-moderator")
    assert scene.alice.status("DELETE", path) == 200
    assert scene.alice.status("GET", f"v1/room/{scene.group}") == 404
    (left,) = scene.bob.get(PEOPLE.format(token=scene.group))
    assert (left["userId"], left["participantType"]) == (scene.bob.id, USER)
    assert scene.bob.texts(scene.group) == ["Hello"]
    assert scene.bob.status("POST", f"v1/chat/{scene.group}", message="Alone") == 201
    assert scene.bob.status("DELETE", path) == 200
    assert scene.bob.status("GET", f"v1/room/{scene.group}") == 404


def leaves_nothing_unknown(scene: Scene) -> None:
    is_unknown("DELETE", SELF)(scene)
    for token in (scene.group, scene.public, scene.nowhere):
        assert scene.visitor.status("DELETE", SELF.format(token=token)) == 404


# --- opening and closing --------------------------------------------------------------------
def opens_for_call_and_chat(scene: Scene) -> None:
    scene.bob.post(ACTIVE.format(token=scene.group))
    assert scene.bob.status("POST", f"v1/call/{scene.group}") == 200
    assert scene.bob.status("POST", f"v1/chat/{scene.group}", message="Hello") == 201


def asks_for_password(scene: Scene) -> None:
    scene.alice.put(f"v4/room/{scene.public}/password", password="Open sesame 1")
    path = ACTIVE.format(token=scene.public)
    for outsider in (scene.visitor, scene.stranger):
        assert outsider.status("POST", path) == 403
        assert outsider.status("POST", path, password="wrong") == 403
        assert outsider.status("POST", path, password="Open sesame 1") == 200
    assert scene.bob.status("POST", path) == 200, "members need none"


def answers_session(scene: Scene) -> None:
    joined = scene.bob.post(ACTIVE.format(token=scene.group))
    assert type(joined["sessionId"]) is str
    assert len(joined["sessionId"]) == 512
    assert scene.bob.room(scene.group)["sessionId"] == joined["sessionId"]


def closes(scene: Scene) -> None:
    scene.bob.post(ACTIVE.format(token=scene.group))
    assert scene.bob.status("DELETE", ACTIVE.format(token=scene.group)) == 200
    assert scene.bob.room(scene.group)["sessionId"] == "0"
    assert scene.bob.status("POST", f"v1/call/{scene.group}") == 404


# --- roles ----------------------------------------------------------------------------------
def promotes(scene: Scene) -> None:
    scene.alice.post(MODERATORS.format(token=scene.group), participant=scene.bob.id)
    assert scene.bob.room(scene.group)["participantType"] == MODERATOR


def does_not_promote_owners(scene: Scene) -> None:
    scene.promote(scene.bob, scene.group)
    for who in (scene.bob, scene.alice):
        assert who.status("POST", MODERATORS.format(token=scene.group), participant=scene.alice.id) == 403


def promotes_only_users(scene: Scene) -> None:
    scene.promote(scene.bob, scene.public)
    scene.stranger.join(scene.public)
    for who in (scene.bob, scene.stranger):
        assert scene.alice.status("POST", MODERATORS.format(token=scene.public), participant=who.id) == 412


def demotes(scene: Scene) -> None:
    scene.promote(scene.bob, scene.group)
    assert delete(scene.alice, MODERATORS.format(token=scene.group), participant=scene.bob.id) == 200
    assert scene.bob.room(scene.group)["participantType"] == USER


def demotes_only_moderators(scene: Scene) -> None:
    path = MODERATORS.format(token=scene.group)
    for who in (scene.bob, scene.alice):
        assert scene.alice.status("DELETE", path, participant=who.id) == 412
    assert scene.alice.room(scene.group)["participantType"] == OWNER


OF_TYPE_3 = "Self-joined users can be promoted since v3. v1 and v2 answer 412, as the document says."
LAST_OWNER = (
    "Also for guests and for the last owner. The room, its messages and its other members then stay without a "
    "moderator; an administrator makes one with `occ talk:room:promote`. The room is deleted when its last member "
    "leaves. v2 to v4 answer 400 `last-moderator`, because their apps know that refusal."
)
NOT_JOINED = "A member who has not joined the room gets 200, because they can find the room. v4 always answers 200."

PROMISES = (
    # --- the list
    Promise(204, 207, f"GET {PEOPLE}", "the method GET", answers(200, of("bob", "GET", PEOPLE))),
    Promise(207, 208, f"GET {PEOPLE}", "the endpoint", answers(200, of("alice", "GET", PEOPLE))),
    Promise(212, 212, f"GET {PEOPLE}", "200", answers(200, of("bob", "GET", PEOPLE))),
    Promise(213, 213, f"GET {PEOPLE}", "404 for a caller who is not in the room", is_unknown("GET", PEOPLE)),
    Promise(216, 216, f"GET {PEOPLE}", "an array of the participants", is_list_of_all),
    Promise((217, 218), 220, f"GET {PEOPLE}", "`userId`, empty for guests", has_user_id),
    Promise(218, 220, f"GET {PEOPLE}", "`userId` is a string", carries(of("bob", "GET", PEOPLE), "userId", str)),
    Promise(219, 221, f"GET {PEOPLE}", "`displayName`, a string that may be empty for guests", has_display_name),
    Promise(220, 222, f"GET {PEOPLE}", "`participantType`, one of the constants", has_participant_type),
    Promise(221, 223, f"GET {PEOPLE}", "`lastPing`, a time stamp", has_last_ping),
    Promise(222, 224, f"GET {PEOPLE}", "`sessionId` is '0' for a participant who has not joined", has_no_session),
    Promise(223, 224, f"GET {PEOPLE}", "`sessionId`, a string of 512 characters", has_session, LENGTH_OF_SESSIONS),
    # --- adding
    Promise(228, 228, f"POST {PEOPLE}", "the method POST", adds),
    Promise(231, 229, f"POST {PEOPLE}", "the endpoint", adds),
    Promise((234, 235), 234, f"POST {PEOPLE}", "`newParticipant`, the id of the user to add", adds),
    Promise(239, 238, f"POST {PEOPLE}", "200", answers(200, of("alice", "POST", PEOPLE, newParticipant=stranger))),
    Promise(
        240,
        239,
        f"POST {PEOPLE}",
        "403 for a caller who is not a moderator",
        adds_for_moderators,
        "Guests of the room get 403 too, even guest moderators. Adding to a one-to-one conversation, or adding a "
        "banned user, is 403 with the reason in `error`.",
    ),
    Promise(
        241,
        240,
        f"POST {PEOPLE}",
        "404 for a caller who is not in the room",
        is_unknown("POST", PEOPLE, newParticipant=bob),
    ),
    Promise(
        242,
        241,
        f"POST {PEOPLE}",
        "404 for a user who does not exist",
        adds_nobody,
        "A request without a user gets the same answer.",
    ),
    Promise(
        (246, 247),
        247,
        f"POST {PEOPLE}",
        "`type`, a string, when the type of the room has changed",
        tells_new_type,
        "One-to-one rooms cannot grow any more, but an invitation by e-mail (`source=emails`) changes the type.",
    ),
    # --- removing
    Promise(252, 251, f"DELETE {PEOPLE}", "the method DELETE", removes),
    Promise(255, 252, f"DELETE {PEOPLE}", "the endpoint", removes),
    Promise((258, 259), 257, f"DELETE {PEOPLE}", "`participant`, the id of the user to remove", removes),
    Promise(262, 261, f"DELETE {PEOPLE}", "200", answers(200, of("alice", "DELETE", PEOPLE, participant=bob))),
    Promise(
        263,
        262,
        f"DELETE {PEOPLE}",
        "403 for a caller who is not a moderator",
        answers(403, of("bob", "DELETE", PEOPLE, participant=alice)),
    ),
    Promise(
        264,
        263,
        f"DELETE {PEOPLE}",
        "403 for an owner",
        keeps_owners,
        "Both users of a one-to-one conversation are owners; v4 answers 400 there.",
    ),
    Promise(
        265,
        264,
        f"DELETE {PEOPLE}",
        "404 for a caller who is not in the room",
        is_unknown("DELETE", PEOPLE, participant=bob),
    ),
    Promise(266, 265, f"DELETE {PEOPLE}", "404 for a user who is not in the room", does_not_find("DELETE", PEOPLE)),
    # --- removing guests
    Promise(272, 269, f"DELETE {GUESTS}", "the method DELETE", removes_guest),
    Promise(275, 270, f"DELETE {GUESTS}", "the endpoint", removes_guest),
    Promise((278, 279), 275, f"DELETE {GUESTS}", "`participant`, the guest's session id", removes_guest),
    Promise(
        282, 279, f"DELETE {GUESTS}", "200", answers(200, of("alice", "DELETE", GUESTS, "public", participant=guest))
    ),
    Promise(
        283,
        280,
        f"DELETE {GUESTS}",
        "403 for a caller who is not a moderator",
        answers(403, of("bob", "DELETE", GUESTS, "public", participant=guest)),
    ),
    Promise(284, 281, f"DELETE {GUESTS}", "403 for a participant who is not a guest", removes_only_guests),
    Promise(
        285,
        282,
        f"DELETE {GUESTS}",
        "404 for a caller who is not in the room",
        is_unknown("DELETE", GUESTS, participant="x"),
    ),
    Promise(286, 283, f"DELETE {GUESTS}", "404 for an unknown session", does_not_find_session),
    # --- leaving for good
    Promise(292, 287, f"DELETE {SELF}", "the method DELETE", leaves_for_good),
    Promise(295, 288, f"DELETE {SELF}", "the endpoint", leaves_for_good),
    Promise(299, 292, f"DELETE {SELF}", "200", leaves_as_last_owner, LAST_OWNER),
    Promise(300, 293, f"DELETE {SELF}", "404 for a caller who is not in the room", leaves_nothing_unknown),
    # --- opening
    Promise(303, 295, f"POST {ACTIVE}", "joins the room, before calls and chat", opens_for_call_and_chat),
    Promise(306, 297, f"POST {ACTIVE}", "the method POST", answers(200, of("bob", "POST", ACTIVE))),
    Promise(309, 298, f"POST {ACTIVE}", "the endpoint", answers(200, of("alice", "POST", ACTIVE))),
    Promise(
        (312, 313, 315),
        303,
        f"POST {ACTIVE}",
        "`password`, for types 4 and 5, if the room has one",
        asks_for_password,
    ),
    Promise(320, 307, f"POST {ACTIVE}", "200", answers(200, of("visitor", "POST", ACTIVE, "public"))),
    Promise(321, 308, f"POST {ACTIVE}", "403 for a missing or wrong password", asks_for_password),
    Promise(322, 309, f"POST {ACTIVE}", "404 for a caller who is not in the room", is_unknown("POST", ACTIVE)),
    Promise(
        (326, 327),
        315,
        f"POST {ACTIVE}",
        "`sessionId`, a string of 512 characters",
        answers_session,
        LENGTH_OF_SESSIONS,
    ),
    # --- closing
    Promise(329, 317, f"DELETE {ACTIVE}", "leaves the room, after calls and chat", closes),
    Promise(332, 319, f"DELETE {ACTIVE}", "the method DELETE", closes),
    Promise(335, 320, f"DELETE {ACTIVE}", "the endpoint", closes),
    Promise(339, 324, f"DELETE {ACTIVE}", "200", answers(200, of("bob", "DELETE", ACTIVE)), NOT_JOINED),
    Promise(
        340,
        325,
        f"DELETE {ACTIVE}",
        "404 for a caller who is not in the room",
        is_unknown("DELETE", ACTIVE),
        NOT_JOINED,
    ),
    # --- roles
    Promise(346, 329, f"POST {MODERATORS}", "the method POST", promotes),
    Promise(349, 330, f"POST {MODERATORS}", "the endpoint", promotes),
    Promise((352, 353), 335, f"POST {MODERATORS}", "`participant`, the id of the user to promote", promotes),
    Promise(356, 339, f"POST {MODERATORS}", "200", answers(200, of("alice", "POST", MODERATORS, participant=bob))),
    Promise(
        357,
        340,
        f"POST {MODERATORS}",
        "403 for a caller who is not a moderator",
        answers(403, of("bob", "POST", MODERATORS, participant=bob)),
    ),
    Promise(
        358,
        341,
        f"POST {MODERATORS}",
        "403 for an owner",
        does_not_promote_owners,
        "The document says “to remove”, which must be a slip for “to promote”.",
    ),
    Promise(
        359,
        342,
        f"POST {MODERATORS}",
        "404 for a caller who is not in the room",
        is_unknown("POST", MODERATORS, participant=bob),
    ),
    Promise(360, 343, f"POST {MODERATORS}", "404 for a user who is not in the room", does_not_find("POST", MODERATORS)),
    Promise(
        361, 344, f"POST {MODERATORS}", "412 for a participant who is not of type 3", promotes_only_users, OF_TYPE_3
    ),
    Promise(368, 348, f"DELETE {MODERATORS}", "the method DELETE", demotes),
    Promise(371, 349, f"DELETE {MODERATORS}", "the endpoint", demotes),
    Promise((374, 375), 354, f"DELETE {MODERATORS}", "`participant`, the id of the user to demote", demotes),
    Promise(378, 358, f"DELETE {MODERATORS}", "200", demotes),
    Promise(
        379,
        359,
        f"DELETE {MODERATORS}",
        "403 for a caller who is not a moderator",
        answers(403, of("bob", "DELETE", MODERATORS, participant=alice)),
    ),
    Promise(
        380,
        360,
        f"DELETE {MODERATORS}",
        "404 for a caller who is not in the room",
        is_unknown("DELETE", MODERATORS, participant=bob),
    ),
    Promise(
        381, 361, f"DELETE {MODERATORS}", "404 for a user who is not in the room", does_not_find("DELETE", MODERATORS)
    ),
    Promise(
        382,
        362,
        f"DELETE {MODERATORS}",
        "412 for a participant who is not of type 2",
        demotes_only_moderators,
        "Owners too. A moderator cannot demote themselves (403), as in v4.",
    ),
)

ROWS_OF_PAGE = rows_of_page(PROMISES)
ROWS_OF_SOURCE = rows_of_source(PROMISES)
