"""The document about calls of 2019/20 (003)."""

from seeds.calls_2018 import (
    CALL,
    after_joining,
    has_last_ping,
    has_session,
    has_user_id,
    is_list_of_who_is_in_it,
    joins,
    leaves,
    stays_in_the_room,
)
from seeds.conversations_2018 import LENGTH_OF_SESSIONS
from seeds.rows import Check, Row, answers, is_unknown, of
from seeds.scene import Scene

FLAGS = (1, 3, 5, 7)


def lock(scene: Scene) -> None:
    """Nobody may write in the group any more."""
    scene.alice.put(f"v4/room/{scene.group}/read-only", state=1)


def close_lobby(scene: Scene) -> None:
    """Only moderators may do things in the group."""
    scene.alice.put(f"v4/room/{scene.group}/webinar/lobby", state=1)


def is_locked(method: str, path: str, **params: int) -> Check:
    """403 for everybody who has opened the room, moderators too."""

    def check(scene: Scene) -> None:
        for who in (scene.bob, scene.alice):
            who.join(scene.group)
        lock(scene)
        for who in (scene.bob, scene.alice):
            assert who.status(method, path.format(token=scene.group), **params) == 403

    return check


def waits_in_the_lobby(method: str, path: str, **params: int) -> Check:
    """412 for a member who has opened the room, and not for a moderator."""

    def check(scene: Scene) -> None:
        for who in (scene.bob, scene.alice):
            who.join(scene.group)
        close_lobby(scene)
        assert scene.bob.status(method, path.format(token=scene.group), **params) == 412
        assert scene.alice.status(method, path.format(token=scene.group), **params) != 412

    return check


def has_flags(path: str) -> Check:
    """What is brought to the call is what others see; nothing said means everything."""

    def check(scene: Scene) -> None:
        scene.bob.join(scene.group)
        for flags in FLAGS:
            scene.bob.post(path.format(token=scene.group), flags=flags)
            shown = scene.alice.get(f"v1/room/{scene.group}/participants")
            assert [each["inCall"] for each in shown] == [0, flags]
            scene.bob.delete(path.format(token=scene.group))

    return check


BASE = "The base of the addresses is that of 2018; all the rows ask there."
NOT_LOCKED = "Whoever is in the call may leave it (200), so nobody is held in it."
HELD_OUT = f"A call goes on when its room is locked. {NOT_LOCKED} Who has not opened the room gets 404."
SENT_OUT = "The lobby takes members out of the call, so nobody is held in it."

ROWS = (
    Row(63, "call", "the base of the addresses, API v1", answers(200, of("bob", "GET", CALL)), BASE),
    Row(67, f"GET {CALL}", "the method GET", answers(200, of("bob", "GET", CALL))),
    Row(68, f"GET {CALL}", "the endpoint", answers(200, of("alice", "GET", CALL))),
    Row(72, f"GET {CALL}", "200", answers(200, of("bob", "GET", CALL))),
    Row(73, f"GET {CALL}", "403 in a locked room", is_locked("GET", CALL)),
    Row(74, f"GET {CALL}", "404 for who is not in the room", is_unknown("GET", CALL)),
    Row(75, f"GET {CALL}", "412 for who waits in the lobby", waits_in_the_lobby("GET", CALL)),
    Row(78, f"GET {CALL}", "an array of who is in the call", is_list_of_who_is_in_it),
    Row(82, f"GET {CALL}", "`userId`, a string, empty for guests", has_user_id),
    Row(83, f"GET {CALL}", "`lastPing`, a time stamp", has_last_ping),
    Row(84, f"GET {CALL}", "`sessionId`, a string of 512 characters", has_session, LENGTH_OF_SESSIONS),
    Row(88, f"POST {CALL}", "the method POST", joins),
    Row(89, f"POST {CALL}", "the endpoint", joins),
    Row(94, f"POST {CALL}", "`flags`, what is brought to the call", has_flags(CALL)),
    Row(98, f"POST {CALL}", "200", answers(200, after_joining(of("bob", "POST", CALL, flags=3)))),
    Row(99, f"POST {CALL}", "403 in a locked room", is_locked("POST", CALL)),
    Row(100, f"POST {CALL}", "404 for who is not in the room", is_unknown("POST", CALL)),
    Row(101, f"POST {CALL}", "404 for who has not opened the room", answers(404, of("bob", "POST", CALL))),
    Row(102, f"POST {CALL}", "412 for who waits in the lobby", waits_in_the_lobby("POST", CALL)),
    Row(104, f"DELETE {CALL}", "leaves the call, not the room", stays_in_the_room),
    Row(106, f"DELETE {CALL}", "the method DELETE", leaves),
    Row(107, f"DELETE {CALL}", "the endpoint", leaves),
    Row(111, f"DELETE {CALL}", "200", answers(200, after_joining(of("bob", "DELETE", CALL)))),
    Row(112, f"DELETE {CALL}", "403 in a locked room", is_locked("DELETE", CALL), HELD_OUT),
    Row(113, f"DELETE {CALL}", "404 for who is not in the room", is_unknown("DELETE", CALL)),
    Row(114, f"DELETE {CALL}", "404 for who has not opened the room", answers(404, of("bob", "DELETE", CALL))),
    Row(115, f"DELETE {CALL}", "412 for who waits in the lobby", waits_in_the_lobby("DELETE", CALL), SENT_OUT),
)
