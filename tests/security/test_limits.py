"""Rate limits per caller, which do not affect other callers."""

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.app import ROUTES
from talkd.config_groups import LimitsConfig
from talkd.core import clock
from talkd.core.windows import Windows
from talkd.web.limits import Limit

HERE, ELSEWHERE = "198.51.100.1", "198.51.100.2"
SOMEWHERE = '{"name": "here", "latitude": "1", "longitude": "2"}'
_numbers = count(1)
Do = Callable[[], httpx.Response]


def at(server: Server, address: str, person: Person | None = None) -> Person:
    """Return a client of a person or visitor that appears to come from an address."""
    user = person.id if person is not None else None
    return Person(server.client(user, headers={"X-Forwarded-For": address}), user)


def statuses(do: Do, times: int) -> list[int]:
    return [do().status_code for _ in range(times)]


def move_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    ticks = clock.ticks
    monkeypatch.setattr(clock, "ticks", lambda: ticks() + seconds)


def is_refused(answer: httpx.Response, most: int) -> bool:
    """Return True if the answer is 429 with the seconds to wait."""
    return answer.status_code == 429 and 0 < int(answer.headers["Retry-After"]) <= most


def test_joins_of_guests_are_limited_per_network(throttled_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server = throttled_server
    server.config.limits.guest_joins = 3
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token, locked = alice.create_room(PUBLIC), alice.create_room(PUBLIC, password="a secret")
    path = f"v4/room/{token}/participants/active"
    assert at(server, HERE).status("POST", f"v4/room/{locked}/participants/active", password="no") == 403
    assert statuses(lambda: at(server, HERE).request("POST", path), 3) == [200] * 3, "what failed does not count"
    assert is_refused(at(server, HERE).request("POST", path), 3600)
    assert at(server, ELSEWHERE).status("POST", path) == 200
    assert at(server, HERE, bob).status("POST", path) == 200, "users are no guests"
    move_clock(monkeypatch, 3601)
    assert at(server, HERE).status("POST", path) == 200


def test_open_conversations_of_guests_are_limited_per_network(
    throttled_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = throttled_server
    server.config.limits.guest_sessions = 2
    alice = server.add_user("alice")
    tokens = [alice.create_room(PUBLIC) for _ in range(3)]
    paths = [f"v4/room/{token}/participants/active" for token in tokens]
    first, second, third = at(server, "2001:db8::1"), at(server, "2001:db8::2"), at(server, "2001:db8::3")
    assert [first.status("POST", paths[0]), second.status("POST", paths[1])] == [200, 200]
    assert is_refused(third.request("POST", paths[2]), 3600)
    assert first.status("POST", paths[0]) == 200, "opening it again takes no more room"
    assert at(server, "2001:db8:0:1::1").status("POST", paths[2]) == 200
    assert at(server, "2001:db8::3", alice).status("POST", paths[2]) == 200, "users are no guests"
    second.delete(paths[1])
    assert third.status("POST", paths[2]) == 200
    server.config.limits.guest_sessions = 0
    assert at(server, "2001:db8::4").status("POST", paths[0]) == 200


def test_concurrent_joins_of_guests_count(throttled_server: Server, threads: ThreadPoolExecutor) -> None:
    server = throttled_server
    server.config.limits.guest_sessions = 2
    alice = server.add_user("alice")
    paths = [f"v4/room/{alice.create_room(PUBLIC)}/participants/active" for _ in range(8)]
    joins = [threads.submit(at(server, "2001:db8:1::1").status, "POST", path) for path in paths]
    assert sorted(each.result() for each in joins) == [200] * 2 + [429] * 6


@pytest.mark.parametrize("kind", ["message", "share", "reaction", "poll", "vote"])
def test_messages_of_a_guest_are_limited(throttled_server: Server, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    server = throttled_server
    server.config.limits.guest_messages = 2
    alice, guest, other = server.add_user("alice"), at(server, HERE), at(server, HERE)
    token = alice.create_room(PUBLIC)
    first = alice.post(f"v1/chat/{token}", message="hello")["id"]
    poll = alice.post(f"v1/poll/{token}", question="?", options=["a", "b"], resultMode=0, maxVotes=0)["id"]
    for each in (guest, other):
        each.join(token)
    place = {"objectType": "geo-location", "objectId": "geo:1,2", "metaData": SOMEWHERE}
    question = {"question": "?", "options": ["a", "b"], "resultMode": 0, "maxVotes": 0}
    emojis = iter("👍🎉😀😎🚀🌈🍀")

    def say(by: Person) -> httpx.Response:
        if kind == "message":
            return by.request("POST", f"v1/chat/{token}", message="hi")
        if kind == "share":
            return by.request("POST", f"v1/chat/{token}/share", **place)
        if kind == "reaction":
            return by.request("POST", f"v1/reaction/{token}/{first}", reaction=next(emojis))
        if kind == "poll":
            return by.request("POST", f"v1/poll/{token}", **question)
        return by.request("POST", f"v1/poll/{token}/{poll}", optionIds=[0])

    answers = [say(guest) for _ in range(3)]
    assert [answer.status_code < 300 for answer in answers] == [True, True, False], answers[0].text
    assert is_refused(answers[2], 60)
    assert say(other).status_code < 300, "each guest by themselves"
    assert say(alice).status_code < 300, "users are not limited"
    move_clock(monkeypatch, 61)
    assert say(guest).status_code < 300


def test_repeated_reactions_of_a_guest_do_not_count(throttled_server: Server) -> None:
    server = throttled_server
    server.config.limits.guest_messages = 4
    alice, guest = server.add_user("alice"), at(server, HERE)
    token = alice.create_room(PUBLIC)
    first = alice.post(f"v1/chat/{token}", message="hello")["id"]
    guest.join(token)
    place = {"objectType": "geo-location", "objectId": "geo:1,2", "metaData": SOMEWHERE, "referenceId": "1"}
    for _ in range(3):
        guest.post(f"v1/chat/{token}", message="hi", referenceId="2")
        guest.post(f"v1/chat/{token}/share", **place)
        guest.post(f"v1/reaction/{token}/{first}", reaction="👍")
    assert [guest.status("POST", f"v1/chat/{token}", message="more") for _ in range(2)] == [201, 429]


@pytest.mark.parametrize("api", ["v1", "v2", "v3", "v4"])
def test_rooms_are_limited_per_user_and_hour(
    throttled_server: Server, monkeypatch: pytest.MonkeyPatch, api: str
) -> None:
    server = throttled_server
    server.config.limits.rooms = 2
    alice, bob = server.add_user("alice"), server.add_user("bob")

    def create(by: Person, kind: int = GROUP, **more: Any) -> httpx.Response:
        return by.request("POST", f"{api}/room", roomType=kind, roomName="a", **more)

    assert create(alice, ONE_TO_ONE, invite="nobody there").status_code >= 400
    assert create(alice, ONE_TO_ONE, invite=bob.id).status_code == 201
    assert statuses(lambda: create(alice, ONE_TO_ONE, invite=bob.id), 3) == [200] * 3, "opening it again makes nothing"
    assert create(alice).status_code == 201
    assert is_refused(create(alice), 3600)
    assert create(bob).status_code == 201
    move_clock(monkeypatch, 3601)
    assert create(alice).status_code == 201


def test_app_passwords_are_limited_per_account_and_hour(
    throttled_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = throttled_server
    server.config.limits.app_passwords = 2
    alice, bob = server.add_user("alice"), server.add_user("bob")
    path = "/ocs/v2.php/core/getapppassword"
    assert statuses(lambda: alice.request("GET", path), 2) == [200, 200]
    assert is_refused(alice.request("GET", path), 3600)
    assert bob.status("GET", path) == 200
    move_clock(monkeypatch, 3601)
    assert alice.status("GET", path) == 200


def test_drawn_pictures_are_limited_per_minute(throttled_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server = throttled_server
    server.config.limits.drawn_pictures = 2
    alice, visitor = server.add_user("alice"), at(server, HERE)
    names = [f"{letter}{next(_numbers)} {letter}" for letter in "abcdef"]
    drawn = [visitor.request("GET", f"/avatar/guest/{name}/64") for name in names[:2]]
    assert [answer.status_code for answer in drawn] == [200, 200]
    assert is_refused(visitor.request("GET", f"/avatar/guest/{names[2]}/64"), 60)
    assert [at(server, HERE).status("GET", f"/avatar/guest/{name}/64") for name in names[:2]] == [200, 200]
    assert at(server, ELSEWHERE).status("GET", f"/avatar/guest/{names[2]}/64") == 200
    assert at(server, HERE, alice).status("GET", f"/avatar/guest/{names[3]}/64") == 200, "users count by themselves"
    move_clock(monkeypatch, 61)
    assert visitor.status("GET", f"/avatar/guest/{names[4]}/64") == 200


def test_limits_can_be_switched_off(throttled_server: Server) -> None:
    server = throttled_server
    server.config.limits.rooms = 0
    alice = server.add_user("alice")
    assert len({alice.create_room(GROUP) for _ in range(5)}) == 5
    server.config.limits.rooms, server.config.security.throttle = 1, False
    assert len({alice.create_room(GROUP) for _ in range(5)}) == 5


def test_every_limit_has_a_setting_and_its_routes_declare_429() -> None:
    assert {limit.setting for limit in Limit} <= set(LimitsConfig.__struct_fields__)
    declared = {route.limit for route in ROUTES if route.limit is not None}
    assert declared >= {Limit.GUEST_JOINS, Limit.GUEST_MESSAGES, Limit.ROOMS, Limit.APP_PASSWORDS}
    for route in ROUTES:
        if route.method == "POST" and route.path.endswith(("/room", "/participants/active")):
            assert route.limit is not None, route.path


# --- windows -------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60), st.integers(1, 5), st.integers(1, 20))
def test_no_window_has_more_events_than_allowed(steps: list[tuple[int, bool]], allowed: int, seconds: int) -> None:
    windows: Windows[str] = Windows()
    now, done = 1000, list[int]()
    for wait, gives_back in steps:
        now += wait
        left = windows.spend("a", allowed=allowed, seconds=seconds, now=now)
        if left:
            assert 0 < left <= seconds
            assert windows.spend("b", allowed=10**6, seconds=seconds, now=now) == 0, "others go on"
            assert copy.deepcopy(windows).spend("a", allowed=allowed, seconds=seconds, now=now + left) == 0
        elif gives_back:
            windows.give_back("a")
        else:
            done.append(now)
    for start in done:
        assert sum(start <= at < start + seconds for at in done) <= 2 * allowed


def test_old_windows_are_deleted_and_a_clock_set_back_blocks_nobody() -> None:
    windows: Windows[int] = Windows()
    for key in range(100):
        assert windows.spend(key, allowed=1, seconds=60, now=1000) == 0
    assert windows.spend(1, allowed=1, seconds=60, now=100) == 0
    windows.forget_old(1000)
    assert len(windows) == 99
    windows.forget_old(1060)
    assert len(windows) == 0
