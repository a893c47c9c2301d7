"""Answers that an API document does not list for its operation, each with its reason and a check.

Answers that every operation may give are in docs/api/old-clients.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from api_documents.calls_2019 import close_lobby, lock
from api_documents.chat_2018 import CHAT
from api_documents.conversations import ROOM, as_guest, both, create
from api_documents.participants_2018 import PEOPLE, SELF
from api_documents.rows import Check, answers, of
from api_documents.scene import Scene
from support.people import GROUP


@dataclass(frozen=True, slots=True)
class Unlisted:
    """One such answer, when it comes, and why it is none of the listed ones."""

    operation: str
    status: int
    when: str
    why: str
    check: Check


def after(prepare: Callable[[Scene], None], *checks: Check) -> Check:
    """Prepare the scene, then run the checks."""

    def check(scene: Scene) -> None:
        prepare(scene)
        both(*checks)(scene)

    return check


def with_setting(name: str, value: str, *checks: Check) -> Check:
    """Run the checks while the setting has this value. The rooms are created before."""

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
    """Check that a note to self has no calls, even for an owner who has joined it."""
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
NO_EMPTY_PASSWORD = "A password removed by mistake would open the room to everybody."

CONVERSATIONS_2019 = (
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
        "the password is too weak, or empty although the server requires one",
        "Clients show the message, which says what is wrong with the password.",
        with_setting(
            "force_passwords", "yes", answers(400, of("alice", "PUT", f"{ROOM}/password", "public", password=""))
        ),
    ),
)
API_2018 = (
    *CONVERSATIONS_2019,
    Unlisted(
        GET_PEOPLE,
        403,
        "the caller is a guest and not a moderator",
        "No version lists the participants for guests. 404 would mean that the guest is not in the room.",
        answers(403, as_guest("GET", PEOPLE)),
    ),
    Unlisted(
        GET_PEOPLE,
        412,
        "the caller waits in the lobby",
        LOBBY,
        after(close_lobby, answers(412, of("bob", "GET", PEOPLE)), answers(200, of("alice", "GET", PEOPLE))),
    ),
    Unlisted(
        ADD,
        501,
        "`source`, a later parameter, names a kind of participant that the server is not set up for",
        "Clients of 2018 do not send `source`.",
        answers(501, of("alice", "POST", PEOPLE, newParticipant="someone", source="federated_users")),
    ),
    Unlisted(
        LEAVE,
        400,
        "the last moderator leaves while other members stay, in v2 and v3",
        "Apps of v2 and v3 know this refusal, and the others need a moderator. v1 answers 200, as the document says.",
        stays_as_last_moderator,
    ),
    Unlisted(
        GET_CHAT,
        412,
        "the caller waits in the lobby",
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
        "the caller waits in the lobby",
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

CALLS_V4 = (
    Unlisted(
        JOIN_CALL,
        400,
        "the room has no calls, for example a note to self: `type`",
        "Newer servers answer 400. v1–v3 answer 403, which their document lists.",
        joined_note_to_self,
    ),
    Unlisted(
        JOIN_CALL,
        400,
        "the caller did not agree to being recorded, which the server requires: `consent`",
        "Recording came after the document, and apps of v4 know this refusal. v1–v3 answer 403.",
        with_setting("recording_consent", "1", needs_consent),
    ),
)
