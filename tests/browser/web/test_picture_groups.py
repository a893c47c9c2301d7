"""Pictures that somebody sends one after the other are shown side by side in the web client."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from browser.conftest import FOR_CALLS, running
from browser.web.conftest import enter_new_room, open_two
from browser.web.file_pages import Sharing, picture, send
from support.people import Person
from support.running import Server

TITLE = "return document.querySelector('dialog[open] header b')?.innerText"
TILES = "return [...document.querySelectorAll('.item .tile > button')].map(each => each.ariaLabel)"
HEIGHTS = """
const heights = window.heights = new Set();
new MutationObserver(() => {
  for (const each of document.querySelectorAll(".item .file")) heights.add(each.offsetHeight);
}).observe(document, {childList: true, subtree: true, attributes: true});
"""
"""Notes which heights the files in the list have, from now on."""


@pytest.fixture(scope="module")
def web_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium in which all windows run."""
    with running(tmp_path_factory.mktemp("groups"), *FOR_CALLS) as chrome:
        chrome.set_window_size(1280, 800)
        yield chrome


@pytest.fixture(scope="module")
def windows(web_browser: Chrome, servers: Callable[[str], Server]) -> tuple[Sharing, Sharing]:
    """Two windows, in which Ann and Ben stay logged in."""
    return open_two(Sharing, web_browser, servers("sqlite"))


@pytest.fixture
def pair(windows: tuple[Sharing, Sharing], sqlite_server: Server) -> tuple[Sharing, Sharing]:
    """Ann and Ben in a new room, which both see."""
    return enter_new_room(windows)


def send_pictures(person: Person, token: str, count: int, caption: str = "") -> list[int]:
    """Send pictures one after the other, the last one with a caption. Return the ids of their messages."""
    for number in range(count):
        more = {"caption": caption} if caption and number == count - 1 else {}
        send(person, token, f"{number}.png", picture(400, 300, blue=20 * number), **more)
    return [each["id"] for each in reversed(person.history(token)) if "file" in each["messageParameters"]]


def deleted_in(window: Sharing) -> list[int]:
    """Return the ids of the deleted messages of the room."""
    return [each["id"] for each in window.person.history(window.token) if each["messageType"] == "comment_deleted"]


def test_pictures_sent_together_are_one_grid_with_their_caption(pair: tuple[Sharing, Sharing], tmp_path: Path) -> None:
    ann, ben = pair
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(picture())
    ann.choose(*paths)
    ann.page.find("dialog h2", "Send 3 files")
    ann.page.fill("Caption", "From the pier" + Keys.ENTER)
    ann.has_sent("0.png", "1.png", "2.png")
    for each in (ann, ben):
        each.page.find("ul", "3 pictures")
        assert each.shows("From the pier")
        assert each.page.run(TILES) == ["Show 0.png", "Show 1.png", "Show 2.png"]
    label = "return document.querySelector('.item:has(.tile)').ariaLabel"
    assert ben.page.run(label).endswith(": 3 pictures, From the pier")


def test_many_pictures_are_counted_and_can_all_be_shown(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    page = ben.page
    page.run(HEIGHTS)
    send_pictures(ann.person, ann.token, 6)
    page.wait(lambda: page.run(TILES)[-1:] == ["Show 3.png and 2 more"])
    assert len(page.run(TILES)) == 4
    assert ben.sees_picture("2.png")
    assert set(page.run("return [...window.heights]")) <= {240, 158, 280}  # of one, of two, of three, of more
    page.press("Show 3.png and 2 more")
    page.wait(lambda: page.run(TITLE) == "3.png")
    page.keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.run(TITLE) == "4.png")
    page.keys(Keys.ESCAPE)
    page.press("Show all 6 pictures")
    page.wait(lambda: page.run(TILES)[-1] == "Show 5.png")
    assert len(page.run(TILES)) == 6


def test_each_picture_of_a_grid_is_answered_and_deleted_by_itself(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    ids = send_pictures(ann.person, ann.token, 3, "The harbour")
    page = ann.page
    page.find("ul", "3 pictures")
    page.run("arguments[0].focus()", page.find("button", "Show 0.png"))
    page.keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.run("return document.activeElement.ariaLabel") == "Show 1.png")
    page.keys(Keys.TAB)
    page.wait(lambda: page.run("return document.activeElement.ariaLabel") == "Reply")
    page.keys(Keys.ENTER)
    page.fill("Write a message", "This one" + Keys.ENTER)
    page.wait(lambda: ann.person.history(ann.token)[0].get("parent", {}).get("id") == ids[1])
    page.run("arguments[0].focus()", page.find("button", "Show 1.png"))
    page.keys(Keys.TAB, Keys.TAB, Keys.TAB, Keys.ENTER)
    page.click("Delete")
    page.wait(lambda: deleted_in(ann) == [ids[1]])
    assert ben.shows("This message was deleted.")
    assert ben.sees_picture("0.png")
    assert ben.sees_picture("2.png")


def test_a_reaction_is_shown_on_its_picture_and_a_link_leads_to_a_hidden_one(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    ids = send_pictures(ann.person, ann.token, 6)
    ann.person.post(f"v1/reaction/{ann.token}/{ids[1]}", reaction="👍")
    ann.person.post(f"v1/reaction/{ann.token}/{ids[5]}", reaction="🎉")
    page = ben.page
    on_tile = "return document.querySelectorAll('.tile')[1]?.querySelector('.reactions')?.innerText.trim()"
    page.wait(lambda: page.run(on_tile) == "👍 1")
    assert ben.shows("🎉 1")
    page.run("location.hash = arguments[0]", f"message_{ids[5]}")
    page.run("dispatchEvent(new PopStateEvent('popstate'))")
    page.wait(lambda: page.run("return document.querySelector('.tile.marked > button')?.ariaLabel") == "Show 5.png")


@pytest.mark.parametrize("width", [1280, 340])
def test_a_grid_fits_into_its_window(pair: tuple[Sharing, Sharing], width: int) -> None:
    ann, ben = pair
    send_pictures(ann.person, ann.token, 5)
    page = ben.page
    page.wait(lambda: page.run(TILES)[-1:] == ["Show 3.png and 1 more"])
    size = {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    page.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.run("arguments[0].focus()", page.find("button", "Show 0.png"))
    page.press("React")
    page.wait(lambda: page.run("return !!document.querySelector('.quick')"))
    outside = """
      const log = document.querySelector('[role=log]').getBoundingClientRect();
      return [...document.querySelectorAll('.tile, .tile .tools, .quick')].filter(each => {
        const {left, right} = each.getBoundingClientRect();
        return left < log.left || right > log.right;
      }).map(each => each.className);
    """
    assert page.run(outside) == []
    page.chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_preview_that_does_not_arrive_is_tried_again_in_its_place(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    page = ben.page
    page.chrome.execute_cdp_cmd("Network.enable", {})
    page.chrome.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*core/preview*"]})
    send(ann.person, ann.token, "sea.png", picture())
    height = "return document.querySelector('.item .file').offsetHeight"
    page.wait(lambda: page.run("return document.querySelector('.item .lost')?.innerText") == "sea.png")
    before = page.run(height)
    page.chrome.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    assert ben.sees_picture("sea.png")
    assert page.run(height) == before == 240
    assert page.run("return document.querySelector('.item .lost')") is None
