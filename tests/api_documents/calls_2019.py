"""The call API v1 of 2019 and 2020."""

from api_documents.calls_2018 import (
    CALL,
    after_joining,
    has_last_ping,
    has_session,
    has_user_id,
    is_list_of_sessions_in_call,
    joins,
    leaves,
    stays_in_the_room,
)
from api_documents.conversations_2018 import LENGTH_OF_SESSIONS
from api_documents.rows import Check, Row, answers, is_unknown, of
from api_documents.scene import Scene

FLAGS = (1, 3, 5, 7)


def lock(scene: Scene) -> None:
    """Make the group read-only."""
    scene.alice.put(f"v4/room/{scene.group}/read-only", state=1)


def close_lobby(scene: Scene) -> None:
    """Turn the lobby of the group on, so that only moderators may do anything there."""
    scene.alice.put(f"v4/room/{scene.group}/webinar/lobby", state=1)


def is_locked(method: str, path: str, **params: int) -> Check:
    """Check that a locked room answers 403 to all who have joined it, moderators too."""

    def check(scene: Scene) -> None:
        for who in (scene.bob, scene.alice):
            who.join(scene.group)
        lock(scene)
        for who in (scene.bob, scene.alice):
            assert who.status(method, path.format(token=scene.group), **params) == 403

    return check


def waits_in_the_lobby(method: str, path: str, **params: int) -> Check:
    """Check that a lobby answers 412 to a member who has joined the room, but not to a moderator."""

    def check(scene: Scene) -> None:
        for who in (scene.bob, scene.alice):
            who.join(scene.group)
        close_lobby(scene)
        assert scene.bob.status(method, path.format(token=scene.group), **params) == 412
        assert scene.alice.status(method, path.format(token=scene.group), **params) != 412

    return check


def has_flags(path: str) -> Check:
    """Check that others see the flags that the caller joins with."""

    def check(scene: Scene) -> None:
        scene.bob.join(scene.group)
        for flags in FLAGS:
            scene.bob.post(path.format(token=scene.group), flags=flags)
            shown = scene.alice.get(f"v1/room/{scene.group}/participants")
            assert [each["inCall"] for each in shown] == [0, flags]
            scene.bob.delete(path.format(token=scene.group))

    return check


BASE = "The base of the addresses is the same as in 2018. All rows use it."
NOT_LOCKED = "Callers who are in the call may always leave it (200)."
HELD_OUT = f"A call continues when its room is locked. {NOT_LOCKED} A caller who has not joined the room gets 404."
SENT_OUT = "Turning the lobby on removes members from the call, so none of them has to leave it."

ROWS = (
    Row(63, "call", "the base of the addresses, API v1", answers(200, of("bob", "GET", CALL)), BASE),
    Row(67, f"GET {CALL}", "the method GET", answers(200, of("bob", "GET", CALL))),
    Row(68, f"GET {CALL}", "the endpoint", answers(200, of("alice", "GET", CALL))),
    Row(72, f"GET {CALL}", "200", answers(200, of("bob", "GET", CALL))),
    Row(73, f"GET {CALL}", "403 in a locked room", is_locked("GET", CALL)),
    Row(74, f"GET {CALL}", "404 for a caller who is not in the room", is_unknown("GET", CALL)),
    Row(75, f"GET {CALL}", "412 for a caller who waits in the lobby", waits_in_the_lobby("GET", CALL)),
    Row(78, f"GET {CALL}", "an array of the sessions in the call", is_list_of_sessions_in_call),
    Row(82, f"GET {CALL}", "`userId`, a string, empty for guests", has_user_id),
    Row(83, f"GET {CALL}", "`lastPing`, a time stamp", has_last_ping),
    Row(84, f"GET {CALL}", "`sessionId`, a string of 512 characters", has_session, LENGTH_OF_SESSIONS),
    Row(88, f"POST {CALL}", "the method POST", joins),
    Row(89, f"POST {CALL}", "the endpoint", joins),
    Row(94, f"POST {CALL}", "`flags`: the media that the caller sends", has_flags(CALL)),
    Row(98, f"POST {CALL}", "200", answers(200, after_joining(of("bob", "POST", CALL, flags=3)))),
    Row(99, f"POST {CALL}", "403 in a locked room", is_locked("POST", CALL)),
    Row(100, f"POST {CALL}", "404 for a caller who is not in the room", is_unknown("POST", CALL)),
    Row(101, f"POST {CALL}", "404 for a caller who has not joined the room", answers(404, of("bob", "POST", CALL))),
    Row(102, f"POST {CALL}", "412 for a caller who waits in the lobby", waits_in_the_lobby("POST", CALL)),
    Row(104, f"DELETE {CALL}", "leaves the call, not the room", stays_in_the_room),
    Row(106, f"DELETE {CALL}", "the method DELETE", leaves),
    Row(107, f"DELETE {CALL}", "the endpoint", leaves),
    Row(111, f"DELETE {CALL}", "200", answers(200, after_joining(of("bob", "DELETE", CALL)))),
    Row(112, f"DELETE {CALL}", "403 in a locked room", is_locked("DELETE", CALL), HELD_OUT),
    Row(113, f"DELETE {CALL}", "404 for a caller who is not in the room", is_unknown("DELETE", CALL)),
    Row(114, f"DELETE {CALL}", "404 for a caller who has not joined the room", answers(404, of("bob", "DELETE", CALL))),
    Row(115, f"DELETE {CALL}", "412 for a caller who waits in the lobby", waits_in_the_lobby("DELETE", CALL), SENT_OUT),
)
