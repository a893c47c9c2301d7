"""Administrators manage the server at `/admin`."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Page
from support.files import Files
from support.people import GROUP, Person
from support.running import PASSWORD, Server, unique
from support.time import pass_time
from talkd.areas.users.model import ADMIN_GROUP
from talkd.conversation.login import FRESH_LOGIN

ME = "/ocs/v2.php/cloud/user"
NEW_PASSWORD = "a long password of a new account"


@pytest.fixture
def page(web_browser: Chrome, own_server: Server) -> Page:
    return Page(web_browser, own_server)


@pytest.fixture
def boss(own_server: Server) -> Person:
    return own_server.add_account("boss", "Boss", groups=[ADMIN_GROUP])


def login_status(server: Server, name: str, password: str) -> int:
    return server.client(name, password).get(ME).status_code


def close_dialog(page: Page) -> None:
    page.chrome.find_element(By.CSS_SELECTOR, "dialog").send_keys(Keys.ESCAPE)
    page.wait(lambda: not page.chrome.find_elements(By.CSS_SELECTOR, "dialog"))


def test_an_administrator_sees_and_sets_quotas(own_server: Server, page: Page, boss: Person) -> None:
    frank = own_server.add_account("frank", "Frank")
    Files(frank).put("/a", bytes(3 << 19))
    page.open(boss, "/admin")
    page.shows("1.5 MB")
    page.click("More for Frank")
    page.click("Edit")
    page.fill("Quota for files", "2 GB")
    page.click("Save")
    page.shows("1.5 MB of 2 GB")
    assert frank.get(ME)["quota"]["quota"] == 2 << 30
    page.click("More for Frank")
    page.click("Edit")
    page.fill("Quota for files", "much")
    page.click("Save")
    page.shows("Invalid quota value: much")


# --- accounts and groups ----------------------------------------------------------------------
def test_an_administrator_manages_accounts_and_groups(own_server: Server, page: Page, boss: Person) -> None:
    page.open(boss, "/admin")
    for name in ("frank", "greta"):
        page.click("Add account")
        page.fill("Account name", name)
        page.fill("Name", name.capitalize())
        page.fill("Password", NEW_PASSWORD)
        page.click("Add account")
        page.shows(f"{name.capitalize()}\n{name}")
    page.click("More for Frank")
    page.click("Disable")
    page.shows("Disabled")
    assert login_status(own_server, "frank", NEW_PASSWORD) == 401
    assert login_status(own_server, "greta", NEW_PASSWORD) == 200

    page.click("Groups")
    page.click("Add group")
    page.fill("Name", "staff")
    page.click("Save")
    page.click("More for staff")
    page.click("Members")
    page.fill("Add accounts", "gret")
    page.click("Add Greta")
    page.find("button", "Remove Greta")
    assert own_server.admin.get("/ocs/v2.php/cloud/groups/staff").json()["ocs"]["data"] == {"users": ["greta"]}
    page.click("Remove Greta")
    page.shows("Remove Greta from staff?")
    page.click("Remove")
    page.find("button", "Add Greta")
    assert own_server.admin.get("/ocs/v2.php/cloud/groups/staff").json()["ocs"]["data"] == {"users": []}
    close_dialog(page)

    page.click("Accounts")
    page.click("More for Greta")
    page.click("Set a new password")
    page.fill("New password", "a-newer-pass-42")
    page.click("Save")
    page.wait(lambda: login_status(own_server, "greta", "a-newer-pass-42") == 200)
    page.lacks("New password")
    page.click("More for Greta")
    page.click("Delete account")
    page.click("Delete account")
    page.lacks("greta")
    assert login_status(own_server, "greta", NEW_PASSWORD) == 401


def test_a_late_change_of_an_administrator_asks_for_the_password(
    own_server: Server, page: Page, boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_server.add_account("vice", "Vice", groups=[ADMIN_GROUP])
    page.open(boss, "/admin")
    page.find("button", "More for Vice")
    pass_time(monkeypatch, FRESH_LOGIN + 1)
    page.click("More for Vice")
    page.click("Disable")
    page.fill("Your own password", "a wrong password")
    page.click("Continue")
    page.shows("That is not your password.")
    page.fill("Your own password", PASSWORD)
    page.click("Continue")
    page.shows("Disabled")
    assert login_status(own_server, "vice", PASSWORD) == 401


def test_a_file_adds_accounts_and_shows_what_was_refused(
    own_server: Server, page: Page, boss: Person, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.csv"
    rows = ("id;name;password;quota", f"heidi;Heidi;{NEW_PASSWORD};2 GB", f"alice;Alice;{NEW_PASSWORD}", "ivan;Ivan;")
    file.write_text("\n".join(rows))
    page.open(boss, "/admin")
    page.click("More")
    page.click("Add from CSV file")
    page.wait(lambda: page.chrome.find_element(By.CSS_SELECTOR, "dialog [type=file]")).send_keys(str(file))
    page.click("Add 2 accounts")
    page.shows("1 account was added.")
    results = [each.text for each in page.chrome.find_elements(By.CSS_SELECTOR, "dialog tbody td:last-child")]
    assert results == ["Added", "There is an account with this name already.", "Missing: password"]
    assert login_status(own_server, "heidi", NEW_PASSWORD) == 200
    heidi = Person(own_server.admin, "admin").get("/ocs/v2.php/cloud/users/heidi")
    assert heidi["quota"]["quota"] == 2 << 30


def test_an_administrator_logs_an_account_out_everywhere(own_server: Server, page: Page, boss: Person) -> None:
    alice = Person(own_server.client("alice", PASSWORD), "alice")
    app_password = alice.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    page.open(boss, "/admin")
    page.click("More for Alice A.")
    page.click("Logins")
    page.click("Log out everywhere")
    page.shows("Log Alice A. out everywhere?")
    page.click("Log out everywhere")
    page.shows("Nobody is logged in with this account.")
    assert login_status(own_server, "alice", app_password) == 401
    assert login_status(own_server, "alice", PASSWORD) == 200


# --- the server -------------------------------------------------------------------------------
def test_a_setting_holds_at_once_and_can_be_reset(own_server: Server, page: Page, boss: Person) -> None:
    settings = own_server.app.world.talk_settings
    page.open(boss, "/admin/settings")
    page.choose("Who may start a call", "Moderators")
    page.shows("Saved.")
    assert settings.start_calls == 2
    page.fill("Search settings", "SIP_dialout")
    page.lacks("Who may start a call")
    page.fill("Search settings", "start a call")
    page.click("Reset start_calls")
    page.lacks("Reset")
    assert settings.start_calls == 0


def test_only_the_part_that_is_shown_scrolls(page: Page, boss: Person) -> None:
    page.chrome.set_window_size(600, 500)
    try:
        page.open(boss, "/admin/settings")
        page.shows("start_calls")
        heights = "const page = document.documentElement; return [page.scrollHeight, page.clientHeight]"
        height, shown = page.run(heights)
        assert height == shown
    finally:
        page.chrome.set_window_size(1280, 800)


def test_servers_are_added_changed_and_removed_by_form(own_server: Server, page: Page, boss: Person) -> None:
    settings = own_server.app.world.talk_settings
    page.open(boss, "/admin/settings")
    add_server(page, "TURN servers")
    page.fill("Address", "somewhere")
    page.fill("Secret", "s3cret")
    page.click("Add server")
    page.shows("write a host with a port, like turn.example.org:3478")
    page.fill("Address", "turn.test:3478")
    page.click("turns: with TLS")
    page.click("Add server")
    page.shows("Secret stored")
    [server] = settings.turn_servers or []
    assert (server.server, server.secret, server.schemes) == ("turn.test:3478", "s3cret", "turn,turns")

    page.click("Change turn.test:3478")
    page.fill("Address", "turn.test:443")
    page.click("Show the secret")
    page.fill("Secret", "an0ther")
    page.click("UDP")
    page.click("Save")
    page.find("button", "Change turn.test:443")
    [server] = settings.turn_servers or []
    assert (server.server, server.secret, server.protocols) == ("turn.test:443", "an0ther", "tcp")

    page.click("Change turn.test:443")
    page.click("turn: without TLS")
    page.click("Save")
    page.wait(lambda: [each.schemes for each in settings.turn_servers or []] == ["turns"])
    [server] = settings.turn_servers or []
    assert server.secret == "an0ther", "a secret that is not shown was lost"

    page.click("Remove turn.test:443")
    page.shows("Remove turn.test:443?")
    page.click("Remove")
    page.lacks("turn.test:443")
    assert settings.turn_servers == []


def test_signaling_servers_share_a_secret(own_server: Server, page: Page, boss: Person) -> None:
    page.open(boss, "/admin/settings")
    for name, secret in (("one", "s3cret"), ("two", "")):
        add_server(page, "External signaling servers")
        page.fill("Address", f"https://{name}.test")
        if secret:
            page.click("Add server")
            page.shows("signaling servers need a secret")
            page.fill("Secret, which all these servers share", secret)
        page.click("Add server")
        page.find("button", f"Change https://{name}.test")
    found = own_server.app.world.talk_settings.signaling
    assert ([each.server for each in found.servers], found.secret) == (
        ["https://one.test", "https://two.test"],
        "s3cret",
    )
    page.click("Reset signaling_servers")
    page.shows("Reset “External signaling servers”?")
    page.click("Reset")
    page.lacks("https://one.test")


def add_server(page: Page, setting: str) -> None:
    """Press the button of a setting that is a list of servers."""
    script = """
    const row = [...document.querySelectorAll("li")].find(each => each.innerText.startsWith(arguments[0]));
    return [...row.querySelectorAll("button")].find(each => each.innerText === "Add server").click() === undefined;
    """
    page.wait(lambda: page.run(script, setting) in (True, None))


def test_an_administrator_sees_conversations_and_deletes_one(own_server: Server, page: Page, boss: Person) -> None:
    alice = Person(own_server.client("alice", PASSWORD), "alice")
    token = alice.create_room(GROUP, "Secret plans")
    page.open(boss, "/admin/rooms")
    page.click("Messages")
    page.fill("Search by the end of the link", token)
    page.click(f"Delete {token}")
    page.lacks("Secret plans")
    page.click("Delete")
    page.lacks(token)
    assert token not in alice.rooms()


def test_an_administrator_sees_what_doctor_finds(page: Page, boss: Person) -> None:
    page.open(boss, "/admin/status")
    page.shows("The server works.")
    page.shows("checks found nothing wrong")
    assert page.shows("set server.public_url to the address that clients use")


@pytest.mark.parametrize("throttled_server", ["sqlite"], indirect=True)
def test_an_administrator_lifts_a_throttle(web_browser: Chrome, throttled_server: Server) -> None:
    server = throttled_server
    boss, alice = server.add_account("boss", "Boss", groups=[ADMIN_GROUP]), server.add_user("alice")

    def log_in_from_afar(password: str) -> int:
        return server.client(alice.id, password, headers={"X-Forwarded-For": "192.0.2.7"}).get(ME).status_code

    for _ in range(server.config.security.attempts):
        log_in_from_afar(unique("wrong"))
    assert log_in_from_afar(PASSWORD) == 429
    page = Page(web_browser, server)
    page.open(boss, "/admin/throttles")
    page.shows("Must wait")
    page.click("Forget the attempts of 192.0.2.7")
    page.lacks("192.0.2.7")
    assert log_in_from_afar(PASSWORD) == 200


def test_users_see_nothing_of_the_administration(own_server: Server, page: Page) -> None:
    alice = Person(own_server.client("alice", PASSWORD), "alice")
    page.open(alice, "/admin/accounts")
    assert page.shows("This page is for administrators")
    # The client shows its own refusal if the address changes while it is open.
    page.open(alice)
    page.find("button", "New conversation")
    page.run("history.pushState(null, '', '/admin'); dispatchEvent(new PopStateEvent('popstate'))")
    assert page.shows("You may not do that.")
