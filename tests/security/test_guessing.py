"""Brute-force protection: ten wrong attempts, then the network must wait."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from support.people import PUBLIC, Person
from support.running import PASSWORD, Server, unique
from support.time import pass_time
from talkd.areas.login.credentials import Credentials
from talkd.areas.users import passwords
from talkd.core.networks import subnet_of
from talkd.storage.schema import throttle as counted
from talkd.storage.statements import Statement

ME = "/ocs/v2.php/cloud/user"
_COUNTED = Statement(sa.select(sa.func.count()).select_from(counted))


def from_address(server: Server, address: str, user: str | None = None, password: str | None = None) -> Person:
    """Return a client that appears to come from an address."""
    return Person(server.client(user, password, headers={"X-Forwarded-For": address}), user)


def wrong_login(server: Server, address: str, user: str) -> httpx.Response:
    """Log in with a wrong password that was not used before."""
    return from_address(server, address, user, unique("wrong")).request("GET", ME)


def test_an_app_with_an_old_password_does_not_lock_its_user_out(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    app = from_address(server, "198.51.100.10", alice.id, "the old password")
    assert [app.status("GET", ME) for _ in range(15)] == [401] * 15
    assert from_address(server, "198.51.100.10", alice.id).status("GET", ME) == 200


def test_the_eleventh_wrong_password_of_an_account_must_wait(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    for _ in range(10):
        assert wrong_login(server, "198.51.100.1", alice.id).status_code == 401
    refused = wrong_login(server, "198.51.100.1", alice.id)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 1800
    right = from_address(server, "198.51.100.1", alice.id)
    assert right.status("GET", ME) == 429
    assert from_address(server, "198.51.100.2", alice.id).status("GET", ME) == 200


def test_all_ways_to_log_in_count_together(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    address = "198.51.100.3"
    for number in range(10):
        header = (
            f"Bearer wrong{number}"
            if number % 2
            else f"Basic {base64.b64encode(f'{alice.id}:wrong{number}'.encode()).decode()}"
        )
        client = server.client(headers={"X-Forwarded-For": address, "Authorization": header})
        assert client.get(ME).status_code == 401
    assert from_address(server, address, alice.id).status("GET", ME) == 429
    page = server.client(headers={"X-Forwarded-For": address})
    token = page.get("/csrftoken").json()["token"]
    form = {"user": alice.id, "password": "wrong", "requesttoken": token}
    assert page.post("/login", data=form).status_code == 429


def test_counts_survive_a_restart(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    for _ in range(10):
        wrong_login(server, "198.51.100.4", alice.id)
    server.restart()
    assert wrong_login(server, "198.51.100.4", alice.id).status_code == 429


def test_ipv6_counts_by_network(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    for number in range(10):
        assert wrong_login(server, f"2001:db8:1:2::{number + 1:x}", alice.id).status_code == 401
    assert wrong_login(server, "2001:db8:1:2:ffff::1", alice.id).status_code == 429
    assert wrong_login(server, "2001:db8:1:3::1", alice.id).status_code == 401


@pytest.mark.parametrize(
    ("address", "subnet"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("nonsense", "nonsense"),
    ],
)
def test_subnets_of_addresses(address: str, subnet: str) -> None:
    assert subnet_of(address) == subnet


def test_the_eleventh_wrong_password_of_a_room_must_wait(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC, password="let me in")
    path = f"v4/room/{token}/participants/active"

    def enter(password: str, address: str = "198.51.100.5", **login: Any) -> int:
        return from_address(server, address, **login).status("POST", path, password=password)

    assert [enter(f"wrong{number}") for number in range(10)] == [403] * 10
    assert enter("let me in") == 429
    assert enter("let me in", "198.51.100.6") == 200
    assert from_address(server, "198.51.100.5", alice.id).status("GET", ME) == 200


def test_a_success_does_not_reset_other_actions(throttled_server: Server) -> None:
    server = throttled_server
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC, password="let me in")
    address = "198.51.100.7"
    for _ in range(9):
        wrong_login(server, address, alice.id)
    assert (
        from_address(server, address).status("POST", f"v4/room/{token}/participants/active", password="let me in")
        == 200
    )
    wrong_login(server, address, alice.id)
    assert wrong_login(server, address, alice.id).status_code == 429


def test_knowing_one_password_does_not_help_to_guess_another(throttled_server: Server) -> None:
    server = throttled_server
    alice, mallory = server.add_user("alice"), server.add_user("mallory")
    address = "198.51.100.8"
    statuses = []
    for number in range(22):
        statuses.append(wrong_login(server, address, alice.id).status_code)
        if number % 5 == 4:
            from_address(server, address, mallory.id).request("GET", ME)
    assert 429 in statuses


def test_guessing_room_tokens_must_wait(throttled_server: Server) -> None:
    server = throttled_server
    visitor = from_address(server, "198.51.100.9")
    statuses = [visitor.status("GET", f"v4/room/guess{number:03}") for number in range(11)]
    assert statuses == [404] * 10 + [429]


def test_concurrent_guesses_of_tokens_count(throttled_server: Server, threads: ThreadPoolExecutor) -> None:
    guessers = [from_address(throttled_server, "198.51.100.12") for _ in range(20)]
    tries = [threads.submit(each.status, "GET", f"v4/room/burst{n:03}") for n, each in enumerate(guessers)]
    assert sorted(each.result() for each in tries) == [404] * 10 + [429] * 10


def test_throttled_guessers_are_refused_the_right_token_too(throttled_server: Server) -> None:
    server, address = throttled_server, "198.51.100.30"
    alice = server.add_user("alice")
    token = alice.create_room(PUBLIC)
    guest, guesser = from_address(server, address), from_address(server, address)
    guest.join(token)
    assert [guesser.status("GET", f"v4/room/guess{number:03}") for number in range(10)] == [404] * 10
    for method, path in (("GET", f"v4/room/{token}"), ("POST", f"v4/room/{token}/participants/active")):
        refused = guesser.request(method, path)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 1800
    assert guest.say(token, "I was here before")["message"] == "I was here before"
    assert from_address(server, address, alice.id).status("GET", f"v4/room/{token}") == 200
    assert from_address(server, "198.51.100.31").status("GET", f"v4/room/{token}") == 200


# --- many networks --------------------------------------------------------------------------
@pytest.mark.parametrize("known", [True, False])
def test_guesses_at_one_account_count_from_all_networks(throttled_server: Server, known: bool) -> None:
    server = throttled_server
    server.config.security.account_attempts = 12
    name = server.add_user("alice").id if known else unique("nobody")
    for number in range(12):
        assert wrong_login(server, f"192.0.2.{number + 1}", name.upper()).status_code == 401
    refused = wrong_login(server, "192.0.2.100", name)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 1800
    assert wrong_login(server, "192.0.2.101", server.add_user("bob").id).status_code == 401


def test_guesses_from_many_networks_do_not_lock_out_apps(throttled_server: Server) -> None:
    server = throttled_server
    server.config.security.account_attempts = 3
    address = f"{unique('mail')}@example.org"
    alice = server.add_user("alice", email=address)
    running = from_address(server, "198.51.100.40", alice.id)
    password = running.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    page = server.client(headers={"X-Forwarded-For": "198.51.100.41"})
    token = page.get("/csrftoken").json()["token"]
    assert page.post("/login", data={"user": alice.id, "password": PASSWORD, "requesttoken": token}).is_redirect
    for number in range(4):
        wrong_login(server, f"192.0.2.{number + 1}", alice.id)
    server.app.world[Credentials].forget()
    new = from_address(server, "198.51.100.42", address, PASSWORD)
    assert new.status("GET", ME) == 429
    assert running.status("GET", ME) == page.get(ME).status_code == 200
    assert from_address(server, "198.51.100.43", alice.id, password).status("GET", ME) == 200


def test_concurrent_failures_are_all_counted(throttled_server: Server) -> None:
    server, tries = throttled_server, 40
    throttle = server.app.world.throttle
    counts = Statement(sa.select(counted.c.attempts).where(counted.c.action == sa.literal("race")))

    async def fail_at_once() -> None:
        await asyncio.gather(*(throttle.register("race", "192.0.2.1") for _ in range(tries)))

    server.run(fail_at_once())
    assert server.read(lambda tx: tx.value(counts)) == tries
    assert throttle._known["race", "192.0.2.1"][0] == tries


def test_only_trusted_proxies_can_set_the_address(throttled_server: Server) -> None:
    server = throttled_server
    server.config.server.trusted_proxies = []
    server.restart()
    alice = server.add_user("alice")
    for number in range(10):
        assert wrong_login(server, f"198.51.100.{number + 20}", alice.id).status_code == 401
    assert wrong_login(server, "198.51.100.99", alice.id).status_code == 429


def test_login_flows_are_limited_per_network(throttled_server: Server) -> None:
    server = throttled_server
    server.config.security.started_logins = 12
    app = from_address(server, "198.51.100.70")
    assert [app.status("POST", "/login/v2") for _ in range(12)] == [200] * 12
    refused = app.request("POST", "/login/v2")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 1800
    assert from_address(server, "198.51.100.71").status("POST", "/login/v2") == 200
    alice = server.add_user("alice")
    assert from_address(server, "198.51.100.70", alice.id).status("GET", ME) == 200


def test_concurrent_login_flows_count(throttled_server: Server, threads: ThreadPoolExecutor) -> None:
    server = throttled_server
    server.config.security.started_logins = 5
    apps = [from_address(server, "198.51.100.72") for _ in range(8)]
    statuses = [each.result() for each in [threads.submit(app.status, "POST", "/login/v2") for app in apps]]
    assert sorted(statuses) == [200] * 5 + [429] * 3


# --- cached and stored attempts -----------------------------------------------------------
def test_wrong_credentials_can_become_right(server: Server) -> None:
    alice = server.add_user("alice")
    address = f"{unique('mail')}@example.org"
    by_address = Person(server.client(address, PASSWORD), alice.id)
    assert by_address.status("GET", ME) == 401
    change = {"key": "email", "value": address}
    server.admin.put(f"/ocs/v2.php/cloud/users/{alice.id}", json=change).raise_for_status()
    assert by_address.status("GET", ME) == 200
    server.admin.put(f"/ocs/v2.php/cloud/users/{alice.id}", json={**change, "value": ""}).raise_for_status()
    assert by_address.status("GET", ME) == 401


def test_a_password_set_during_an_attempt_is_right_afterwards(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = server.add_user("alice")
    app = Person(server.client(alice.id, "a password of tomorrow"), alice.id)
    is_password = passwords.is_password

    async def slowly(password_hash: str, password: str) -> bool:
        if password == "a password of tomorrow":
            monkeypatch.setattr(passwords, "is_password", is_password)
            change = {"key": "password", "value": password}
            await asyncio.to_thread(server.admin.put, f"/ocs/v2.php/cloud/users/{alice.id}", json=change)
        return await is_password(password_hash, password)

    monkeypatch.setattr(passwords, "is_password", slowly)
    assert app.status("GET", ME) == 401
    assert app.status("GET", ME) == 200


def test_old_attempts_from_many_networks_are_deleted(throttled_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server = throttled_server

    def rows() -> int:
        number: int = server.read(lambda tx: tx.value(_COUNTED))
        return number

    for number in range(5):
        assert from_address(server, f"198.51.100.{100 + number}").status("GET", "v4/room/nothing2") == 404
    throttle = server.app.world.throttle
    before = rows()
    assert before >= 5
    server.run(throttle.forget_old())
    assert rows() == before
    pass_time(monkeypatch, 13 * 3600)
    server.run(throttle.forget_old())
    assert rows() == len(throttle._known) == 0
