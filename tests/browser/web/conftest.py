"""Browsers in the web client. Elements are found by their name, as people find them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from browser.conftest import running
from support.browsers import log_in
from support.people import PUBLIC, Person
from support.running import Server

if TYPE_CHECKING:
    from browser.web.call_pages import CallPage

SECONDS = 20
PASSING = [WebDriverException, AttributeError]
"""What fails while the page is changing."""

FIND = """
const [selector, name] = arguments;
const inside = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;
const nameOf = each => each.getAttribute("aria-label") ?? (each.labels?.[0] ?? each).innerText ?? "";
return [...inside.querySelectorAll(selector)].find(
  each => each.checkVisibility() && nameOf(each).trim().split("\\n")[0] === name && !each.disabled
) ?? null;
"""


class Page:
    """A person's browser in the web client. Everything waits until what it needs is there."""

    def __init__(self, chrome: Chrome, server: Server) -> None:
        self._chrome = chrome
        self._window = chrome.current_window_handle
        chrome.execute_cdp_cmd(
            "Emulation.setFocusEmulationEnabled", {"enabled": True}
        )  # as if all windows were in front
        self.server = server

    @property
    def chrome(self) -> Chrome:
        """The browser, in the window of this page."""
        self._chrome.switch_to.window(self._window)
        return self._chrome

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, and return its result."""
        return self.chrome.execute_script(script, *arguments)

    def visit(self, path: str) -> None:
        """Open a page in a browser that has never been here."""
        self._forget()
        self.chrome.get(self.server.url + path)

    def _forget(self) -> None:
        self.chrome.get(f"{self.server.url}/static/icon.svg")
        self.chrome.delete_all_cookies()
        self.chrome.execute_script("localStorage.clear(); sessionStorage.clear()")

    def open(self, person: Person, path: str = "/") -> None:
        """Log the person in and open a page."""
        self._forget()
        for cookie in log_in(self.server, person).cookies.jar:
            self.chrome.add_cookie({"name": cookie.name, "value": cookie.value, "path": "/"})
        self.chrome.get(self.server.url + path)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Return the first result that is true."""
        waiting = WebDriverWait(self.chrome, SECONDS, poll_frequency=0.1, ignored_exceptions=PASSING)
        return waiting.until(lambda _: condition())

    def find(self, selector: str, name: str) -> WebElement:
        """Return the element with this name, in the open dialog if there is one."""
        found: WebElement = self.wait(lambda: self.chrome.execute_script(FIND, selector, name))
        return found

    def click(self, name: str) -> None:
        """Press a button, link or tab, or change a check box or radio button."""
        found = "button, a, input[type=checkbox], input[type=radio]"
        self.wait(lambda: self.chrome.execute_script(FIND, found, name).click() is None)

    def press(self, name: str) -> None:
        """Press a button or link from the keyboard. Some are only shown while they or their row have the focus."""
        self.run("arguments[0].focus()", self.find("button, a", name))
        self.keys(Keys.ENTER)

    def keys(self, *keys: str) -> None:
        """Press keys where the focus is."""
        ActionChains(self.chrome).send_keys(*keys).perform()

    def fill(self, name: str, text: str) -> None:
        """Replace the text of a field."""
        field = self.find("input, textarea", name)
        field.clear()
        field.send_keys(text)

    def choose(self, name: str, option: str) -> None:
        """Choose an option of a list."""
        self.find("select", name).send_keys(option)

    def shows(self, text: str) -> bool:
        """Wait until the page shows a text."""
        return bool(self.wait(lambda: text in self.chrome.execute_script("return document.body.innerText")))

    def lacks(self, text: str) -> bool:
        """Wait until the page no longer shows a text."""
        return bool(self.wait(lambda: text not in self.chrome.execute_script("return document.body.innerText")))

    def set_network(self, *, is_there: bool) -> None:
        """Take the network away or give it back. Connections of a call that are there stay."""
        self.chrome.execute_cdp_cmd("Network.enable", {})
        conditions = {"offline": not is_there, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.chrome.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


class Window:
    """A person with a window of the web client, in which they stay logged in."""

    def __init__(self, chrome: Chrome, server: Server, name: str) -> None:
        self.page = Page(chrome, server)
        self.person = server.add_user(name)
        self.page.open(self.person)
        self.token = ""

    def enter(self, token: str) -> None:
        """Open a room."""
        self.token = token
        self.page.chrome.get(f"{self.page.server.url}/call/{token}")
        self.page.find("textarea", "Write a message")

    def refresh(self) -> None:
        """Use the API again after the clients of the test before were closed."""
        self.person = Person(self.page.server.client(self.person.id), self.person.id)


W = TypeVar("W", bound=Window)


def open_two(kind: Callable[[Chrome, Server, str], W], chrome: Chrome, server: Server) -> tuple[W, W]:
    """Return two windows, of Ann and Ben."""
    ann = kind(chrome, server, "ann")
    new_window(chrome)
    return ann, kind(chrome, server, "ben")


def enter_new_room(windows: tuple[W, W]) -> tuple[W, W]:
    """Let Ann and Ben enter a new room in their windows, and return these."""
    for each in windows:
        each.refresh()
    ann, ben = windows
    token = ann.person.create_room(name="Harbour")
    ann.person.add(token, ben.person)
    for each in windows:
        each.enter(token)
    return windows


@pytest.fixture(scope="module")
def web_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium for the tests of a file."""
    with running(tmp_path_factory.mktemp("web")) as chrome:
        chrome.set_window_size(1280, 800)
        yield chrome


def new_window(chrome: Chrome) -> None:
    """Open a window with cookies of its own, and turn to it."""
    context = chrome.browser.create_user_context()
    chrome.switch_to.window(chrome.browsing_context.create(type="window", user_context=context))
    chrome.set_window_size(1280, 800)


@pytest.fixture
def page(web_browser: Chrome, sqlite_server: Server) -> Page:
    """A browser in the web client."""
    return Page(web_browser, sqlite_server)


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Server:
    """The server of `owner` and `member`: that for calls in tests that use it, else that of `page`."""
    name = "call_server" if "call_server" in request.fixturenames else "sqlite_server"
    server: Server = request.getfixturevalue(name)
    return server


@pytest.fixture
def token(owner: Person, member: Person) -> str:
    """A public room of both."""
    token = owner.create_room(PUBLIC, "Harbour")
    owner.add(token, member)
    return token


@pytest.fixture
def enter(call_browser: Chrome, call_server: Server, link: str) -> Iterator[Callable[..., "CallPage"]]:
    """Returns the web client of a guest in the room of `link`, or of a person there or elsewhere.

    The console shows no error in the end.
    """
    from browser.web.call_pages import CallPage

    pages: list[CallPage] = []

    def enter_room(person: Person | None = None, path: str = f"/call/{link}") -> "CallPage":
        page = CallPage(call_browser, call_server)
        pages.append(page)
        if person is None:
            page.enter_as_guest(link)
        else:
            page.open(person, path)
        return page

    yield enter_room
    errors = [error for page in pages for error in page.errors() if "/cloud/user" not in error]  # asks who is logged in
    for page in pages:
        page.close()
    assert not errors, "\n".join(errors)
