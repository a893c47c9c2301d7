"""App passwords cannot administer administrators, even app passwords of administrators."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.people import Person
from support.running import PASSWORD, Server, unique
from support.time import pass_time
from talkd.areas.users import service as users
from talkd.areas.users.model import ADMIN_GROUP, Account
from talkd.conversation.login import FRESH_LOGIN
from talkd.storage.database import Tx

USERS, GROUPS = "/ocs/v2.php/cloud/users", "/ocs/v2.php/cloud/groups"
NEW_PASSWORD = "another long password"
Act = Callable[[Person, str], httpx.Response]


def change(key: str, value: str) -> Act:
    """Return a request that sets a field of an account. The id is in another case than at its creation."""
    return lambda by, user_id: by.request("PUT", f"{USERS}/{user_id.upper()}", key=key, value=value)


def leave(by: Person, user_id: str, group_id: str) -> httpx.Response:
    """Remove an account from a group."""
    return by.request("DELETE", f"{USERS}/{user_id}/groups", groupid=group_id)


ON_ACCOUNTS: dict[str, Act] = {
    "e-mail": change("email", f"{unique('new')}@example.org"),
    "password": change("password", NEW_PASSWORD),
    "disable": lambda by, user_id: by.request("PUT", f"{USERS}/{user_id}/disable"),
    "enable": lambda by, user_id: by.request("PUT", f"{USERS}/{user_id}/enable"),
    "delete": lambda by, user_id: by.request("DELETE", f"{USERS}/{user_id}"),
}


def with_app_password(server: Server, person: Person) -> Person:
    """Return a client of the same user with an app password."""
    password = person.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    return Person(server.client(person.id, password), person.id)


def with_browser(server: Server, person: Person) -> Person:
    """Return a client of the same user: a browser that has just logged in, whose page calls the API."""
    http = server.client()
    token = http.get("/csrftoken").json()["token"]
    answer = http.post("/login", data={"user": person.id, "password": PASSWORD, "requesttoken": token})
    assert answer.status_code == 303
    http.headers["requesttoken"] = http.get("/csrftoken").json()["token"]
    return Person(http, person.id)


def account(server: Server, user_id: str) -> tuple[Account | None, bool]:
    """Return an account as stored, and whether it is an administrator."""

    async def look(tx: Tx) -> tuple[Account | None, bool]:
        return await users.get_account(tx, user_id), await users.is_admin(tx, user_id)

    return server.read(look)


def require_refused(answer: httpx.Response) -> None:
    """Check for the refusal of the provisioning API that asks for the password."""
    assert answer.status_code == 403
    meta: dict[str, Any] = answer.json()["ocs"]["meta"]
    assert meta["statuscode"] == 403
    assert meta["message"].startswith("Password confirmation is required")


@pytest.fixture
def root(server: Server) -> Person:
    """An administrator with their own password."""
    return server.add_user("root", groups=[ADMIN_GROUP])


@pytest.mark.parametrize("act", ON_ACCOUNTS)
@pytest.mark.parametrize("whose", ["own", "other"])
def test_an_app_password_changes_no_administrator(server: Server, root: Person, act: str, whose: str) -> None:
    user_id = root.id if whose == "own" else server.add_user("chief", groups=[ADMIN_GROUP]).id
    app = with_app_password(server, root)
    app.get("/ocs/v2.php/cloud/user")  # stores the time of the login
    before = account(server, user_id)
    require_refused(ON_ACCOUNTS[act](app, user_id))
    assert account(server, user_id) == before


def test_an_app_password_changes_no_membership_of_an_administrator(server: Server, root: Person) -> None:
    app, chief, bob = with_app_password(server, root), server.add_user("chief", groups=[ADMIN_GROUP]), server.add_user()
    staff = server.add_group(chief)
    require_refused(app.request("POST", f"{USERS}/{bob.id}/groups", groupid=ADMIN_GROUP))
    require_refused(app.request("POST", f"{USERS}/{chief.id}/groups", groupid=server.add_group()))
    require_refused(app.request("POST", USERS, userid=unique("new"), password=NEW_PASSWORD, groups=[ADMIN_GROUP]))
    for group_id in (ADMIN_GROUP, staff):
        require_refused(leave(app, chief.id, group_id))
        require_refused(app.request("DELETE", f"{GROUPS}/{group_id}"))
    assert root.get(f"{USERS}/{chief.id}/groups")["groups"] == sorted([ADMIN_GROUP, staff])
    assert not account(server, bob.id)[1]


def test_an_app_password_of_an_administrator_administers_ordinary_accounts(server: Server, root: Person) -> None:
    app, bob = with_app_password(server, root), server.add_user()
    group_id = server.add_group()
    app.post(f"{USERS}/{bob.id}/groups", groupid=group_id)
    assert leave(app, bob.id, group_id).status_code == 200
    assert app.status("DELETE", f"{GROUPS}/{group_id}") == 200
    assert [act(app, bob.id).status_code for act in ON_ACCOUNTS.values()] == [200] * len(ON_ACCOUNTS)
    assert account(server, bob.id) == (None, False)
    assert app.status("PUT", f"{USERS}/{root.id}", key="displayname", value="Root") == 200


@pytest.mark.parametrize("way", ["password", "browser"])
def test_the_own_password_or_a_recent_login_is_needed(server: Server, root: Person, way: str) -> None:
    strong = root if way == "password" else with_browser(server, root)
    chief = server.add_user("chief")
    strong.post(f"{USERS}/{chief.id}/groups", groupid=ADMIN_GROUP)
    assert account(server, chief.id)[1]
    assert leave(strong, chief.id, ADMIN_GROUP).status_code == 200
    strong.post(f"{USERS}/{chief.id}/groups", groupid=ADMIN_GROUP)
    assert [act(strong, chief.id).status_code for act in ON_ACCOUNTS.values()] == [200] * len(ON_ACCOUNTS)


def test_a_login_of_a_browser_is_recent_for_half_an_hour(
    server: Server, root: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, chief = with_browser(server, root), server.add_user("chief", groups=[ADMIN_GROUP])
    pass_time(monkeypatch, FRESH_LOGIN - 10)
    assert ON_ACCOUNTS["e-mail"](browser, chief.id).status_code == 200
    pass_time(monkeypatch, FRESH_LOGIN + 1)
    require_refused(ON_ACCOUNTS["disable"](browser, chief.id))
    require_refused(ON_ACCOUNTS["e-mail"](browser, root.id))
    assert ON_ACCOUNTS["disable"](with_browser(server, root), chief.id).status_code == 200


def test_the_password_page_requires_the_current_password(server: Server) -> None:
    bob = server.add_user()
    browser, other, app = with_browser(server, bob), with_browser(server, bob), with_app_password(server, bob)

    def send(current: str, new: str, **more: str) -> httpx.Response:
        token = browser.http.get("/csrftoken").json()["token"]
        form = {"current": current, "new": new, "again": new, "requesttoken": token}
        return browser.http.post("/password", data={**form, **more})

    app_password = bob.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    assert send("wrong", NEW_PASSWORD).status_code == 403
    assert send(app_password, NEW_PASSWORD).status_code == 403
    assert send(PASSWORD, NEW_PASSWORD, requesttoken="planted").status_code == 403
    assert send(PASSWORD, "short").status_code == 400
    assert send(PASSWORD, NEW_PASSWORD, again="something else").status_code == 400
    assert server.client(bob.id, NEW_PASSWORD).get("/ocs/v2.php/cloud/user").status_code == 401
    done = send(PASSWORD, NEW_PASSWORD)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert server.client(bob.id, NEW_PASSWORD).get("/ocs/v2.php/cloud/user").status_code == 200
    assert bob.http.get("/ocs/v2.php/cloud/user").status_code == 401
    still_in = [person.http.get("/ocs/v2.php/cloud/user").status_code for person in (browser, other, app)]
    assert still_in == [200, 401, 200]


def test_changing_the_own_password_requires_the_current_one(server: Server) -> None:
    bob = server.add_user()
    browser = with_browser(server, bob)
    for weak in (browser, with_app_password(server, bob)):
        require_refused(ON_ACCOUNTS["password"](weak, bob.id))
    current = (bob.id, PASSWORD)
    sent = {"key": "password", "value": NEW_PASSWORD}
    assert browser.http.put(f"{USERS}/{bob.id}", auth=(bob.id, "wrong"), json=sent).status_code == 401
    assert browser.http.put(f"{USERS}/{bob.id}", auth=current, json=sent).status_code == 200
    assert server.client(bob.id, NEW_PASSWORD).get("/ocs/v2.php/cloud/user").status_code == 200
