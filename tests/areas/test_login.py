"""Logging in with apps and browsers, over HTTP."""

import re
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from support.running import HEADERS, PASSWORD, Server, unique
from support.time import pass_time
from talkd.areas.login.model import UNNAMED, client_name_of, local_path
from talkd.core import ids

ALICE = ("alice", PASSWORD)


def form_token(page: httpx.Response) -> str:
    """Return the request token in a page's form."""
    found = re.search(r'name="requesttoken" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def log_in(client: httpx.Client, password: str = PASSWORD, **extra: str) -> httpx.Response:
    """Fill in and send the login form."""
    token = form_token(client.get("/login"))
    return client.post("/login", data={"user": "alice", "password": password, "requesttoken": token, **extra})


def own_token(client: httpx.Client) -> str:
    """Return the request token of this browser."""
    return str(client.get("/csrftoken").json()["token"])


# --- login flow v2 ---------------------------------------------------------------------------
def test_flow_v2_gives_one_app_password_once(own_server: Server) -> None:
    app, browser = own_server.browser(), own_server.browser()
    started = app.post("/index.php/login/v2", headers=[(b"User-Agent", "Jörgs Handy".encode())]).json()
    poll = {"token": started["poll"]["token"]}
    assert started["poll"]["endpoint"] == f"{own_server.url}/login/v2/poll"
    waiting = app.post("/login/v2/poll", data=poll)
    assert (waiting.status_code, waiting.json()) == (404, [])

    page = browser.get(started["login"])
    assert "Jörgs Handy" in page.text
    here = started["login"].removeprefix(own_server.url)
    sent = {"user": "alice", "password": PASSWORD, "requesttoken": form_token(page), "redirect_url": here}
    logged_in = browser.post("/login", data=sent)
    assert (logged_in.status_code, logged_in.headers["location"]) == (303, here)
    grant = browser.get(here)
    flow = here.rpartition("/")[2]
    done = browser.post("/login/v2/grant", data={"flow": flow, "requesttoken": form_token(grant)})
    assert done.status_code == 200
    assert "Connected" in done.text

    granted = app.post("/login/v2/poll", data=poll)
    login = granted.json()
    assert (login["server"], login["loginName"]) == (own_server.url, "alice")
    assert app.post("/login/v2/poll", data=poll).status_code == 404
    capabilities = app.get(
        "/ocs/v2.php/cloud/capabilities", headers=HEADERS, auth=(login["loginName"], login["appPassword"])
    )
    assert "core" in capabilities.json()["ocs"]["data"]["capabilities"]
    assert browser.get(here).status_code == 404


def test_flow_v2_needs_a_form_with_the_request_token_of_the_browser(own_server: Server) -> None:
    app, browser = own_server.browser(), own_server.browser()
    started = app.post("/login/v2").json()
    flow = started["login"].rpartition("/")[2]
    log_in(browser)
    browser.post("/login/v2/grant", data={"flow": flow, "requesttoken": "guessed"})
    app.post("/login/v2/grant", data={"flow": flow}, auth=ALICE)
    assert app.post("/login/v2/poll", data={"token": started["poll"]["token"]}).status_code == 404


def test_flow_v2_ends_after_twenty_minutes(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    app, browser = own_server.browser(), own_server.browser()
    started = app.post("/login/v2").json()
    log_in(browser)
    flow = started["login"].rpartition("/")[2]
    browser.post("/login/v2/grant", data={"flow": flow, "requesttoken": own_token(browser)})
    pass_time(monkeypatch, 1201)
    assert app.post("/login/v2/poll", data={"token": started["poll"]["token"]}).status_code == 404
    assert browser.get(started["login"]).status_code == 404


def bytes_of(folder: Path) -> bytes:
    """Return the content of the database files."""
    return b"".join(file.read_bytes() for file in folder.glob("talkd.db*"))


def test_the_database_holds_no_secret_of_a_flow(own_server: Server) -> None:
    app, browser = own_server.browser(), own_server.browser()
    started = app.post("/login/v2").json()
    log_in(browser)
    flow = started["login"].rpartition("/")[2]
    browser.post("/login/v2/grant", data={"flow": flow, "requesttoken": own_token(browser)})
    login = app.post("/login/v2/poll", data={"token": started["poll"]["token"]}).json()
    kept = bytes_of(Path(own_server.config.data))
    assert ids.fingerprint(login["appPassword"]).encode() in kept
    for secret in (started["poll"]["token"], flow, login["appPassword"], browser.cookies["talkd_session"]):
        assert secret.encode() not in kept


# --- classic flow ----------------------------------------------------------------------------
def test_classic_flow_ends_in_a_redirect_to_the_app(own_server: Server) -> None:
    view = own_server.browser(follow_redirects=False)
    page = view.get("/index.php/login/flow?user=alice", headers=HEADERS)
    assert 'value="alice"' in page.text
    assert "form-action 'self' nc:" in page.headers["content-security-policy"]
    sent = {
        "user": "alice",
        "password": PASSWORD,
        "requesttoken": form_token(page),
        "redirect_url": "/login/flow/grant",
    }
    assert view.post("/login", data=sent).headers["location"] == "/login/flow/grant"
    grant = view.get("/login/flow/grant")
    done = view.post("/login/flow", data={"requesttoken": form_token(grant)})
    assert done.status_code == 303
    found = re.fullmatch(r"nc://login/server:(.+)&user:(.+)&password:(.+)", done.headers["location"])
    assert found is not None
    assert (found[1], unquote(found[2])) == (own_server.url, "alice")
    app = own_server.browser(auth=("alice", unquote(found[3])))
    refused = app.get("/ocs/v2.php/core/getapppassword", headers=HEADERS)
    assert refused.status_code == 403


def test_classic_flow_gives_no_password_without_the_form(own_server: Server) -> None:
    stranger, browser = own_server.browser(), own_server.browser()
    assert "location" not in stranger.post("/login/flow", auth=ALICE).headers
    log_in(browser)
    assert "location" not in browser.post("/login/flow").headers


def test_classic_flow_accepts_an_existing_app_password(own_server: Server) -> None:
    app, view = own_server.browser(), own_server.browser()
    password = app.get("/ocs/v2.php/core/getapppassword", headers=HEADERS, auth=ALICE).json()["ocs"]["data"]
    token = form_token(view.get("/login/flow"))
    sent = {"user": "alice", "password": password["apppassword"], "requesttoken": token}
    done = view.post("/login/flow/apptoken", data=sent)
    assert done.headers["location"].endswith(f"&password:{password['apppassword']}")
    refused = view.post("/login/flow/apptoken", data={**sent, "password": PASSWORD})
    assert refused.status_code == 403


# --- browsers --------------------------------------------------------------------------------
def test_login_renews_the_cookie_and_logout_ends_it(own_server: Server) -> None:
    browser = own_server.browser()
    browser.get("/login")
    before = browser.cookies["talkd_session"]
    answer = log_in(browser)
    after = browser.cookies["talkd_session"]
    assert after != before
    assert {"HttpOnly", "SameSite=Lax"} <= set(answer.headers["set-cookie"].split("; "))
    assert "Alice A." in browser.get("/devices").text
    asked = browser.get("/logout")
    assert "Log out?" in asked.text
    browser.post("/logout", data={"requesttoken": form_token(asked)})
    thief = own_server.browser(cookies={"talkd_session": after})
    assert "Alice A." not in thief.get("/devices").text


def test_the_cookie_is_secure_on_https(own_server: Server) -> None:
    own_server.app.world.config.server.public_url = "https://talk.test/sub"
    browser = own_server.browser()
    cookie = browser.get("/login").headers["set-cookie"]
    assert "Secure" in cookie
    assert "Path=/sub" in cookie


def test_login_needs_the_request_token_of_its_form(own_server: Server) -> None:
    browser = own_server.browser()
    sent = {"user": "alice", "password": PASSWORD}
    assert browser.post("/login", data=sent).status_code == 403
    browser.get("/login")
    assert browser.post("/login", data={**sent, "requesttoken": "x"}).status_code == 403
    assert browser.get("/csrftoken").json()["token"]


def test_login_by_address_and_not_by_app_password(own_server: Server) -> None:
    app, browser = own_server.browser(), own_server.browser()
    answer = app.get("/ocs/v2.php/core/getapppassword", headers=HEADERS, auth=ALICE)
    app_password = answer.json()["ocs"]["data"]["apppassword"]
    assert log_in(browser, app_password).status_code == 403
    assert log_in(browser, user="ALICE@talk.test").status_code == 303


def test_login_names_are_the_same_in_upper_and_lower_case(own_server: Server) -> None:
    client = own_server.browser(headers=HEADERS)
    for name in ("alice", "Alice", "ALICE"):
        answer = client.get("/ocs/v2.php/cloud/user", auth=(name, PASSWORD))
        assert (answer.status_code, answer.json()["ocs"]["data"]["id"]) == (200, "alice")
    made = client.get("/ocs/v2.php/core/getapppassword", auth=("Alice", PASSWORD))
    token = made.json()["ocs"]["data"]["apppassword"]
    for name in ("alice", "Alice"):
        answer = client.get("/ocs/v2.php/cloud/user", auth=(name, token))
        assert answer.json()["ocs"]["data"]["id"] == "alice"


def test_a_login_address_may_have_letters_outside_of_ascii(server: Server) -> None:
    alice = server.add_user("alice", email="Alice@Müller.example")
    client = server.browser(headers=HEADERS)
    made = client.get("/ocs/v2.php/core/getapppassword", auth=(alice.id, PASSWORD))
    for password in (PASSWORD, made.json()["ocs"]["data"]["apppassword"]):
        for name in ("Alice@Müller.example", "alice@Müller.example"):
            answer = client.get("/ocs/v2.php/cloud/user", auth=(name, password))
            assert answer.status_code == 200, (name, password)
            assert answer.json()["ocs"]["data"]["id"] == alice.id


def test_an_app_password_needs_the_name_of_its_account_or_none(server: Server) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    client = server.browser(headers=HEADERS)
    made = client.get("/ocs/v2.php/core/getapppassword", auth=(alice.id, PASSWORD))
    token = made.json()["ocs"]["data"]["apppassword"]
    for name, status in ((alice.id, 200), (bob.id, 401), ("", 401)):
        assert client.get("/ocs/v2.php/cloud/user", auth=(name, token)).status_code == status, name
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/ocs/v2.php/cloud/user", headers=bearer).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:x", "/a\nb", ""])
def test_login_redirects_to_paths_of_this_server_only(own_server: Server, target: str) -> None:
    assert local_path(target) == "/"
    browser = own_server.browser()
    assert log_in(browser, redirect_url=target).headers["location"] == "/"


def test_too_many_wrong_passwords_are_throttled(own_server: Server) -> None:
    browser = own_server.browser()
    for _ in range(own_server.app.world.config.security.attempts):
        wrong = log_in(browser, "wrong")
        assert wrong.status_code == 403
        assert "Wrong account name or password" in wrong.text
    refused = log_in(browser)
    assert refused.status_code == 429
    assert "Please wait 30 minutes" in refused.text
    assert int(refused.headers["retry-after"]) > 1700


def test_pages_have_security_headers(own_server: Server) -> None:
    browser = own_server.browser()
    for path in ("/", "/devices", "/login", "/login/flow", "/login/v2/flow/unknown"):
        headers = browser.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_pages_escape_input(own_server: Server) -> None:
    browser = own_server.browser()
    page = browser.get("/login", params={"user": '"><script>alert(1)</script>'})
    assert "<script" not in page.text


# --- app passwords ---------------------------------------------------------------------------
def test_app_password_is_exchanged_rotated_and_returned(own_server: Server) -> None:
    app = own_server.browser(headers=HEADERS)
    first = app.get("/ocs/v2.php/core/getapppassword", auth=ALICE).json()["ocs"]["data"]["apppassword"]
    assert app.get("/ocs/v2.php/core/getapppassword", auth=("alice", first)).status_code == 403
    rotated = app.post("/ocs/v2.php/core/apppassword/rotate", auth=("alice", first))
    second = rotated.json()["ocs"]["data"]["apppassword"]
    assert app.delete("/ocs/v2.php/core/apppassword", auth=("alice", first)).status_code == 401
    assert app.delete("/ocs/v2.php/core/apppassword", auth=("alice", second)).status_code == 200
    assert app.delete("/ocs/v2.php/core/apppassword", auth=("alice", second)).status_code == 401
    assert app.delete("/ocs/v2.php/core/apppassword", auth=ALICE).status_code == 403
    assert app.post("/ocs/v2.php/core/apppassword/rotate", auth=ALICE).status_code == 403
    assert app.get("/ocs/v2.php/core/getapppassword").status_code == 401


def test_devices_are_listed_disconnected_and_erased(own_server: Server) -> None:
    app, browser = own_server.browser(), own_server.browser()
    passwords = {}
    for name in ("Tablet", "Handset"):
        named = {**HEADERS, "User-Agent": name}
        passwords[name] = app.get("/ocs/v2.php/core/getapppassword", headers=named, auth=ALICE).json()
    phone = passwords["Handset"]["ocs"]["data"]["apppassword"]
    log_in(browser)
    page = browser.get("/devices").text
    shown = re.findall(r'devices/revoke">.*?name="id" value="(\d+)".*?Disconnect (\w+)"', page)
    assert [name for _, name in shown] == ["Handset", "Tablet"]
    token = own_token(browser)
    assert browser.post("/devices/revoke", data={"id": shown[1][0]}).status_code == 403
    browser.post("/devices/revoke", data={"id": shown[1][0], "requesttoken": token})
    assert "Tablet" not in browser.get("/devices").text

    assert app.post("/index.php/core/wipe/check", data={"token": phone}).json() == []
    browser.post("/devices/wipe", data={"id": shown[0][0], "requesttoken": token})
    locked = app.delete("/ocs/v2.php/core/apppassword", headers=HEADERS, auth=("alice", phone))
    assert locked.status_code == 401
    assert app.post("/index.php/core/wipe/check", data={"token": phone}).json() == {"wipe": True}
    assert app.post("/index.php/core/wipe/success", data={"token": phone}).status_code == 200
    assert app.post("/index.php/core/wipe/check", data={"token": phone}).status_code == 404
    assert "Handset" not in browser.get("/devices").text


def test_a_login_code_contains_a_working_app_password(own_server: Server) -> None:
    browser = own_server.browser()
    assert browser.post("/devices/code").status_code == 403
    log_in(browser)
    page = browser.post("/devices/code", data={"requesttoken": own_token(browser)})
    found = re.search(r'<code class="address">([^<]+)</code>', page.text)
    assert found is not None
    assert "<svg" in page.text
    assert "QR code" in browser.get("/devices").text
    app = own_server.browser(auth=("alice", found[1]))
    assert app.delete("/ocs/v2.php/core/apppassword", headers=HEADERS).status_code == 200


def test_users_cannot_disconnect_the_devices_of_others(own_server: Server) -> None:
    own_server.add_account("bob", "Bob")
    app, browser = own_server.browser(), own_server.browser()
    answer = app.get("/ocs/v2.php/core/getapppassword", headers=HEADERS, auth=("bob", PASSWORD))
    bobs = ("bob", answer.json()["ocs"]["data"]["apppassword"])
    log_in(browser)
    token = own_token(browser)
    for number in range(1, 5):
        browser.post("/devices/revoke", data={"id": number, "requesttoken": token})
        browser.post("/devices/wipe", data={"id": number, "requesttoken": token})
    assert app.delete("/ocs/v2.php/core/apppassword", headers=HEADERS, auth=bobs).status_code == 200


# --- other pages -----------------------------------------------------------------------------
def test_browsers_may_cache_the_style_sheet(own_server: Server) -> None:
    browser = own_server.browser()
    link = re.search(r'href="(/static/talkd.css\?v=\w+)"', browser.get("/devices").text)
    assert link is not None
    style = browser.get(link[1])
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert "immutable" not in browser.get("/static/talkd.css?v=old").headers["cache-control"]


def test_the_page_of_a_link_is_the_same_for_every_conversation(own_server: Server) -> None:
    browser = own_server.browser()
    pages = [browser.get(f"/index.php/call/{token}").text for token in ("abcd2345", "abcd2346")]
    assert pages[0].replace("abcd2345", "abcd2346") == pages[1]
    assert browser.get("/call/NOT-A-TOKEN").status_code == 404


def test_names_of_apps() -> None:
    assert client_name_of("Mozilla/5.0 (Android) Nextcloud-Talk v25.1.0") == "Nextcloud Talk 25.1.0 (Android)"
    assert client_name_of("J\u00c3\u00b6rgs\tHandy\x00") == "Jörgs Handy"
    assert client_name_of("\u202eAda\u200b\u2028\x1b phone".encode().decode("latin-1")) == "Ada phone"
    assert client_name_of("") == client_name_of("\u200b\u3164".encode().decode("latin-1")) == UNNAMED
    assert len(client_name_of("x" * 500)) == 128


# --- pages as scripts read them --------------------------------------------------------------
def first_form(page: httpx.Response) -> dict[str, str]:
    """Return the action and the fields of the first form of a page."""
    form = re.search(r"<form[^>]*>.*?</form>", page.text, re.DOTALL)
    assert form is not None, page.text
    action = re.search(r'action="([^"]*)"', form[0])
    assert action is not None
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', form[0]))
    return {"": action[1], **fields}


def test_every_page_contains_its_request_token(own_server: Server) -> None:
    browser = own_server.browser()
    for pages in (["/login", "/login/flow"], ["/logout", "/login/flow/grant"]):
        for path in ["/", "/call/abcdefgh", "/login/v2/flow/gone", *pages]:
            found = re.search(r'<head data-requesttoken="([^"]+)">', browser.get(path).text)
            assert found is not None, path
            assert found[1] == own_token(browser), path
        if "/login" in pages:
            log_in(browser)


def test_the_first_form_of_the_grant_page_grants(own_server: Server) -> None:
    app, browser = own_server.browser(), own_server.browser()
    log_in(browser)
    started = app.post("/login/v2").json()
    form = first_form(browser.get(started["login"]))
    assert browser.post(form.pop(""), data=form).status_code == 200
    assert app.post("/login/v2/poll", data={"token": started["poll"]["token"]}).status_code == 200
    form = first_form(browser.get("/login/flow/grant"))
    granted = browser.post(form.pop(""), data=form)
    assert granted.headers["location"].startswith("nc://login/server:")


def test_the_first_form_is_never_the_one_that_logs_out(own_server: Server) -> None:
    browser = own_server.browser()
    assert first_form(browser.get("/login"))[""] == "/login"
    assert first_form(browser.get("/login/flow"))[""] == "/login"
    log_in(browser)
    assert first_form(browser.get("/devices"))[""] == "/devices/code"
    home = browser.get("/devices")
    assert '<button class="link" form="logout">Log out</button>' in home.text
    assert home.text.rindex('<form id="logout"') == home.text.rindex("<form")


# --- e-mail addresses ------------------------------------------------------------------------
def test_owners_log_in_by_an_address_that_another_account_has_too(server: Server) -> None:
    address = f"{unique('bob')}@example.org"
    bob, mallory = server.add_user("bob", email=address), server.add_user("mallory")
    assert mallory.status("PUT", f"/ocs/v2.php/cloud/users/{mallory.id}", key="email", value=address.upper()) == 200
    server.admin.put(
        f"/ocs/v2.php/cloud/users/{mallory.id}", json={"key": "password", "value": "a password of mallory"}
    ).raise_for_status()
    for password, owner in ((PASSWORD, bob), ("a password of mallory", mallory)):
        me = server.client(address, password).get("/ocs/v2.php/cloud/user").json()["ocs"]["data"]
        assert me["id"] == owner.id
    assert server.client(address, "another password").get("/ocs/v2.php/cloud/user").status_code == 401
    app_password = bob.get("/ocs/v2.php/core/getapppassword")["apppassword"]
    assert server.client(address, app_password).get("/ocs/v2.php/cloud/user").json()["ocs"]["data"]["id"] == bob.id


def test_owners_log_in_by_an_address_that_is_the_id_of_another_account(server: Server) -> None:
    address = f"{unique('bob')}@example.org"
    bob = server.add_user("bob", email=address)
    server.admin.post(
        "/ocs/v2.php/cloud/users", json={"userid": address, "password": "a password of mallory"}
    ).raise_for_status()
    for password, owner in ((PASSWORD, bob.id), ("a password of mallory", address)):
        me = server.client(address, password).get("/ocs/v2.php/cloud/user").json()["ocs"]["data"]
        assert me["id"] == owner
