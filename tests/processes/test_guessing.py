"""Failed attempts count together, whichever process they reach."""

from collections.abc import Callable
from functools import partial

import pytest

from support.company import Company, soon
from support.people import Person
from support.running import Server, unique
from support.sockets import Socket
from talkd.areas.signaling.home_model import Found
from talkd.config import Config
from talkd.signaling import hello
from talkd.signaling.homes import Homes

ME = "/ocs/v2.php/cloud/user"
THROTTLES = "/ocs/v2.php/apps/talkd/api/v1/throttles"


def with_throttle(config: Config) -> None:
    config.security.throttle = True
    config.server.trusted_proxies = ["127.0.0.1"]


def guess(server: Server, user_id: str) -> int:
    headers = {"X-Forwarded-For": "198.51.100.1"}
    return Person(server.client(user_id, unique("wrong"), headers=headers), user_id).status("GET", ME)


def has_counted(server: Server, attempts: int) -> bool:
    counted = server.app.world.throttle.list_counted()
    return [each.attempts for each in counted if each.action == "login"] == [attempts]


def test_wrong_passwords_at_all_processes_count_together(company: Company) -> None:
    servers = company(2, with_throttle)
    alice = servers[0].add_user("alice")
    for number in range(10):
        assert guess(servers[number % 2], alice.id) == 401
        for server in servers:
            soon(partial(has_counted, server, number + 1))
    assert [guess(server, alice.id) for server in servers] == [429, 429]


def test_a_count_that_an_administrator_deletes_is_deleted_at_all_processes(company: Company) -> None:
    first, second = company(2, with_throttle)
    alice = first.add_user("alice")
    for _ in range(10):
        assert guess(first, alice.id) == 401
    soon(lambda: guess(second, alice.id) == 429)
    for each in first.app.world.throttle.list_counted():
        answer = second.admin.request("DELETE", THROTTLES, json={"action": each.action, "source": each.source})
        answer.raise_for_status()
    assert guess(second, alice.id) == 401
    soon(lambda: guess(first, alice.id) == 401)


def test_a_process_that_starts_knows_the_counts(company: Company) -> None:
    first, second = company(2, with_throttle)
    alice = first.add_user("alice")
    for _ in range(10):
        assert guess(first, alice.id) == 401
    second.restart()
    assert guess(second, alice.id) == 429


def test_a_network_that_could_not_resume_too_often_makes_no_database_busy(
    pair: tuple[Server, Server], open_at: Callable[[Server], Socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hello, "RESUMES", 2)
    find, looked = Homes.find_resumable, list[str]()

    async def find_noting(homes: Homes, resume_id: str) -> Found | None:
        looked.append(resume_id)
        return await find(homes, resume_id)

    monkeypatch.setattr(Homes, "find_resumable", find_noting)
    socket = open_at(pair[0])
    refusals = [socket.refusal("hello", version="1.0", resumeid=f"unknown {number}") for number in range(3)]
    assert refusals == ["no_such_session", "no_such_session", "too_many_requests"]
    assert set(looked) == {"unknown 0", "unknown 1"}
