"""What is different where there is little space, and fingers in place of a mouse and a keyboard."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Page
from support.people import GROUP, Person

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
FIELD = "Write a message"
MARKED = "return document.querySelector(':focus-visible') !== null"
LAST_IS_SEEN = """
const done = arguments[0], start = performance.now();
const look = now => {
  const [list, items] = [document.querySelector("[role=log]"), document.querySelectorAll(".item")];
  const [seen, last] = [list, [...items].at(-1)].map(each => each.getBoundingClientRect());
  const isSeen = last.bottom <= seen.bottom + 1 && last.top >= seen.top;
  if (isSeen || now > start + 1000) done(isSeen);
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""Whether the last message is seen within a second. Later, other things might have moved the list."""
HEIGHT = "return document.querySelector('textarea').clientHeight"


@pytest.fixture
def phone(page: Page) -> Iterator[Page]:
    """A browser with the screen of a phone."""
    chrome = page.chrome
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    yield page
    chrome.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.fixture
def token(owner: Person) -> str:
    token = owner.create_room(GROUP, "Harbour")
    for number in range(40):
        owner.say(token, f"Ship {number}")
    return token


def tap(page: Page, selector: str) -> None:
    """Tap the middle of an element with a finger."""
    box = "const {x, y, width, height} = document.querySelector(arguments[0]).getBoundingClientRect();"
    x, y = page.wait(lambda: page.run(box + "return [x + width / 2, y + height / 2]", selector))
    for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
        page.chrome.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_the_last_message_stays_above_what_is_written(phone: Page, owner: Person, token: str) -> None:
    phone.open(owner, f"/call/{token}")
    phone.shows("Ship 39")
    phone.wait(lambda: phone.chrome.execute_async_script(LAST_IS_SEEN))
    before = phone.run(HEIGHT)
    phone.find("textarea", FIELD).send_keys(Keys.ENTER.join(f"Line {number}" for number in range(8)))
    phone.wait(lambda: phone.run(HEIGHT) > before + 100)
    assert phone.chrome.execute_async_script(LAST_IS_SEEN)
    assert len(owner.texts(token)) == 40  # a keyboard on a screen has no other key for a new line


def test_only_keys_mark_what_has_the_focus(phone: Page, owner: Person, token: str) -> None:
    phone.open(owner, f"/call/{token}")
    phone.shows("Ship 39")
    assert not phone.run(MARKED)
    tap(phone, "button[aria-label='Back']")
    phone.wait(lambda: phone.run("return document.querySelector('.room').checkVisibility()") is False)
    tap(phone, f"a[data-token='{token}']")
    phone.wait(lambda: phone.run("return document.querySelector('.room').checkVisibility()"))
    phone.shows("Ship 39")
    assert not phone.run(MARKED)
    phone.keys(Keys.TAB)
    assert phone.run(MARKED)
