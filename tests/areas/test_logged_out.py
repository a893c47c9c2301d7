"""When a login ends, its waiting requests, sessions and calls end within a second."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from support.browsers import log_in
from support.commands import run_command
from support.people import Person
from support.running import PASSWORD, Server
from support.time import pass_time
from support.waiting import await_waiting
from talkd.areas.chat.waiting import wait_for
from talkd.conversation import access, session_store
from talkd.conversation.login import Credential, CredentialKind
from talkd.core.errors import NotAuthenticated
from talkd.web.call import Call, Caller
from talkd.web.params import NoParams

SECOND = 1.0
CONFIG = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/allowed_groups"


@dataclass
class Device:
    """A device of bob that is in the call of a room and waits for messages and for signaling."""

    server: Server
    person: Person
    token: str
    group: str
    others: str

    def wait(self, threads: ThreadPoolExecutor) -> list[Future[httpx.Response]]:
        """Start to wait for messages and for signaling."""
        last = self.person.history(self.token)[0]["id"]
        self.person.get(f"v3/signaling/{self.token}")  # reads the list of sessions, so that it is not news later
        await_waiting(self.server, 0)  # the polls of other tests have ended
        polls = [
            threads.submit(
                self.person.request, "GET", f"v1/chat/{self.token}", lookIntoFuture=1, lastKnownMessageId=last
            ),
            threads.submit(self.person.request, "GET", f"v3/signaling/{self.token}"),
        ]
        await_waiting(self.server, 2)
        return polls


End = Callable[[Device], None]


def by_password(server: Server, bob: Person) -> httpx.Client:
    return server.client(bob.id)


def by_app_password(server: Server, bob: Person) -> httpx.Client:
    password = bob.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    return server.client(bob.id, password)


def by_browser(server: Server, bob: Person) -> httpx.Client:
    return log_in(server, bob)


def change_own_password(device: Device) -> None:
    put_user(device.server.client(device.person.id), device.person, "password", PASSWORD + " 2")


def change_password(device: Device) -> None:
    put_user(device.server.admin, device.person, "password", PASSWORD + " 2")


def put_user(by: httpx.Client, person: Person, key: str, value: str) -> None:
    assert by.put(f"/ocs/v2.php/cloud/users/{person.id}", json={"key": key, "value": value}).is_success


def give_back(device: Device) -> None:
    device.person.delete("/ocs/v2.php/core/apppassword")


def rotate(device: Device) -> None:
    device.person.post("/ocs/v2.php/core/apppassword/rotate")


def by_page(action: str) -> End:
    def end(device: Device) -> None:
        page = log_in(device.server, device.person)
        token = page.get("/csrftoken").json()["token"]
        shown = page.get("/devices", headers={"Accept": "text/html"}).text
        number = shown.partition('name="id" value="')[2].partition('"')[0]
        assert page.post(f"/devices/{action}", data={"id": number, "requesttoken": token}).status_code == 303

    return end


def log_out(device: Device) -> None:
    token = device.person.http.get("/csrftoken").json()["token"]
    assert device.person.http.post("/logout", data={"requesttoken": token}).status_code == 303


def log_in_anew(device: Device) -> None:
    form = {"user": device.person.id, "password": PASSWORD}
    form["requesttoken"] = device.person.http.get("/csrftoken").json()["token"]
    assert device.person.http.post("/login", data=form).status_code == 303


def disable(device: Device) -> None:
    assert device.server.admin.put(f"/ocs/v2.php/cloud/users/{device.person.id}/disable").is_success


def delete(device: Device) -> None:
    assert device.server.admin.delete(f"/ocs/v2.php/cloud/users/{device.person.id}").is_success


def leave_group(device: Device) -> None:
    url = f"/ocs/v2.php/cloud/users/{device.person.id}/groups"
    assert device.server.admin.request("DELETE", url, json={"groupid": device.group}).is_success


def delete_group(device: Device) -> None:
    assert device.server.admin.delete(f"/ocs/v2.php/cloud/groups/{device.group}").is_success


def allow_others(device: Device) -> None:
    allow(device.server, device.others)


def by_command(*words: str, stdin: str = "", **environment: str) -> End:
    """Ends a login by a command. Its words `USER`, `GROUP` and `OTHERS` are replaced by the device's."""

    def end(device: Device) -> None:
        names = {"USER": device.person.id, "GROUP": device.group, "OTHERS": f'["{device.others}"]'}
        run_command(device.server, *(names.get(word, word) for word in words), stdin=stdin, **environment)

    end.__qualname__ = " ".join(word for word in words if word.islower())
    return end


def allow(server: Server, *groups: str) -> None:
    value = "[" + ",".join(f'"{group}"' for group in groups) + "]"
    assert server.admin.post(CONFIG, json={"value": value}).is_success


WAYS: list[tuple[Callable[[Server, Person], httpx.Client], End, int]] = [
    (by_password, change_own_password, 401),
    (by_password, change_password, 401),
    (by_app_password, give_back, 401),
    (by_app_password, rotate, 401),
    (by_app_password, by_page("revoke"), 401),
    (by_app_password, by_page("wipe"), 401),
    (by_browser, log_out, 401),
    (by_browser, log_in_anew, 401),
    (by_browser, change_password, 401),
    *((way, end, 401) for way in (by_password, by_app_password, by_browser) for end in (disable, delete)),
    *((way, end, 403) for way in (by_password, by_browser) for end in (leave_group, delete_group, allow_others)),
    (by_password, by_command("user", "password", "USER", "--password-stdin", stdin=f"{PASSWORD} 2\n"), 401),
    (by_browser, by_command("occ", "user:resetpassword", "USER", "--password-from-env", OC_PASS=f"{PASSWORD} 2"), 401),
    (by_browser, by_command("user", "disable", "USER"), 401),
    (by_password, by_command("occ", "user:disable", "USER"), 401),
    (by_app_password, by_command("user", "delete", "USER", "--yes"), 401),
    (by_app_password, by_command("occ", "user:delete", "USER"), 401),
    (by_app_password, by_command("group", "leave", "GROUP", "USER"), 403),
    (by_password, by_command("occ", "group:removeuser", "GROUP", "USER"), 403),
    (by_browser, by_command("group", "delete", "GROUP", "--yes"), 403),
    (by_password, by_command("occ", "group:delete", "GROUP"), 403),
    (by_password, by_command("config", "set", "allowed_groups", "OTHERS"), 403),
    (by_browser, by_command("occ", "config:app:set", "spreed", "allowed_groups", "--value", "OTHERS"), 403),
]


@pytest.fixture
def groups(server: Server, alice: Person, bob: Person) -> Iterator[tuple[str, str]]:
    """Create the groups of bob and alice, and allow Talk for these groups only."""
    made = server.add_group(bob)
    others = server.add_group(alice)
    allow(server, made, others)
    yield made, others
    assert server.admin.delete(CONFIG).is_success


@pytest.fixture
def in_call(server: Server, bob: Person, token: str, groups: tuple[str, str]) -> Callable[[httpx.Client], Device]:
    """Put a client of bob into the call of `token`. Alice is not in the call."""

    def join(client: httpx.Client) -> Device:
        device = Person(client, bob.id)
        device.join(token)
        device.post(f"v4/call/{token}", flags=3)
        return Device(server, device, token, *groups)

    return join


@pytest.mark.parametrize(
    ("way", "end", "status"), WAYS, ids=[f"{way.__name__}-{end.__qualname__}" for way, end, _ in WAYS]
)
def test_when_a_login_ends_its_requests_and_calls_end(
    server: Server,
    alice: Person,
    bob: Person,
    token: str,
    in_call: Callable[[httpx.Client], Device],
    threads: ThreadPoolExecutor,
    way: Callable[[Server, Person], httpx.Client],
    end: End,
    status: int,
) -> None:
    device = in_call(way(server, bob))
    polls = device.wait(threads)
    with server.loop_thread.still_clock() as move:
        end(device)
        move(SECOND)
        assert [poll.result(20).status_code for poll in polls] == [status, status]
    assert alice.get(f"v4/call/{token}") == []
    assert not alice.room(token)["hasCall"]
    assert "call_ended" in alice.system_messages(token)
    assert server.read(lambda tx: session_store.list_of_user(tx, bob.id)) == []


def test_other_logins_of_the_account_go_on(
    server: Server,
    alice: Person,
    bob: Person,
    in_call: Callable[[httpx.Client], Device],
    threads: ThreadPoolExecutor,
) -> None:
    kept, revoked = in_call(by_app_password(server, bob)), in_call(by_app_password(server, bob))
    polls = kept.wait(threads)
    give_back(revoked)
    (present,) = alice.get(f"v4/call/{kept.token}")
    assert present["sessionId"] == kept.person.room(kept.token)["sessionId"]
    assert polls[1].result(20).status_code == 200, "the list of sessions is another one"
    assert not polls[0].done()
    last = alice.say(kept.token, "Are you there?")["id"]
    (heard,) = [each["id"] for each in polls[0].result(20).json()["ocs"]["data"] if not each["systemMessage"]]
    assert heard == last


def test_a_browser_session_that_expires_during_a_poll_is_logged_out(
    server: Server,
    alice: Person,
    bob: Person,
    token: str,
    in_call: Callable[[httpx.Client], Device],
    threads: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = in_call(log_in(server, bob))
    polls = device.wait(threads)
    with server.loop_thread.still_clock() as move:
        pass_time(monkeypatch, server.config.security.session_lifetime + 10)
        move(SECOND)
        assert [poll.result(20).status_code for poll in polls] == [401, 401]
    assert alice.get(f"v4/call/{token}") == []


def test_a_login_that_ends_between_its_check_and_the_wait_is_noticed(server: Server, alice: Person, token: str) -> None:
    world = server.app.world
    caller = Caller(user_id=alice.id, credential=Credential(CredentialKind.APP_PASSWORD, "gone"), generation=-1)
    call = Call(world, caller, NoParams(), "", token=token)
    call.participant = server.read(lambda tx: access.access_participant(tx, token, user_id=alice.id, browser=""))

    async def nothing(_call: Call[NoParams]) -> None:
        return None

    with pytest.raises(NotAuthenticated):
        server.run(wait_for(call, nothing, nothing, 30))
