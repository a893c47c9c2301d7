"""Answers that a founding document does not list for its operation, each with its reason and a check."""

from collections.abc import Callable
from dataclasses import dataclass

from seeds.calls_2019 import close_lobby, lock
from seeds.chat_2018 import CHAT
from seeds.conversations import ROOM, as_guest, both, create
from seeds.people_2018 import PEOPLE, SELF
from seeds.rows import Check, answers, of
from seeds.scene import Scene
from support.people import GROUP


@dataclass(frozen=True, slots=True)
class Unlisted:
    """One such answer: when it comes, and why it is not one of those that are listed."""

    operation: str
    status: int
    when: str
    why: str
    check: Check


def after(prepare: Callable[[Scene], None], *checks: Check) -> Check:
    """The checks hold once the scene is prepared."""

    def check(scene: Scene) -> None:
        prepare(scene)
        both(*checks)(scene)

    return check


def with_setting(name: str, value: str, *checks: Check) -> Check:
    """The checks hold while an administrator has chosen the setting; everybody in the scene is there before."""

    def check(scene: Scene) -> None:
        assert scene.group
        assert scene.public
        path = f"/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/{name}"
        assert scene.server.admin.post(path, json={"value": value}).is_success
        try:
            both(*checks)(scene)
        finally:
            assert scene.server.admin.delete(path).is_success

    return check


def joined_note_to_self(scene: Scene) -> None:
    """A note to self has no calls, also when its owner has opened it."""
    token = scene.alice.get("v4/room/note-to-self")["token"]
    scene.alice.join(token)
    assert scene.alice.refused("POST", f"v4/call/{token}") == (400, "type")
    for version in ("v1", "v2", "v3"):
        assert scene.alice.refused("POST", f"{version}/call/{token}") == (403, "type")


def needs_consent(scene: Scene) -> None:
    scene.bob.join(scene.group)
    assert scene.bob.refused("POST", f"v4/call/{scene.group}") == (400, "consent")
    for version in ("v1", "v2", "v3"):
        assert scene.bob.refused("POST", f"{version}/call/{scene.group}") == (403, "consent")


def stays_as_last_moderator(scene: Scene) -> None:
    for version in ("v2", "v3"):
        path = f"{version}/room/{scene.group}/participants/self"
        assert scene.alice.refused("DELETE", path) == (400, "last-moderator")


GET_PEOPLE, ADD, LEAVE = f"GET {PEOPLE}", f"POST {PEOPLE}", f"DELETE {SELF}"
GET_CHAT, SAY, JOIN_CALL = f"GET {CHAT}", f"POST {CHAT}", "POST v4/call/{token}"
CREATE, SET_PASSWORD = "POST v1/room", f"PUT {ROOM}/password"
LOBBY = "The lobby came after the document. Calls answer 412 for it in every version."
LATER_RULE = "The rule came after the document, and no listed status says that an administrator forbids it."
NO_EMPTY_PASSWORD = "Taking the password away by mistake would open the room to everybody."

_OF_2020 = (
    Unlisted(
        CREATE,
        403,
        "the server's setting `start_conversations` does not name the user's groups",
        LATER_RULE,
        with_setting("start_conversations", '["nobody at all"]', answers(403, create(roomType=GROUP, roomName="R"))),
    ),
    Unlisted(
        SET_PASSWORD,
        400,
        "`password` is missing",
        NO_EMPTY_PASSWORD,
        answers(400, of("alice", "PUT", f"{ROOM}/password", "public")),
    ),
    Unlisted(
        SET_PASSWORD,
        400,
        "the password is too weak, or empty where the server demands one",
        "Clients show the message, which says what is wrong with the password.",
        with_setting(
            "force_passwords", "yes", answers(400, of("alice", "PUT", f"{ROOM}/password", "public", password=""))
        ),
    ),
)
_OF_2018 = (
    *_OF_2020,
    Unlisted(
        GET_PEOPLE,
        403,
        "a guest asks who does not moderate",
        "Guests are not told who the participants are, in no version. 404 would say that they are not in the room.",
        answers(403, as_guest("GET", PEOPLE)),
    ),
    Unlisted(
        GET_PEOPLE,
        412,
        "the lobby is closed to the caller",
        LOBBY,
        after(close_lobby, answers(412, of("bob", "GET", PEOPLE)), answers(200, of("alice", "GET", PEOPLE))),
    ),
    Unlisted(
        ADD,
        501,
        "`source`, which came later, names a kind of participant that the server is not set up for",
        "Clients of 2018 do not send `source`.",
        answers(501, of("alice", "POST", PEOPLE, newParticipant="someone", source="federated_users")),
    ),
    Unlisted(
        LEAVE,
        400,
        "the last moderator leaves others behind, in v2 and v3",
        "Apps of v2 and v3 know this refusal, and others need a moderator. v1 answers 200, as written.",
        stays_as_last_moderator,
    ),
    Unlisted(
        GET_CHAT,
        412,
        "the lobby is closed to the caller",
        LOBBY,
        after(
            close_lobby,
            answers(412, of("bob", "GET", CHAT, timeout=0)),
            answers(200, of("alice", "GET", CHAT, timeout=0)),
        ),
    ),
    Unlisted(
        SAY,
        412,
        "the lobby is closed to the caller",
        LOBBY,
        after(
            close_lobby,
            answers(412, of("bob", "POST", CHAT, message="x")),
            answers(201, of("alice", "POST", CHAT, message="x")),
        ),
    ),
    Unlisted(
        SAY,
        403,
        "the room is locked, or the caller may not chat there",
        "Locking came after the document; the caller knows the room, so 404 would be wrong. Calls answer 403 as well.",
        after(
            lock,
            answers(403, of("bob", "POST", CHAT, message="x")),
            answers(403, of("alice", "POST", CHAT, message="x")),
        ),
    ),
    Unlisted(
        SAY,
        400,
        "the message is missing or blank",
        "The document does not say what an empty message is.",
        both(
            *(answers(400, of("bob", "POST", CHAT, message=text)) for text in ("", "  ")),
            answers(400, of("bob", "POST", CHAT)),
        ),
    ),
    Unlisted(
        SAY,
        413,
        "the message has more than 32,000 characters",
        "The document names no limit.",
        answers(413, of("bob", "POST", CHAT, message="x" * 32_001)),
    ),
)

UNLISTED: dict[str, tuple[Unlisted, ...]] = {
    "000": _OF_2018,
    "001": _OF_2018,
    "002": (
        Unlisted(
            JOIN_CALL,
            400,
            "the room has no calls, as a note to self: `type`",
            "Newer servers answer so. v1–v3 answer 403, which their document lists.",
            joined_note_to_self,
        ),
        Unlisted(
            JOIN_CALL,
            400,
            "the caller must agree to being recorded and did not: `consent`",
            "Recording came after the document, and apps of v4 know the refusal. v1–v3 answer 403.",
            with_setting("recording_consent", "1", needs_consent),
        ),
    ),
    "003": (),
    "004": _OF_2020,
}
"""By document. Answers that every operation may give are in docs/api/old-clients.md."""
