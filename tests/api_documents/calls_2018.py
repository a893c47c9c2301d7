"""The call API of 2018, and checks that the later call APIs share."""

import time

import httpx
import pytest

from api_documents.conversations_2018 import LENGTH_OF_SESSIONS
from api_documents.rows import Ask, Promise, answers, carries, is_unknown, of, rows_of_page, rows_of_source
from api_documents.scene import Scene
from support.time import stop_time
from talkd.conversation.pings import Pings

CALL = "v1/call/{token}"
PING = f"{CALL}/ping"


# --- what the checks need -------------------------------------------------------------------
def after_joining(ask: Ask) -> Ask:
    """Return the request, sent after bob has joined the group."""

    def joined(scene: Scene) -> httpx.Response:
        scene.bob.join(scene.group)
        return ask(scene)

    return joined


def in_call(scene: Scene) -> None:
    """Let bob join the call of the group and the visitor the call of the public room."""
    scene.bob.join(scene.group)
    scene.bob.post(CALL.format(token=scene.group))
    assert scene.guest
    scene.visitor.post(CALL.format(token=scene.public))


def is_list_of_sessions_in_call(scene: Scene) -> None:
    assert scene.alice.get(CALL.format(token=scene.group)) == []
    in_call(scene)
    assert len(scene.alice.get(CALL.format(token=scene.group))) == 1


def has_user_id(scene: Scene) -> None:
    in_call(scene)
    carries(of("alice", "GET", CALL), "userId", str, scene.bob.id)(scene)
    carries(of("alice", "GET", CALL, "public"), "userId", str, "")(scene)


def has_last_ping(scene: Scene) -> None:
    in_call(scene)
    carries(of("alice", "GET", CALL), "lastPing", int, scene.bob.room(scene.group)["lastPing"])(scene)


def has_session(scene: Scene) -> None:
    in_call(scene)
    assert len(scene.guest) == 512
    carries(of("alice", "GET", CALL, "public"), "sessionId", str, scene.guest)(scene)


def joins(scene: Scene) -> None:
    scene.bob.join(scene.group)
    assert scene.bob.status("POST", CALL.format(token=scene.group)) == 200
    assert scene.alice.participants(scene.group)[scene.bob.id]["inCall"] == 7


def keeps_alive(scene: Scene) -> None:
    """Check that a ping half a minute later is shown as the last one."""
    scene.bob.join(scene.group)
    before = scene.bob.room(scene.group)["lastPing"]
    later = int(time.time()) + 30
    with pytest.MonkeyPatch.context() as patch:
        stop_time(patch, later)
        assert scene.bob.status("POST", PING.format(token=scene.group)) == 200
        scene.server.run(scene.server.app.world[Pings].flush())
        shown = scene.alice.get(f"v1/room/{scene.group}/participants")
    assert [each["lastPing"] for each in shown] == [0, later]
    assert before < later


def pings_nothing(scene: Scene) -> None:
    is_unknown("POST", PING)(scene)
    assert scene.bob.status("POST", PING.format(token=scene.group)) == 404


def leaves(scene: Scene) -> None:
    in_call(scene)
    assert scene.bob.status("DELETE", CALL.format(token=scene.group)) == 200
    assert scene.alice.get(CALL.format(token=scene.group)) == []


def stays_in_the_room(scene: Scene) -> None:
    leaves(scene)
    assert scene.bob.status("POST", f"v1/chat/{scene.group}", message="Still here") == 201
    assert scene.bob.status("POST", CALL.format(token=scene.group)) == 200


NO_DEVICE = "A caller who has not joined the room gets 404 too: there is no session to keep alive."

PROMISES = (
    Promise(390, 370, f"GET {CALL}", "the method GET", answers(200, of("bob", "GET", CALL))),
    Promise(393, 371, f"GET {CALL}", "the endpoint", answers(200, of("alice", "GET", CALL))),
    Promise(398, 375, f"GET {CALL}", "200", answers(200, of("alice", "GET", CALL))),
    Promise(399, 376, f"GET {CALL}", "404 for a caller who is not in the room", is_unknown("GET", CALL)),
    Promise(402, 379, f"GET {CALL}", "an array of the sessions in the call", is_list_of_sessions_in_call),
    Promise((403, 404), 383, f"GET {CALL}", "`userId`, a string, empty for guests", has_user_id),
    Promise(405, 384, f"GET {CALL}", "`lastPing`, a time stamp", has_last_ping),
    Promise(406, 385, f"GET {CALL}", "`sessionId`, a string of 512 characters", has_session, LENGTH_OF_SESSIONS),
    Promise(411, 389, f"POST {CALL}", "the method POST", joins),
    Promise(414, 390, f"POST {CALL}", "the endpoint", joins),
    Promise(418, 394, f"POST {CALL}", "200", answers(200, after_joining(of("bob", "POST", CALL)))),
    Promise(419, 395, f"POST {CALL}", "404 for a caller who is not in the room", is_unknown("POST", CALL)),
    Promise(425, 399, f"POST {PING}", "the method POST", keeps_alive),
    Promise(428, 400, f"POST {PING}", "the endpoint", keeps_alive),
    Promise(432, 404, f"POST {PING}", "200", answers(200, after_joining(of("bob", "POST", PING)))),
    Promise(433, 405, f"POST {PING}", "404 for a caller who is not in the room", pings_nothing, NO_DEVICE),
    Promise(436, 407, f"DELETE {CALL}", "leaves the call, not the room", stays_in_the_room),
    Promise(439, 409, f"DELETE {CALL}", "the method DELETE", leaves),
    Promise(442, 410, f"DELETE {CALL}", "the endpoint", leaves),
    Promise(446, 414, f"DELETE {CALL}", "200", answers(200, after_joining(of("bob", "DELETE", CALL)))),
    Promise(447, 415, f"DELETE {CALL}", "404 for a caller who is not in the room", is_unknown("DELETE", CALL)),
)

ROWS_OF_PAGE = rows_of_page(PROMISES)
ROWS_OF_SOURCE = rows_of_source(PROMISES)
