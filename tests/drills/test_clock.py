"""The machine's clock jumps while people post and wait."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import Person
from support.running import Server
from support.waiting import await_waiting
from talkd.core import clock

HOUR = 3600


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of the servers to another time: so many seconds from the true one."""
    source = clock.source

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(clock, "source", lambda: source() + seconds)

    return set_to


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_messages_keep_their_order_and_wake_polls_when_the_clock_jumps(
    server: Server,
    alice: Person,
    bob: Person,
    token: str,
    jump: Callable[[float], None],
    threads: ThreadPoolExecutor,
    seconds: float,
) -> None:
    posted = [alice.say(token, "before")["id"]]
    waiting = threads.submit(
        bob.get, f"v1/chat/{token}", lookIntoFuture=1, lastKnownMessageId=posted[0], timeout=30, setReadMarker=0
    )
    await_waiting(server, 1)
    jump(seconds)
    posted += [alice.say(token, f"after {number}")["id"] for number in range(5)]
    jump(0)
    posted.append(alice.say(token, "back")["id"])
    assert waiting.result(20)[0]["id"] == posted[1]
    assert posted == sorted(posted)
    assert [each["id"] for each in bob.history(token)][: len(posted)] == posted[::-1]


def test_a_lobby_timer_acts_once_when_the_clock_jumps_over_it_and_back(
    server: Server, alice: Person, bob: Person, token: str, jump: Callable[[float], None]
) -> None:
    alice.put(f"v4/room/{token}/webinar/lobby", state=1, timer=int(time.time()) + HOUR // 2)
    jump(-HOUR)
    server.run_job("turn_off_lobbies")
    assert alice.system_messages(token).count("lobby_timer_reached") == 0
    for seconds in (HOUR, 0, HOUR, -HOUR):
        jump(seconds)
        server.run_job("turn_off_lobbies")
        assert alice.system_messages(token).count("lobby_timer_reached") == 1
    assert bob.say(token, "inside")["id"]
