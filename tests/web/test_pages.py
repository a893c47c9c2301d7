"""Pages for unknown addresses, and the name of the account on pages."""

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
    """Nothing in this file depends on the database."""
    return sqlite_server


def ask(server: Server, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """Send a request with exactly this path."""
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


def test_the_page_of_an_unknown_address_sets_no_cookie(server: Server) -> None:
    browser = log_in(server, server.add_user("alice"))
    assert "set-cookie" not in browser.get("/nothing", headers=HTML).headers
    assert "Log out" in browser.get("/devices", headers=HTML).text


def test_browsers_get_a_page_for_get_at_an_address_with_only_post(server: Server) -> None:
    answer = ask(server, "/devices/code", **HTML)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert "<h1>Page not found</h1>" in answer.text


@pytest.mark.parametrize("path", ["/ocs/nothing", "/ocs/v2.php/nothing", "/ocs/v3.php"])
def test_api_addresses_answer_browsers_and_programs_alike(server: Server, path: str) -> None:
    assert ask(server, path, **HTML).content == ask(server, path, Accept="*/*").content


def test_links_of_the_unknown_page_have_the_sub_path(databases: Databases, new_server: Callable[..., Server]) -> None:
    config = databases.config("sqlite")
    config.server.public_url = "https://example.org/talk"
    page = ask(new_server(config), "/talk/nothing", **HTML).text
    assert '<a class="button" href="/talk/">' in page
    assert '"/talk/static/talkd.css?' in page


@pytest.mark.parametrize(
    ("shown", "expected"), [("Alice A.", "Alice A. (ID)"), ("", "ID"), ("ID", "ID"), ("SHOUTED", "SHOUTED")]
)
def test_the_grant_page_shows_an_id_equal_to_the_name_once(server: Server, shown: str, expected: str) -> None:
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
    """Set the display name of an account as the administrator."""
    answer = server.admin.put(f"/ocs/v2.php/cloud/users/{person.id}", data={"key": "displayname", "value": name})
    assert answer.status_code == 200, answer.text
