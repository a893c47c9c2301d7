"""Pages that browsers get: at addresses that have none, and how they name the account."""

import re
from collections.abc import Callable

import httpx
import pytest

from conftest import Databases
from support.browsers import log_in
from support.people import Person
from support.running import Server

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
UNKNOWN = ["/nothing", "/index.php/nothing", "//nothing", "/nothing/", "/call", "/call/%FF", "/ocs", "/nothing?x=%00"]


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing here depends on the database."""
    return sqlite_server


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request whose path is left as it is written."""
    client = server.client()
    address = client.base_url.copy_with(raw_path=path.encode())
    return client.send(httpx.Request(method, address, headers=headers))


@pytest.mark.parametrize("path", UNKNOWN)
def test_a_browser_gets_a_page_at_an_unknown_address(server: Server, path: str) -> None:
    answer = ask(server, path, **HTML)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<h1>Page not found</h1>" in answer.text
    assert '<a class="button" href="/">' in answer.text
    assert "style-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/xml", "image/avif,image/*,*/*;q=0.8"])
def test_programs_get_no_page_at_an_unknown_address(server: Server, path: str, accept: str) -> None:
    answer = ask(server, path, Accept=accept)
    assert answer.status_code == 404
    assert answer.content == (b"[]" if path == "/call/%FF" else b"")


def test_the_page_of_an_unknown_address_logs_nobody_out(server: Server) -> None:
    browser = log_in(server, server.add_user("alice"))
    assert "set-cookie" not in browser.get("/nothing", headers=HTML).headers
    assert "Log out" in browser.get("/", headers=HTML).text


def test_an_address_that_is_only_sent_to_shows_a_page_as_well(server: Server) -> None:
    answer = ask(server, "/devices/code", **HTML)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert "<h1>Page not found</h1>" in answer.text


@pytest.mark.parametrize("path", ["/ocs/nothing", "/ocs/v2.php/nothing", "/ocs/v3.php"])
def test_the_api_answers_browsers_as_it_answers_programs(server: Server, path: str) -> None:
    assert ask(server, path, **HTML).content == ask(server, path, Accept="*/*").content


def test_the_way_back_leads_under_the_path_of_the_server(
    databases: Databases, new_server: Callable[..., Server]
) -> None:
    config = databases.config("sqlite")
    config.server.public_url = "https://example.org/talk"
    page = ask(new_server(config), "/talk/nothing", **HTML).text
    assert '<a class="button" href="/talk/">' in page
    assert '"/talk/static/talkd.css?' in page


@pytest.mark.parametrize(
    ("shown", "expected"), [("Alice A.", "Alice A. (ID)"), ("", "ID"), ("ID", "ID"), ("SHOUTED", "SHOUTED")]
)
def test_an_account_is_named_once(server: Server, shown: str, expected: str) -> None:
    alice = server.add_user("alice")
    assert alice.id is not None
    shown = shown.replace("ID", alice.id).replace("SHOUTED", alice.id.upper())
    expected = expected.replace("ID", alice.id).replace("SHOUTED", alice.id.upper())
    rename(server, alice, shown)
    page = log_in(server, alice).get("/login/flow/grant", headers=HTML).text
    found = re.search(r"asks to act as (.+) on talkd", page)
    assert found is not None
    assert found[1] == expected


def rename(server: Server, person: Person, name: str) -> None:
    """Let an administrator set the display name of an account."""
    answer = server.admin.put(f"/ocs/v2.php/cloud/users/{person.id}", data={"key": "displayname", "value": name})
    assert answer.status_code == 200, answer.text
