"""Files, and what opens from them, have no faults that axe-core finds by the rules of WCAG 2.2 AA."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from browser.conftest import FOR_CALLS, running
from browser.web.audits import AXE, Audit
from browser.web.conftest import Page
from browser.web.file_pages import choose, picture, send, sound
from support.parts import BARRIERS
from support.people import Person

pytestmark = BARRIERS.skip_if(not AXE.is_file())


@pytest.fixture(scope="module")
def web_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium with a microphone."""
    with running(tmp_path_factory.mktemp("files"), *FOR_CALLS) as chrome:
        chrome.set_window_size(1280, 800)
        yield chrome


@pytest.fixture
def audit(page: Page) -> Iterator[Audit]:
    audit = Audit(page)
    yield audit
    assert not audit.faults, "\n".join(audit.faults)


def test_files_and_what_opens_from_them(audit: Audit, owner: Person, token: str, tmp_path: Path) -> None:
    page = audit.page
    send(owner, token, "sea.png", picture(), caption="The sea today")
    send(owner, token, "a very long name " * 10 + ".txt", b"fish")
    send(owner, token, "song.wav", sound())
    send(owner, token, "voice.wav", sound(), messageType="voice-message")
    page.open(owner, f"/call/{token}")
    page.find("button", "Play voice message")
    audit.see_on_phone_too("messages")
    file = tmp_path / "list.txt"
    file.write_bytes(bytes(1_000_000))
    choose(page, [file])
    page.find("dialog h2", "Send 1 file")
    audit.see_on_phone_too("before sending")
    page.set_network(is_there=False)
    page.click("Send")
    page.shows("Waiting for the connection")
    audit.see_on_phone_too("on its way")
    page.click("Cancel sending list.txt")
    page.set_network(is_there=True)
    page.click("Voice message")
    page.find("button", "Stop recording")
    audit.see_on_phone_too("recording")
    page.wait(lambda: page.run("return document.querySelector('dialog[open] time').innerText") == "0:02")
    page.click("Stop recording")
    page.find("button", "Record again")
    audit.see_on_phone_too("recorded")
    page.keys(Keys.ESCAPE)
    page.click("Details")
    page.click("Shared")
    page.find("aside button", "Play voice message")
    audit.see_on_phone_too("panel")
    page.run("arguments[0].click()", page.find("aside button", "Show sea.png"))
    page.find("button", "Zoom in")
    audit.see_on_phone_too("viewer")


def test_pictures_side_by_side(audit: Audit, owner: Person, token: str) -> None:
    page = audit.page
    for number in range(5):
        send(owner, token, f"{number}.png", picture(blue=40 * number))
    message = next(each for each in owner.history(token) if "file" in each["messageParameters"])
    owner.post(f"v1/reaction/{token}/{message['id']}", reaction="👍")
    page.open(owner, f"/call/{token}")
    page.run("arguments[0].focus()", page.find("button", "Show 0.png"))
    page.find("button", "React")
    audit.see_on_phone_too("five pictures")
    page.press("Show all 5 pictures")
    page.find("button", "Show 4.png")
    audit.see_on_phone_too("all pictures")
