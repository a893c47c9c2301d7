"""The server's own pages are in the language of the account or of the browser, and no text is missing."""

import re
from pathlib import Path
from string import Formatter

import httpx
import pytest

import talkd
from support.browsers import log_in
from support.running import Server
from talkd.web import texts

PACKAGE = Path(talkd.__file__).parent
SOURCES = "\n".join(
    file.read_text()
    for folder in ("web/pages", "areas/login")
    for file in (PACKAGE / folder).iterdir()
    if file.suffix in (".html", ".py")
)
MADE = ("home.fact.", "day.ago", "throttled")
"""How the names of texts begin that are put together, or have plural forms."""
GERMAN = {"Accept-Language": "fr;q=0.3, de-AT;q=0.9, en;q=0.5"}


@pytest.fixture
def server(sqlite_server: Server) -> Server:
    """Nothing in this file depends on the database."""
    return sqlite_server


def title_of(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text)
    assert found is not None
    return found[1]


def test_all_catalogues_have_the_same_texts_with_the_same_values() -> None:
    def values(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    wanted = {key: values(text) for key, text in texts.CATALOGUES[texts.DEFAULT].items()}
    for catalogue in texts.CATALOGUES.values():
        assert {key: values(text) for key, text in catalogue.items()} == wanted


def test_each_text_is_shown_somewhere_and_each_shown_text_exists() -> None:
    known = set(texts.CATALOGUES[texts.DEFAULT])
    used = set(re.findall(r'\bt\("([a-z_.]+)"[,)]', SOURCES)) - {"day.ago"}
    assert used <= known
    unused = {key for key in known - used if f'"{key.removesuffix(".text")}"' not in SOURCES}
    assert [key for key in sorted(unused) if not key.startswith(MADE)] == []


@pytest.mark.parametrize(
    ("path", "german"),
    [
        ("/login", "Bei talkd anmelden"),
        ("/call/-", "Das ist kein Link zu einer Unterhaltung"),
        ("/login/v2/flow/gone", "Dieser Link gilt nicht mehr"),
        ("/nothing", "Seite nicht gefunden"),
    ],
)
def test_visitors_see_pages_in_the_language_of_their_browser(server: Server, path: str, german: str) -> None:
    page = server.browser().get(path, headers={**GERMAN, "Accept": "text/html"}).text
    assert (title_of(page), '<html lang="de">' in page) == (german, True)
    english = server.browser().get(path, headers={"Accept-Language": "tlh, *;q=0.1", "Accept": "text/html"}).text
    assert '<html lang="en">' in english
    assert german not in english


def test_users_see_pages_in_the_language_that_they_have_chosen(server: Server) -> None:
    person = server.add_user("polyglot")
    browser = log_in(server, person)
    assert title_of(browser.get("/password", headers=GERMAN).text) == "Passwort ändern"
    person.http.put(f"/ocs/v2.php/cloud/users/{person.id}", json={"key": "language", "value": "en"})
    assert title_of(browser.get("/password", headers=GERMAN).text) == "Change password"
    assert "connected apps" in browser.get("/devices", headers=GERMAN).text.lower()


def test_values_in_texts_are_escaped() -> None:
    assert (
        texts.text("en", "app.connected.text", client="<b>") == "&lt;b&gt; is logged in now. You can close this window."
    )


def test_an_account_has_the_language_of_its_own_browser_until_it_has_chosen_one(server: Server) -> None:
    person = server.add_user("own")

    def language(client: httpx.Client, path: str) -> str:
        found: str = client.get(f"/ocs/v2.php/cloud/{path}", headers=GERMAN).json()["ocs"]["data"]["language"]
        return found

    assert language(person.http, "user") == language(person.http, f"users/{person.id}") == "de"
    assert language(server.admin, f"users/{person.id}") == "en"
    person.http.put(f"/ocs/v2.php/cloud/users/{person.id}", json={"key": "language", "value": "fr"})
    assert language(person.http, "user") == "fr"
