"""The web client as an installed app: without a network, after the login has ended, and older than the server's."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.color import Color

from browser.web.conftest import Page
from support.browsers import fill_in_login
from support.people import PUBLIC, Person
from support.running import Server
from talkd.config import Config
from talkd.web.pages import client

WORKER_STATE = "return navigator.serviceWorker.getRegistration().then(found => found?.active?.state)"
NOTE_TEXTS = """
window.texts = [];
new MutationObserver(() => window.texts.push(document.body.innerText))
  .observe(document.body, {childList: true, subtree: true, characterData: true});
"""
FIELD = "Write a message"
COLOR = "#7a2f8a"


@pytest.fixture
def purple_server(databases: Any, new_server: Callable[[Config], Server]) -> Server:
    """A server with a colour of its own."""
    config: Config = databases.config("sqlite")
    config.identity.color = COLOR
    return new_server(config)


def test_browsers_can_install_it_and_open_it_without_the_server(web_browser: Chrome, purple_server: Server) -> None:
    page = Page(web_browser, purple_server)
    page.open(purple_server.add_user("reader"))
    page.shows("Choose a conversation")
    page.wait(lambda: web_browser.execute_script(WORKER_STATE) == "activated")
    page.wait(lambda: web_browser.execute_cdp_cmd("Page.getInstallabilityErrors", {})["installabilityErrors"] == [])
    web_browser.get("about:blank")  # it connects no more
    purple_server.stop()
    web_browser.get(purple_server.url + "/")
    page.shows("The server cannot be reached.")
    button = page.find("button", "Try again")
    assert Color.from_string(button.value_of_css_property("background-color")).hex == COLOR
    purple_server.start()
    page.shows("Choose a conversation")
    kept = web_browser.execute_script(
        "return caches.keys().then(([name]) => caches.open(name)).then(each => each.keys())"
        ".then(all => all.map(each => new URL(each.url).pathname))"
    )
    assert kept
    assert all(each.startswith("/client/") for each in kept)


@pytest.fixture
def person(sqlite_server: Server) -> Person:
    return sqlite_server.add_user("writer")


@pytest.fixture
def token(person: Person) -> str:
    return person.create_room(PUBLIC, "Harbour")


@pytest.fixture
def tabs(web_browser: Chrome, page: Page, person: Person, token: str) -> Iterator[tuple[Page, Page]]:
    """Two tabs of one browser: one in a room, and one in the list."""
    page.open(person, f"/call/{token}")
    page.find("textarea", FIELD)
    window = page.chrome.current_window_handle
    web_browser.switch_to.new_window("tab")
    second = Page(web_browser, page.server)
    second.chrome.get(page.server.url)
    second.shows("Harbour")
    yield page, second
    second.chrome.close()
    web_browser.switch_to.window(window)


def log_out(page: Page) -> None:
    """End the login of a browser without its knowledge."""
    with page.server.client() as client:
        client.cookies.update({each["name"]: each["value"] for each in page.chrome.get_cookies()})
        token = page.run("return document.head.dataset.requesttoken")
        assert client.post("/logout", data={"requesttoken": token}).status_code == 303


def log_in_again(page: Page, person: Person, path: str) -> None:
    page.click("Log in again")
    page.wait(lambda: page.chrome.current_url.endswith("/login?redirect_url=" + quote(path, safe="")))
    fill_in_login(page.chrome, person.id)


def test_nothing_typed_is_lost_when_the_login_ends(page: Page, person: Person, token: str) -> None:
    page.open(person, f"/call/{token}")
    page.find("textarea", FIELD)
    page.set_network(is_there=False)
    page.fill(FIELD, "Sent without a network" + Keys.ENTER + "Half a sentence")
    log_out(page)
    page.set_network(is_there=True)
    page.shows("You were logged out. What you have typed is kept.")
    page.lacks("Sent without a network")
    log_in_again(page, person, f"/call/{token}")
    page.wait(lambda: page.find("textarea", FIELD).get_attribute("value") == "Half a sentence")
    page.wait(lambda: "Sent without a network" in person.texts(token))
    page.lacks("You were logged out.")


def test_a_page_whose_login_ends_never_says_that_the_room_is_open_elsewhere(
    page: Page, person: Person, token: str
) -> None:
    page.open(person, f"/call/{token}")
    page.find("textarea", FIELD)
    page.run(NOTE_TEXTS)
    log_out(page)
    page.shows("You were logged out.")
    shown = page.run("return window.texts")
    assert shown
    assert not [each for each in shown if "another window" in each]


def test_a_logout_hides_the_conversations_of_all_tabs(tabs: tuple[Page, Page], person: Person, token: str) -> None:
    first, second = tabs
    first.fill(FIELD, "Half a sentence")
    person.say(token, "The ship is here")
    first.shows("The ship is here")
    second.click("Settings")
    second.click("Log out")
    second.shows("Log in to talk in this browser")
    first.shows("You have logged out.")
    assert first.lacks("Harbour")
    assert first.lacks("The ship is here")
    log_in_again(first, person, f"/call/{token}")
    assert first.find("textarea", FIELD).get_attribute("value") == ""


def test_two_tabs_without_a_network_keep_the_messages_of_both(
    tabs: tuple[Page, Page], person: Person, token: str
) -> None:
    first, second = tabs
    other = person.create_room(PUBLIC, "Island")
    second.chrome.get(f"{second.server.url}/call/{other}")
    second.find("textarea", FIELD)
    for tab in tabs:
        tab.set_network(is_there=False)
    first.fill(FIELD, "First from the harbour" + Keys.ENTER)
    second.fill(FIELD, "First from the island" + Keys.ENTER)
    first.fill(FIELD, "Second from the harbour" + Keys.ENTER)
    first.shows("Second from the harbour")
    second.chrome.get("about:blank")
    first.set_network(is_there=True)
    first.wait(lambda: person.texts(token) == ["First from the harbour", "Second from the harbour"])
    first.wait(lambda: person.texts(other) == ["First from the island"])


def test_a_page_that_is_older_than_the_servers_client_says_so(
    page: Page, sqlite_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.open(sqlite_server.add_user("patient"))
    page.shows("Choose a conversation")
    newer = client._page(client.PAGE).replace("/index-", "/index-newer-")
    monkeypatch.setattr(client, "_page", lambda name: newer)
    page.chrome.execute_script(
        "dispatchEvent(new Event('offline'))"
    )  # the connection is lost, as when a server restarts
    page.shows("There is a newer version of this page.")
    monkeypatch.undo()
    page.click("Reload")
    page.lacks("There is a newer version of this page.")
    page.shows("Choose a conversation")
