"""The browser notifies of messages in rooms that are not open, once in all tabs, and a click opens the message."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from browser.web.conftest import Page
from support.people import GROUP, Person
from support.running import Server

SHOWN = """
return JSON.parse(localStorage.shown ?? "[]").filter(each => each[2].includes(arguments[0]))
"""
"""Notifications that some tab has shown. Those that the browser lists may lack one that was shown a moment ago."""
LISTED = """
const token = arguments[0];
return navigator.serviceWorker.ready.then(worker => worker.getNotifications())
  .then(all => all.filter(each => each.data.includes(token)).length)
"""
LISTEN = """
if (window.sounds !== undefined) return;
window.sounds = 0;
AudioContext.prototype.resume = () => (window.sounds++, Promise.resolve());
window.badges = [];
navigator.setAppBadge = count => (window.badges.push(count), Promise.resolve());
navigator.clearAppBadge = () => (window.badges.push(0), Promise.resolve());
const show = ServiceWorkerRegistration.prototype.showNotification;
ServiceWorkerRegistration.prototype.showNotification = async function (title, { body, data, ...others }) {
  await show.call(this, title, { body, data, ...others });
  localStorage.shown = JSON.stringify([...JSON.parse(localStorage.shown ?? "[]"), [title, body, data]]);
};
"""
"""Counts sounds, and keeps notifications and what the badge of the app has shown."""


@pytest.fixture
def person(sqlite_server: Server) -> Person:
    return sqlite_server.add_user("reader")


@pytest.fixture
def friend(sqlite_server: Server) -> Person:
    return sqlite_server.add_user("friend")


@pytest.fixture
def token(person: Person, friend: Person) -> str:
    token = person.create_room(GROUP, "Harbour")
    person.add(token, friend)
    return token


@pytest.fixture
def allowed(web_browser: Chrome, page: Page) -> Page:
    """A browser that allows notifications."""
    permission = {"origin": page.server.url, "permissions": ["notifications"]}
    web_browser.execute_cdp_cmd("Browser.grantPermissions", permission)
    listen(page)
    return page


def listen(page: Page) -> None:
    """Let the page count its sounds and badges from the next visit on."""
    page.chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": f"(() => {{{LISTEN}}})()"})


@pytest.fixture
def second(web_browser: Chrome, allowed: Page) -> Iterator[Page]:
    """Another tab of the same browser."""
    window = web_browser.current_window_handle
    web_browser.switch_to.new_window("tab")
    second = Page(web_browser, allowed.server)
    listen(second)
    yield second
    second.chrome.close()
    web_browser.switch_to.window(window)


def come(page: Page, person: Person, path: str = "/") -> None:
    """Open a page, and wait until it has seen what is no news, and shows news by its service worker."""
    page.open(person, path)
    page.wait(lambda: page.run("return navigator.serviceWorker.getRegistration().then(each => each?.active?.state)"))
    page.wait(lambda: page.run("return localStorage.getItem(`talkd.notified.${arguments[0]}`)", person.id))


def texts(page: Page, token: str) -> list[str]:
    return [body for _, body, _ in page.run(SHOWN, token)]


def test_a_mention_is_notified_counted_and_opened_by_a_click(
    allowed: Page, person: Person, friend: Person, token: str
) -> None:
    page = allowed
    come(page, person)
    sent = friend.say(token, f"@{person.id} the ship is here")
    page.wait(lambda: page.run(SHOWN, token))
    page.wait(lambda: page.chrome.title == "(2) talkd")  # this room and the news of talkd
    [[title, body, link]] = page.run(SHOWN, token)
    assert "Friend" in title
    assert "Harbour" in title
    assert body == "@Reader the ship is here"
    page.run("navigator.serviceWorker.dispatchEvent(new MessageEvent('message', {data: arguments[0]}))", link)
    page.wait(lambda: page.chrome.current_url.endswith(f"/call/{token}#message_{sent['id']}"))
    assert page.shows("the ship is here")
    page.wait(lambda: page.chrome.title == "(1) talkd")


def test_nothing_is_notified_of_the_room_that_is_seen(
    allowed: Page, person: Person, friend: Person, token: str
) -> None:
    other = person.create_room(GROUP, "Crew")
    person.add(other, friend)
    page = allowed
    come(page, person, f"/call/{token}")
    page.find("textarea", "Write a message")
    friend.say(token, f"@{person.id} look here")
    assert page.shows("look here")
    friend.say(other, f"@{person.id} and there")
    page.wait(lambda: "@Reader and there" in texts(page, other))
    assert texts(page, token) == []
    assert page.run("return window.sounds") == 1


def test_one_of_several_tabs_notifies(allowed: Page, second: Page, person: Person, friend: Person, token: str) -> None:
    first = allowed
    come(first, person)
    second.chrome.get(second.server.url)
    second.shows("Harbour")
    friend.say(token, f"@{person.id} the ship is here")
    first.wait(lambda: first.chrome.title == "(2) talkd")
    second.wait(lambda: second.chrome.title == "(2) talkd")
    first.wait(lambda: texts(first, token) == ["@Reader the ship is here"])
    assert first.run("return window.sounds") + second.run("return window.sounds") == 1

    second.chrome.get(f"{second.server.url}/call/{token}")
    second.shows("the ship is here")
    first.wait(lambda: first.run(LISTED, token) == 0)
    before = first.run("return window.sounds")
    friend.say(token, f"@{person.id} look here")
    assert second.shows("look here")
    other = person.create_room(GROUP, "Crew")
    person.add(other, friend)
    friend.say(other, f"@{person.id} and there")
    first.wait(lambda: "@Reader and there" in texts(first, other))
    assert texts(first, token) == ["@Reader the ship is here"]
    assert first.run("return window.sounds") + second.run("return window.sounds") == before + 1


def test_levels_and_silence_are_obeyed(allowed: Page, person: Person, friend: Person, token: str) -> None:
    page = allowed
    level = {}
    for name, number in (("always", 1), ("mention", 2), ("never", 3), ("calls", 3), ("no calls", 1)):
        level[name] = person.create_room(GROUP, name)
        person.add(level[name], friend)
        person.post(f"v4/room/{level[name]}/notify", level=number)
        person.post(f"v4/room/{level[name]}/notify-calls", level=int(name == "calls"))
    come(page, person)
    for name in ("always", "mention", "never"):
        friend.say(level[name], "without a name")
        friend.say(level[name], f"@{person.id} with a name")
        friend.say(level[name], f"@{person.id} quietly", silent=True)
    for name in ("no calls", "calls"):
        friend.join(level[name])
        friend.post(f"v4/call/{level[name]}")
        friend.delete(f"v4/call/{level[name]}")
    friend.say(token, f"@{person.id} at last")
    page.wait(lambda: texts(page, token) == ["@Reader at last"])
    assert sorted(texts(page, level["always"])) == ["@Reader with a name", "without a name"]
    assert texts(page, level["mention"]) == ["@Reader with a name"]
    assert texts(page, level["never"]) == []
    assert len(texts(page, level["calls"])) == 1
    assert texts(page, level["no calls"]) == []


def test_what_was_read_or_belongs_to_a_login_that_has_ended_is_no_longer_shown(
    allowed: Page, person: Person, friend: Person, token: str
) -> None:
    page = allowed
    come(page, person)
    friend.say(token, f"@{person.id} the ship is here")
    page.wait(lambda: texts(page, token))
    page.wait(lambda: page.run("return window.badges.at(-1)") == 2)
    person.post(f"v1/chat/{token}/read")
    page.wait(lambda: page.run(LISTED, token) == 0)
    page.wait(lambda: page.chrome.title == "(1) talkd")
    assert page.run("return window.badges.at(-1)") == 1
    friend.say(token, f"@{person.id} the ship has left")
    page.wait(lambda: len(texts(page, token)) == 2)
    page.click("Settings")
    page.click("Log out")
    page.shows("Log in to talk in this browser")
    page.wait(lambda: page.run(LISTED, token) == 0)


def test_nothing_is_shown_before_the_reader_wants_it(page: Page, person: Person, friend: Person, token: str) -> None:
    page.chrome.execute_cdp_cmd("Browser.resetPermissions", {})
    listen(page)
    come(page, person)
    page.find("button", "Show notifications while talkd is open")
    friend.say(token, f"@{person.id} hello")
    page.wait(lambda: page.chrome.title == "(2) talkd")
    assert page.run(SHOWN, token) == []
