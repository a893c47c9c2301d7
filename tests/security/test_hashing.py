"""Password hashes are slow on purpose, so attackers cannot cause unlimited hashing."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from support.browsers import log_in
from support.people import GROUP, PUBLIC, Person
from support.running import PASSWORD, Server, unique
from talkd.areas.users import passwords
from talkd.areas.users import service as users

ME = "/ocs/v2.php/cloud/user"
SECRET = "let me in"
OTHER = f"{PASSWORD} 2"
HASHED = f"{PASSWORD} 3"


class Hashes:
    """The hashes that were computed, with their threads."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __len__(self) -> int:
        return len(self.threads)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hashes]:
    made, matches = Hashes(), passwords._matches

    def note(password_hash: str, password: str) -> bool:
        made.threads.append(threading.current_thread().name)
        assert made.goes_on.wait(30)
        return matches(password_hash, password)

    monkeypatch.setattr(passwords, "_matches", note)
    yield made
    made.goes_on.set()


def active(token: str) -> str:
    return f"v4/room/{token}/participants/active"


def test_a_password_is_hashed_only_if_the_room_has_one(server: Server, hashes: Hashes) -> None:
    alice, bob, visitor = server.add_user("alice"), server.add_user("bob"), server.visitor()
    private, open_ = alice.create_room(GROUP), alice.create_room(PUBLIC)
    member = alice.create_room(PUBLIC, password=SECRET)
    was_open = alice.create_room(PUBLIC, password=SECRET)
    alice.delete(f"v4/room/{was_open}/public")
    alice.add(member, bob)
    for person in (bob, visitor):
        before = len(hashes) + (person is bob and 1)  # the login of bob
        answers = [person.request("POST", active(each), password="guess") for each in ("nothere4", private, was_open)]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert person.status("POST", active(open_), password="guess") == 200
        assert len(hashes) <= before
    assert bob.status("POST", active(member), password="guess") == 200, "a member needs no password"
    before = len(hashes)
    assert visitor.status("POST", active(member), password="guess") == 403
    assert len(hashes) == before + 1


def test_throttled_attempts_compute_no_hash(throttled_server: Server, hashes: Hashes) -> None:
    server = throttled_server
    token = server.add_user("alice").create_room(PUBLIC, password=SECRET)
    visitor = Person(server.client(headers={"X-Forwarded-For": "198.51.100.77"}), None)
    statuses = [visitor.status("POST", active(token), password=f"guess {number}") for number in range(15)]
    assert statuses == [403] * 10 + [429] * 5
    assert len(hashes) == 11, "ten guesses, and the login of alice"


def test_hashes_run_in_threads_and_only_some_wait(
    sqlite_server: Server, hashes: Hashes, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sqlite_server
    alice, known = server.add_user("alice"), server.add_user("known")
    known.get(ME)  # cached from now on
    token = alice.create_room(PUBLIC, password=SECRET)
    monkeypatch.setattr(passwords, "MAX_WAITING", 3)
    hashes.goes_on.clear()
    visitors = [server.visitor() for _ in range(3)]
    waiting = [threads.submit(each.status, "POST", active(token), password=SECRET) for each in visitors]
    while passwords._waiting < 3:
        time.sleep(0.01)

    def all_logins() -> list[Any]:
        return [
            server.visitor().request("POST", active(token), password=SECRET),
            Person(server.client(alice.id, unique("wrong")), None).request("GET", ME),
            Person(server.client(unique("nobody"), PASSWORD), None).request("GET", ME),
            known.request("PUT", f"v4/room/{known.create_room(PUBLIC)}/password", password="another one"),
        ]

    refused = all_logins()
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused] == [(429, "5")] * 4
    assert known.status("GET", ME) == 200, "who is remembered goes on"
    hashes.goes_on.set()
    assert [each.result(30) for each in waiting] == [200] * 3
    assert all(name.startswith("password") for name in hashes.threads)
    assert server.visitor().status("POST", active(token), password=SECRET) == 200


def change_during_check(server: Server, person: Person, hashes: Hashes, checked: Future[httpx.Response]) -> None:
    """Change the password to another one while it is being checked for a request."""
    while not hashes.threads:
        time.sleep(0.01)
    change = {"key": "password", "value": OTHER}
    server.admin.put(f"/ocs/v2.php/cloud/users/{person.id}", json=change).raise_for_status()
    hashes.goes_on.set()
    assert checked.result(30).status_code == 403


def test_a_password_that_changes_while_it_is_checked_logs_no_browser_in(
    server: Server, hashes: Hashes, threads: ThreadPoolExecutor
) -> None:
    alice, browser = server.add_user("alice"), server.client()
    assert server.admin.get(ME).is_success, "cached from now on"
    form = {"user": alice.id, "password": PASSWORD, "requesttoken": browser.get("/csrftoken").json()["token"]}
    hashes.threads.clear()
    hashes.goes_on.clear()
    change_during_check(server, alice, hashes, threads.submit(browser.post, "/login", data=form))
    assert browser.get(ME).status_code == 401


def test_a_password_that_changes_while_it_is_checked_is_not_replaced(
    server: Server, hashes: Hashes, threads: ThreadPoolExecutor
) -> None:
    alice = server.add_user("alice")
    browser = log_in(server, alice)
    assert server.admin.get(ME).is_success, "cached from now on"
    form = {"current": PASSWORD, "new": PASSWORD + " 3", "again": PASSWORD + " 3"}
    form["requesttoken"] = browser.get("/csrftoken").json()["token"]
    hashes.threads.clear()
    hashes.goes_on.clear()
    change_during_check(server, alice, hashes, threads.submit(browser.post, "/password", data=form))
    assert server.client(alice.id, OTHER).get(ME).is_success


def test_a_login_that_waits_while_the_password_changes_is_not_cached(
    throttled_server: Server, hashes: Hashes, threads: ThreadPoolExecutor
) -> None:
    server = throttled_server
    server.config.security.account_attempts = 1
    alice = server.add_user("alice")
    assert server.admin.get(ME).is_success, "cached from now on"
    others = [Person(server.client(alice.id, PASSWORD), None) for _ in range(2)]
    hashes.goes_on.clear()
    logins = [threads.submit(each.status, "GET", ME) for each in others]
    while not server.app.world.throttle._turns:  # one of them is checked, and the other one waits for its turn
        time.sleep(0.01)
    change = {"key": "password", "value": OTHER}
    server.admin.put(f"/ocs/v2.php/cloud/users/{alice.id}", json=change).raise_for_status()
    hashes.goes_on.set()
    assert [each.result(30) for each in logins] == [401, 401]
    assert others[0].status("GET", ME) == 401


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PUT", "/ocs/v2.php/cloud/users/{user}", {"key": "password", "value": HASHED}),
        ("POST", "/ocs/v2.php/cloud/users", {"userid": "{new}", "password": HASHED}),
        ("POST", "/ocs/v2.php/apps/spreed/api/v4/room", {"roomType": PUBLIC, "roomName": "Open", "password": HASHED}),
    ],
    ids=["set a password", "create an account", "create a room"],
)
def test_a_login_that_ends_during_the_hashing_changes_nothing(
    throttled_server: Server, monkeypatch: pytest.MonkeyPatch, method: str, path: str, sent: dict[str, Any]
) -> None:
    server = throttled_server  # a new one, so that no other test has to live with a second administrator
    alice, hash_password = server.add_user("alice"), passwords.hash_password
    server.admin.post(f"/ocs/v2.php/cloud/users/{alice.id}/groups", json={"groupid": "admin"}).raise_for_status()
    new = unique("new")
    hashed = passwords.hash_password_now(OTHER)

    async def hash_while_the_login_ends(password: str) -> str:
        if password == HASHED:
            await server.app.world.db.write(lambda tx: users.set_password(tx, alice.id, hashed))
        return await hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", hash_while_the_login_ends)
    sent = {key: new if value == "{new}" else value for key, value in sent.items()}
    http = server.client(alice.id)
    assert http.request(method, path.format(user=alice.id), json=sent).status_code == 401
    owner = Person(server.client(alice.id, OTHER), alice.id)
    assert owner.status("GET", ME) == 200
    assert "Open" not in [room["name"] for room in owner.get("v4/room")]
    assert server.admin.get(f"/ocs/v2.php/cloud/users/{new}").status_code == 404
