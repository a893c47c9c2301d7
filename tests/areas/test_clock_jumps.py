"""Setting the machine's clock ends no session, call, login or throttle."""

import json
from collections.abc import Callable

import pytest

from support.browsers import log_in
from support.people import PUBLIC, Person
from support.running import PASSWORD, Server
from support.time import pass_time, set_date
from talkd.areas.login.credentials import Credentials
from talkd.areas.sessions import service as sessions
from talkd.areas.settings import clock_service
from talkd.core import clock

HOUR = 3600
JUMPS = [HOUR, -HOUR]
USER = "/ocs/v2.php/cloud/user"


@pytest.fixture
def tidy(server: Server) -> Callable[[], None]:
    """Return a function that runs all jobs that end sessions, logins and calls."""

    def run() -> None:
        server.run_job("end_timed_out_sessions", "delete_old_signaling", "delete_expired_messages")
        server.run_job("delete_unfinished_logins", "close_lapsed_browsers", "end_long_calls")

    return run


@pytest.fixture
def own_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a test the steady scale of a new process. Servers that were restarted in the future have moved it."""
    monkeypatch.setattr(clock, "_start", clock.source() - clock.ticks())


@pytest.mark.parametrize("jump", JUMPS)
def test_sessions_and_calls_go_on(
    server: Server,
    alice: Person,
    bob: Person,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    tidy: Callable[[], None],
    jump: int,
) -> None:
    for person in (alice, bob):
        person.join(token)
        person.post(f"v4/call/{token}", flags=3)
    started = alice.room(token)["callStartTime"]
    session = alice.room(token)["sessionId"]
    sent = {"ev": "message", "sessionId": session, "fn": json.dumps({"to": session, "type": "x"})}
    alice.post(f"v3/signaling/{token}", messages=json.dumps([sent]))
    set_date(monkeypatch, jump)
    tidy()
    assert {each["actorId"] for each in alice.get(f"v4/call/{token}")} == {alice.id, bob.id}
    assert alice.room(token)["callStartTime"] == pytest.approx(started + jump, abs=1), (
        "the start is shown in the new time"
    )
    pings = [each["lastPing"] for each in alice.get(f"v4/room/{token}/participants")]
    assert pings == pytest.approx([clock.now()] * 2, abs=10)
    assert "message" in [each["type"] for each in alice.get(f"v3/signaling/{token}")]
    for person in (alice, bob):
        person.delete(f"v4/call/{token}")
    ended = next(each["message"] for each in alice.history(token) if each["systemMessage"] == "call_ended")
    assert "(Duration 0:0" in ended


@pytest.mark.parametrize("jump", JUMPS)
def test_sessions_without_pings_still_end(
    server: Server, alice: Person, token: str, monkeypatch: pytest.MonkeyPatch, tidy: Callable[[], None], jump: int
) -> None:
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=3)
    set_date(monkeypatch, jump)
    pass_time(monkeypatch, 110)
    tidy()
    assert not alice.room(token)["hasCall"]


def test_all_sessions_without_pings_end_in_one_run(
    server: Server,
    alice: Person,
    bob: Person,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    tidy: Callable[[], None],
) -> None:
    monkeypatch.setattr(sessions, "PORTION", 1)
    for person in (alice, bob):
        person.join(token)
    pass_time(monkeypatch, 110)
    tidy()
    assert all(each["sessionIds"] == [] for each in alice.get(f"v4/room/{token}/participants"))


@pytest.mark.parametrize("jump", JUMPS)
def test_the_maximum_call_duration_ignores_the_jump(
    server: Server, alice: Person, token: str, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=3)
    monkeypatch.setattr(server.app.world.talk_settings, "_values", {"max_call_duration": "1800"})
    set_date(monkeypatch, jump)
    server.run_job("end_long_calls")
    assert alice.room(token)["hasCall"]
    pass_time(monkeypatch, 1810)
    set_date(monkeypatch, jump)
    server.run_job("end_long_calls")
    assert not alice.room(token)["hasCall"]


@pytest.mark.parametrize("jump", JUMPS)
def test_logins_go_on(
    new_server: Callable[..., Server],
    databases: object,
    monkeypatch: pytest.MonkeyPatch,
    jump: int,
) -> None:
    config = databases.config("sqlite")  # type: ignore[attr-defined]
    config.security.session_lifetime = 1800
    server = new_server(config)
    browser = log_in(server, server.add_user("alice"))
    set_date(monkeypatch, jump)
    server.run_job("close_lapsed_browsers")
    server.app.world[Credentials].forget()
    assert browser.get(USER).status_code == 200
    pass_time(monkeypatch, 1810)
    set_date(monkeypatch, jump)
    server.run_job("close_lapsed_browsers")
    assert browser.get(USER).status_code == 401


@pytest.mark.parametrize("jump", JUMPS)
def test_the_throttle_neither_forgets_nor_blocks_longer(
    throttled_server: Server, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    server = throttled_server
    server.add_user("alice")
    window = server.config.security.window

    def guess() -> int:
        return server.client("alice", "wrong").get(USER).status_code

    for _ in range(server.config.security.attempts):
        server.client("alice", f"wrong {_}").get(USER)
    assert guess() == 429
    set_date(monkeypatch, jump)
    assert guess() == 429
    server.restart()
    assert guess() == 429
    pass_time(monkeypatch, window + 10)
    set_date(monkeypatch, jump)
    assert guess() == 401


@pytest.mark.parametrize("jump", JUMPS)
def test_a_restart_after_a_jump_ends_nothing(
    server: Server,
    new_server: Callable[..., Server],
    databases: object,
    monkeypatch: pytest.MonkeyPatch,
    own_scale: None,
    jump: int,
) -> None:
    kind = "postgres" if server.config.database.url else "sqlite"
    server = new_server(databases.config(kind))  # type: ignore[attr-defined]
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    alice.join(token)
    alice.post(f"v4/call/{token}", flags=3)
    jar, start = alice.http.cookies, clock.get_start()
    server.stop()
    set_date(monkeypatch, jump)
    monkeypatch.setattr(clock, "_start", clock.source() - clock.ticks())  # what a new process begins with
    assert clock.get_start() == pytest.approx(start + jump, abs=1)
    server.start()
    server.run_job("end_timed_out_sessions", "delete_old_signaling", "delete_expired_messages")
    again = Person(server.client(alice.id, PASSWORD), alice.id)
    again.http.cookies.update(jar)
    assert [each["actorId"] for each in again.get(f"v4/call/{token}")] == [alice.id]
    pass_time(monkeypatch, 110)
    server.run_job("end_timed_out_sessions", "delete_old_signaling", "delete_expired_messages")
    assert not again.room(token)["hasCall"]


def test_the_steady_clock_never_goes_back_after_a_reboot(
    server: Server,
    new_server: Callable[..., Server],
    databases: object,
    monkeypatch: pytest.MonkeyPatch,
    own_scale: None,
) -> None:
    kind = "postgres" if server.config.database.url else "sqlite"
    server = new_server(databases.config(kind))  # type: ignore[attr-defined]
    alice = server.add_user("alice")
    alice.join(alice.create_room())
    before, start = clock.steady(), clock.get_start()
    monkeypatch.setattr(clock, "_start", start - HOUR)
    monkeypatch.setattr(clock_service, "get_boot", lambda: "another start")
    server.write(clock_service.keep_scale)
    assert before <= clock.steady() <= before + 60
    kept = server.read(clock_service.find_scale)
    assert kept is not None
    assert kept.start == clock.get_start()
