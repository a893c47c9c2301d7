"""The conversation API v1 of 2019 and 2020."""

from typing import Any

import sqlalchemy as sa

from api_documents import conversations as room
from api_documents.conversations import ROOM, as_guest, both, has, shown, turns
from api_documents.conversations_2018 import (
    ACCOUNTS_ONLY,
    BY_TYPE,
    CREATE,
    DELETE,
    GET,
    LATER_KINDS,
    LENGTH_OF_SESSIONS,
    LIST,
    NOT_ONESELF,
    OPEN,
    PASSWORD,
    RENAME,
    SETTING_TWICE,
    SHUT,
)
from api_documents.rows import Check, Row, answers, is_refused_to_guests, is_unknown, of
from api_documents.scene import Scene
from talkd.storage.schema import rooms
from talkd.storage.statements import Statement, bind

_ASK_FOR_SHARE = Statement(
    sa.update(rooms)
    .values(object_type=bind("type", sa.Text), object_id=bind("id", sa.Text))
    .where(rooms.c.token == bind("token"))
)
LOCK = "PUT room/{token}/read-only"
FAVORITE, NO_FAVORITE = "POST room/{token}/favorite", "DELETE room/{token}/favorite"
NOTIFY = "POST room/{token}/notify"


# --- fields ---------------------------------------------------------------------------------
def _locked(scene: Scene) -> dict[str, Any]:
    scene.alice.put(f"v4/room/{scene.group}/read-only", state=1)
    return shown(scene, scene.bob, scene.group)


has_read_only = has(
    "readOnly",
    int,
    lambda scene: (shown(scene, scene.bob, scene.group), 0),
    lambda scene: (_locked(scene), 1),
)


def has_can_start_call(scene: Scene) -> None:
    for person in (scene.alice, scene.bob):
        assert shown(scene, person, scene.group)["canStartCall"] is True
    scene.alice.put(f"v4/room/{scene.group}/permissions/default", permissions=254 & ~2)
    assert shown(scene, scene.alice, scene.group)["canStartCall"] is True
    assert shown(scene, scene.bob, scene.group)["canStartCall"] is False
    for person, status in ((scene.bob, 403), (scene.alice, 200), (scene.bob, 200)):  # the last joins what has begun
        person.join(scene.group)
        assert person.status("POST", f"v1/call/{scene.group}", flags=1) == status


def has_last_activity(scene: Scene) -> None:
    before = shown(scene, scene.bob, scene.group)["lastActivity"]
    said = scene.alice.say(scene.group, "Hello")
    after = shown(scene, scene.bob, scene.group)["lastActivity"]
    assert type(before) is type(after) is int
    assert before <= after == said["timestamp"]


has_is_favorite = both(
    has("isFavorite", bool, lambda scene: (shown(scene, scene.bob, scene.group), False)),
    answers(200, of("bob", "POST", f"{ROOM}/favorite")),
    has(
        "isFavorite",
        bool,
        lambda scene: (shown(scene, scene.bob, scene.group), True),
        lambda scene: (shown(scene, scene.alice, scene.group), False),
    ),
)


def has_notification_level(scene: Scene) -> None:
    for level in (1, 2, 3):
        scene.bob.post(f"v1/room/{scene.group}/notify", level=level)
        assert shown(scene, scene.bob, scene.group)["notificationLevel"] == level
    others = (shown(scene, scene.alice, scene.group), shown(scene, scene.alice, scene.pair))
    assert [room["notificationLevel"] for room in others] == [2, 1]


def has_lobby_state(scene: Scene) -> None:
    for state in (1, 0):
        assert scene.alice.put(f"v1/room/{scene.group}/webinary/lobby", state=state) == []
        for person in (scene.alice, scene.bob):
            assert shown(scene, person, scene.group)["lobbyState"] == state
        assert scene.bob.status("GET", f"v1/chat/{scene.group}", lookIntoFuture=0) == (412 if state else 200)
        assert scene.alice.status("GET", f"v1/chat/{scene.group}", lookIntoFuture=0) == 200


def has_lobby_timer(scene: Scene) -> None:
    assert shown(scene, scene.bob, scene.group)["lobbyTimer"] == 0
    scene.alice.put(f"v1/room/{scene.group}/webinary/lobby", state=1, timer=4_000_000_000)
    timer = shown(scene, scene.bob, scene.group)["lobbyTimer"]
    assert (type(timer), timer) == (int, 4_000_000_000)


def has_unread_messages(scene: Scene) -> None:
    assert shown(scene, scene.bob, scene.group)["unreadMessages"] == 0
    for number in (1, 2):
        scene.alice.say(scene.group, "Hello")
        unread = shown(scene, scene.bob, scene.group)["unreadMessages"]
        assert (type(unread), unread) == (int, number)


def has_unread_mention(scene: Scene) -> None:
    scene.alice.say(scene.group, "Hello all of you")
    assert shown(scene, scene.bob, scene.group)["unreadMention"] is False
    said = scene.alice.say(scene.group, f"Hello @{scene.bob.id}")
    assert shown(scene, scene.bob, scene.group)["unreadMention"] is True
    scene.bob.post(f"v1/chat/{scene.group}/read", lastReadMessage=said["id"])
    assert shown(scene, scene.bob, scene.group)["unreadMention"] is False


def has_last_read_message(scene: Scene) -> None:
    said = scene.alice.say(scene.group, "Hello")
    assert shown(scene, scene.bob, scene.group)["lastReadMessage"] < said["id"]
    scene.bob.post(f"v1/chat/{scene.group}/read", lastReadMessage=said["id"])
    last = shown(scene, scene.bob, scene.group)["lastReadMessage"]
    assert (type(last), last) == (int, said["id"])


def has_last_message(scene: Scene) -> None:
    said = scene.alice.say(scene.group, "Hello")
    last = shown(scene, scene.bob, scene.group)["lastMessage"]
    assert (last["id"], last["actorId"], last["message"]) == (said["id"], scene.alice.id, "Hello")
    scene.bob.post(f"v4/room/{scene.group}/sensitive")
    assert shown(scene, scene.bob, scene.group)["lastMessage"] == []


def _asking_for_a_share(scene: Scene) -> dict[str, Any]:
    """Return a room for the password of a share. talkd has no files, so only the database can make one."""
    token = scene.public
    scene.server.write(lambda tx: tx.run(_ASK_FOR_SHARE, token=token, type="share:password", id="sHaReToKeN"))
    return shown(scene, scene.bob, token)


has_object_type = has(
    "objectType",
    str,
    lambda scene: (_asking_for_a_share(scene), "share:password"),
    lambda scene: (shown(scene, scene.bob, scene.group), ""),
    lambda scene: (shown(scene, scene.bob, scene.bob.get("v4/room/note-to-self")["token"]), ""),
)
has_object_id = has(
    "objectId",
    str,
    lambda scene: (_asking_for_a_share(scene), "sHaReToKeN"),
    lambda scene: (shown(scene, scene.bob, scene.group), ""),
    lambda scene: (shown(scene, scene.bob, scene.bob.get("v4/room/note-to-self")["token"]), ""),
)
OTHER_OBJECTS = "v1 does not show the other object types of current versions, because its clients do not know them."

# --- settings -------------------------------------------------------------------------------
renamed_empty_or_too_long = both(
    room.renamed_too_long,
    answers(400, of("alice", "PUT", ROOM, roomName="")),
    answers(400, of("alice", "PUT", ROOM, roomName="   ")),
)
lock = f"{ROOM}/read-only"
locked = both(
    turns(of("alice", "PUT", lock, state=1), "readOnly", 1),
    answers(403, of("bob", "POST", "v1/chat/{token}", message="Hello")),
    turns(of("alice", "PUT", lock, state=0), "readOnly", 0),
    answers(201, of("bob", "POST", "v1/chat/{token}", message="Hello")),
    turns(of("alice", "PUT", lock, "public", state=1), "readOnly", 1),
)
locked_pair = answers(400, of("alice", "PUT", lock, "pair", state=1))
locked_by_member = both(answers(403, of("bob", "PUT", lock, state=1)), is_refused_to_guests("PUT", lock, state=1))
locked_elsewhere = is_unknown("PUT", lock, state=1)

favorite = f"{ROOM}/favorite"
favored = both(
    answers(200, of("bob", "POST", favorite)),
    has("isFavorite", bool, lambda scene: (shown(scene, scene.bob, scene.group), True)),
)
not_favored = both(
    favored,
    answers(200, of("bob", "DELETE", favorite)),
    has("isFavorite", bool, lambda scene: (shown(scene, scene.bob, scene.group), False)),
)


def _for_members_only(method: str, path: str, **params: Any) -> Check:
    return both(
        is_unknown(method, path, **params),
        answers(404, of("visitor", method, path, **params)),
        answers(404, as_guest(method, path, **params)),
    )


notify = f"{ROOM}/notify"
notified = both(
    answers(200, of("bob", "POST", notify, level=3)),
    has("notificationLevel", int, lambda scene: (shown(scene, scene.bob, scene.group), 3)),
)
of_no_level = both(*(answers(400, of("bob", "POST", notify, level=level)) for level in (0, 4, -1)))

ROWS = (
    Row(230, "all", "the base is `/ocs/v2.php/apps/spreed/api/v1`", room.listed),
    Row(234, CREATE, "uses the method POST", room.created),
    Row(235, CREATE, "has the path `/room`", room.created),
    Row(240, CREATE, "takes `roomType`, an int", room.takes_room_type),
    Row(241, CREATE, "takes `invite`: a user for type 1, or a group for type 2", room.takes_invite),
    Row(242, CREATE, "takes `roomName`, but not for type 1", room.takes_room_name),
    Row(246, CREATE, "200 when the one-to-one conversation exists", room.finds_the_pair),
    Row(247, CREATE, "201 when the conversation was created", room.created),
    Row(248, CREATE, "400 for an invalid type", room.of_no_type),
    Row(249, CREATE, "401 when nobody is logged in", room.by_nobody),
    Row(250, CREATE, "404 when the user or the group does not exist", room.with_nobody, NOT_ONESELF),
    Row(256, CREATE, "returns `token`, a string", room.returns_token),
    Row(257, CREATE, "returns `name`, a string that may be empty", room.returns_name),
    Row(258, CREATE, "returns `displayName`: the name, or a list of participants", room.returns_display_name),
    Row(262, LIST, "uses the method GET", room.listed),
    Row(263, LIST, "has the path `/room`", room.listed),
    Row(267, LIST, "200", room.listed),
    Row(268, LIST, "401 when nobody is logged in", room.listed_for_nobody),
    Row(275, LIST, "has `token`, a string", room.has_token),
    Row(276, LIST, "has `type`, an int", room.has_type, LATER_KINDS),
    Row(277, LIST, "has `name`, a string that may be empty", room.has_name),
    Row(278, LIST, "has `displayName`: the name, or a list of participants", room.has_display_name),
    Row(279, LIST, "has `participantType`, an int, of the current user", room.has_participant_type),
    Row(280, LIST, "has `participantInCall`, a bool", room.has_participant_in_call),
    Row(281, LIST, "has `participantFlags`, an int", room.has_participant_flags),
    Row(
        282,
        LIST,
        "has `readOnly`, an int",
        has_read_only,
        "The state of the room, for moderators too, because they can unlock it.",
    ),
    Row(283, LIST, "has `count`, an int: active users", room.has_count),
    Row(284, LIST, "has `numGuests`, an int: active guests", room.has_num_guests),
    Row(285, LIST, "has `lastPing`, an int, of the current user", room.has_last_ping),
    Row(286, LIST, "has `sessionId`, a string: `'0'` when not connected", room.has_session_id, LENGTH_OF_SESSIONS),
    Row(287, LIST, "has `hasPassword`, a bool", room.has_password),
    Row(288, LIST, "has `hasCall`, a bool", room.has_call),
    Row(289, LIST, "has `canStartCall`, a bool; does not concern joining a call that has begun", has_can_start_call),
    Row(290, LIST, "has `lastActivity`, an int, in seconds", has_last_activity),
    Row(291, LIST, "has `isFavorite`, a bool", has_is_favorite),
    Row(
        292,
        LIST,
        "has `notificationLevel`, an int of 1 to 3",
        has_notification_level,
        "The effective level: without a choice, all messages in one-to-one conversations and mentions in others.",
    ),
    Row(
        293,
        LIST,
        "has `lobbyState`, an int; moderators can always join",
        has_lobby_state,
        "Clients of that time set it by `PUT room/{token}/webinary/lobby`.",
    ),
    Row(294, LIST, "has `lobbyTimer`, an int", has_lobby_timer),
    Row(295, LIST, "has `unreadMessages`, an int", has_unread_messages),
    Row(296, LIST, "has `unreadMention`, a bool", has_unread_mention),
    Row(297, LIST, "has `lastReadMessage`, an int", has_last_read_message),
    Row(
        298,
        LIST,
        "has `lastMessage`, empty where there is none",
        has_last_message,
        "Empty is `[]`. The message has the form of the current chat API. Sensitive conversations have none.",
    ),
    Row(299, LIST, "has `objectType`: `share:password` or empty", has_object_type, OTHER_OBJECTS),
    Row(300, LIST, "has `objectId`: the token of the share, or empty", has_object_id, OTHER_OBJECTS),
    Row(304, GET, "uses the method GET, for guests too", room.got),
    Row(305, GET, "has the path `/room/{token}`", room.got),
    Row(309, GET, "200", room.got),
    Row(310, GET, "404 when the participant cannot find the conversation", room.not_got),
    Row(312, GET, "returns what the list has", room.same_as_in_the_list),
    Row(316, RENAME, "uses the method PUT", room.renamed),
    Row(317, RENAME, "has the path `/room/{token}`", room.renamed),
    Row(322, RENAME, "takes `roomName` of 1 to 200 characters", room.renamed_at_most),
    Row(326, RENAME, "200", room.renamed),
    Row(
        327,
        RENAME,
        "400 when the name is too long or empty",
        renamed_empty_or_too_long,
        "Only spaces count as empty.",
    ),
    Row(328, RENAME, "403 when the user is not a moderator", room.renamed_by_member),
    Row(329, RENAME, "404 when the participant cannot find the conversation", room.renamed_elsewhere),
    Row(330, RENAME, "405 in a one-to-one conversation", room.renamed_pair),
    Row(334, LOCK, "uses the method PUT", locked),
    Row(335, LOCK, "has the path `/room/{token}/read-only`", locked),
    Row(340, LOCK, "takes `state`, an int", both(locked, answers(400, of("alice", "PUT", lock, state=2)))),
    Row(344, LOCK, "200", locked),
    Row(345, LOCK, "400 where the type has no such state", locked_pair),
    Row(
        346,
        LOCK,
        "403 when the user is not a moderator",
        locked_by_member,
        "The line also says 403 for conversations that are not public, but by the line before it groups can be locked "
        "and the others answer 400, so talkd does that. Guests of the room get 403 too, even guest moderators.",
    ),
    Row(347, LOCK, "404 when the participant cannot find the conversation", locked_elsewhere),
    Row(351, PASSWORD, "uses the method PUT", room.closed),
    Row(352, PASSWORD, "has the path `/room/{token}/password`", room.closed),
    Row(357, PASSWORD, "takes `password`, a string", room.closes_with_password),
    Row(361, PASSWORD, "200", room.closed),
    Row(
        362,
        PASSWORD,
        "403 when the user is not a moderator or the conversation is not public",
        both(room.closed_by_member, room.closed_group),
        "A password that is too short, or removing one that the server requires, is 400 with a message, as in v4.",
    ),
    Row(363, PASSWORD, "404 when the participant cannot find the conversation", room.closed_elsewhere),
    Row(367, DELETE, "uses the method DELETE", room.deleted),
    Row(368, DELETE, "has the path `/room/{token}`", room.deleted),
    Row(372, DELETE, "200", room.deleted),
    Row(
        373,
        DELETE,
        "403 when the user is not a moderator",
        both(room.deleted_by_member, answers(403, of("alice", "DELETE", ROOM, "pair"))),
        BY_TYPE,
    ),
    Row(374, DELETE, "404 when the participant cannot find the conversation", room.deleted_elsewhere),
    Row(378, OPEN, "uses the method POST", room.opened),
    Row(379, OPEN, "has the path `/room/{token}/public`", room.opened_for_guests),
    Row(383, OPEN, "200", room.opened),
    Row(
        384,
        OPEN,
        "403 when the user is not a moderator",
        both(room.opened_by_member, answers(403, of("alice", "POST", f"{ROOM}/public", "pair"))),
        ACCOUNTS_ONLY,
    ),
    Row(385, OPEN, "404 when the participant cannot find the conversation", room.opened_elsewhere),
    Row(389, SHUT, "uses the method DELETE", room.shut),
    Row(390, SHUT, "has the path `/room/{token}/public`", room.shut_for_guests),
    Row(394, SHUT, "200", room.shut),
    Row(
        395,
        SHUT,
        "403 when the user is not a moderator",
        both(room.shut_by_member, answers(403, of("alice", "DELETE", f"{ROOM}/public", "pair"))),
        ACCOUNTS_ONLY,
    ),
    Row(396, SHUT, "404 when the participant cannot find the conversation", room.shut_elsewhere),
    Row(400, PASSWORD, "uses the method PUT", room.closed, SETTING_TWICE),
    Row(401, PASSWORD, "has the path `/room/{token}/password`", room.closed),
    Row(406, PASSWORD, "takes `password`, a string", room.closes_with_password),
    Row(410, PASSWORD, "200", room.closed),
    Row(411, PASSWORD, "403 when the user is not a moderator", room.closed_by_member),
    Row(412, PASSWORD, "403 when the conversation is not public", room.closed_group),
    Row(413, PASSWORD, "404 when the participant cannot find the conversation", room.closed_elsewhere),
    Row(417, FAVORITE, "uses the method POST", favored),
    Row(418, FAVORITE, "has the path `/room/{token}/favorite`", favored),
    Row(422, FAVORITE, "200", favored),
    Row(
        423,
        FAVORITE,
        "404 when the participant cannot find the conversation or is a guest",
        _for_members_only("POST", favorite),
    ),
    Row(427, NO_FAVORITE, "uses the method DELETE", not_favored),
    Row(428, NO_FAVORITE, "has the path `/room/{token}/favorite`", not_favored),
    Row(432, NO_FAVORITE, "200", not_favored),
    Row(
        433,
        NO_FAVORITE,
        "404 when the participant cannot find the conversation or is a guest",
        _for_members_only("DELETE", favorite),
    ),
    Row(437, NOTIFY, "uses the method POST", notified),
    Row(438, NOTIFY, "has the path `/room/{token}/notify`", notified),
    Row(443, NOTIFY, "takes `level`, an int of 1 to 3", has_notification_level),
    Row(447, NOTIFY, "200", notified),
    Row(448, NOTIFY, "400 for an invalid level", of_no_level),
    Row(
        449,
        NOTIFY,
        "404 when the participant cannot find the conversation or is a guest",
        _for_members_only("POST", notify, level=1),
    ),
)
