"""People send files, pictures and voice messages to each other in the web client."""

import base64
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys

from browser.conftest import FOR_CALLS, running
from browser.web.conftest import enter_new_room, open_two
from browser.web.file_pages import GIVE, PIECE, Sharing, large_photo, picture, send, sound
from support.files import Files
from support.running import Server
from talkd.areas.files.contents import Contents
from talkd.areas.files.model import Limits

FOLDERS = r"""
const names = performance.getEntriesByType("resource").map(each => /web-file-upload-\w+/.exec(each.name)?.[0]);
return [...new Set(names.filter(Boolean))];
"""
"""The folders to which this page has sent pieces of files."""


NOTE_FRAMES = """
window.frames = [];
let before = performance.now();
requestAnimationFrame(function note(now) {
  window.frames.push(now - before);
  before = now;
  requestAnimationFrame(note);
});
"""


@pytest.fixture(scope="module")
def web_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium with a microphone, for the tests of this file."""
    with running(tmp_path_factory.mktemp("files"), *FOR_CALLS) as chrome:
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


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@contextmanager
def changed(thing: object, name: str, value: object) -> Iterator[None]:
    """Give a setting of a server another value for a while."""
    before = getattr(thing, name)
    setattr(thing, name, value)
    yield
    setattr(thing, name, before)


def test_chosen_files_are_seen_before_they_are_sent_and_arrive_in_order(
    pair: tuple[Sharing, Sharing], tmp_path: Path
) -> None:
    ann, ben = pair
    ann.page.fill("Write a message", "Look at this")
    ann.choose(
        write(tmp_path, "sea.png", picture()),
        write(tmp_path, "list.txt", b"fish"),
        write(tmp_path, "secret.txt", b"secret"),
        write(tmp_path, "map.pdf", b"%PDF-1.4"),
    )
    ann.page.find("dialog h2", "Send 4 files")
    ann.page.click("Remove secret.txt")
    ann.page.find("dialog h2", "Send 3 files")
    assert ann.page.find("textarea", "Caption").get_attribute("value") == "Look at this"
    ann.page.click("Send")
    sent = ann.has_sent("sea.png", "list.txt", "map.pdf")
    assert [text for text, _ in sent] == ["{file}", "{file}", "Look at this"]
    assert [ben.content(file) for _, file in sent[1:]] == [b"fish", b"%PDF-1.4"]
    for name in ("list.txt", "map.pdf"):
        link = ben.page.find("a", f"Download {name}")
        assert "/f/" in str(link.get_attribute("href"))
    assert ben.shows("Look at this")
    assert ann.page.find("textarea", "Write a message").get_attribute("value") == ""


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_pasted_and_dropped_files_are_sent(pair: tuple[Sharing, Sharing], way: str) -> None:
    ann, ben = pair
    given = [["image.png", "image/png", base64.b64encode(picture()).decode()]]
    assert ann.page.run(GIVE, way, given)
    ann.page.find("dialog h2", "Send 1 file")
    ann.page.fill("Caption", "The pier" + Keys.ENTER)
    assert ben.shows("The pier")
    [(_, file)] = ann.files()
    assert file["name"].startswith("Picture 20")
    assert ben.content(file) == picture()
    assert ben.sees_picture(file["name"])


def test_a_connection_that_is_lost_in_the_middle_costs_nothing(pair: tuple[Sharing, Sharing], tmp_path: Path) -> None:
    ann, ben = pair
    content = random.Random(1).randbytes(int(3.5 * PIECE))
    ann.choose(write(tmp_path, "film.bin", content), write(tmp_path, "after.txt", b"after"))
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 12_000_000}
    ann.page.chrome.execute_cdp_cmd("Network.enable", {})
    ann.page.chrome.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    ann.page.click("Send")
    ann.has_uploaded(PIECE)
    ann.page.set_network(is_there=False)
    assert ann.shows("Waiting for the connection …")
    ann.page.set_network(is_there=True)
    sent = ann.has_sent("film.bin", "after.txt")
    assert ben.content(sent[0][1]) == content
    assert ben.shows("after.txt")


def test_a_cancelled_file_is_sent_to_nobody_and_removed(pair: tuple[Sharing, Sharing], tmp_path: Path) -> None:
    ann, ben = pair
    ann.choose(write(tmp_path, "film.bin", bytes(3 * PIECE)))
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000_000}
    ann.page.chrome.execute_cdp_cmd("Network.enable", {})
    ann.page.chrome.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    try:
        ann.page.click("Send")
        ann.has_uploaded(1)
        ann.page.click("Cancel sending film.bin")
        ann.lacks("film.bin")
    finally:
        ann.page.set_network(is_there=True)
    [folder] = ann.page.run(FOLDERS)
    uploads = Files(ann.person, f"/remote.php/dav/uploads/{ann.person.id}")
    ann.page.wait(lambda: uploads.status("PROPFIND", f"/{folder}") == 404)
    assert ben.files() == []


def test_pictures_are_seen_one_after_the_other_by_keyboard(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    for name, color in (("one.png", 10), ("two.png", 90), ("three.png", 200)):
        send(ann.person, ann.token, name, picture(1600, 1200, blue=color))
    page = ben.page
    assert ben.sees_picture("three.png")
    page.press("Show three.png")
    title, scale = (
        "return document.querySelector('dialog[open] header b').innerText",
        ("return new DOMMatrix(getComputedStyle(document.querySelector('dialog[open] img')).transform).a"),
    )
    page.wait(lambda: page.run(title) == "three.png")
    page.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    page.wait(lambda: page.run(title) == "one.png")
    page.keys(Keys.ARROW_RIGHT)
    page.wait(lambda: page.run(title) == "two.png")
    page.keys("+", "+")
    page.wait(lambda: page.run(scale) == 2.25)
    source = "return document.querySelector('dialog[open] img').getAttribute('src')"
    page.wait(lambda: page.run(source).startswith("/f/"))
    page.keys("-", "-")
    page.wait(lambda: page.run(scale) == 1)
    page.find("a", "Download two.png")
    page.keys(Keys.ESCAPE)
    page.wait(lambda: page.run("return document.activeElement.getAttribute('aria-label')") == "Show three.png")


def test_the_viewer_leads_to_the_message_of_a_picture(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    send(ann.person, ann.token, "old.png", picture(), caption="The oldest picture")
    for number in range(120):
        ann.person.say(ann.token, f"line {number}")
    send(ann.person, ann.token, "new.png", picture())
    ben.enter(ben.token)
    assert ben.sees_picture("new.png")
    page = ben.page
    page.press("Show new.png")
    page.find("dialog button", "Previous")
    page.keys(Keys.ARROW_LEFT)
    page.wait(lambda: page.run("return document.querySelector('dialog[open] header b').innerText") == "old.png")
    page.click("Show in the conversation")
    assert ben.shows("The oldest picture")


def test_a_voice_message_is_recorded_listened_to_and_played(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    page = ann.page
    page.click("Voice message")
    seconds = "return document.querySelector('dialog[open] time')?.innerText"
    page.wait(lambda: page.run(seconds) == "0:02")
    page.click("Stop recording")
    page.wait(lambda: page.run("return document.querySelector('dialog[open] audio')?.duration > 1"))
    page.click("Send")
    page.wait(lambda: len(ann.files()) == 1)
    [message] = [each for each in ann.person.history(ann.token) if "file" in each["messageParameters"]]
    assert message["messageType"] == "voice-message"
    content = ben.content(message["messageParameters"]["file"])
    assert content.startswith(b"RIFF")
    assert 32_000 < len(content) < 200_000
    bars = "return [...document.querySelectorAll('.voice rect')].filter(each => each.height.baseVal.value > 5).length"
    ben.page.wait(lambda: ben.page.run(bars) > 3)
    ben.page.press("Play voice message")
    position = "return Number(document.querySelector('.voice input').value)"
    ben.page.wait(lambda: ben.page.run(position) > 100)
    ben.page.find("button", "Pause")
    ben.page.wait(lambda: ben.page.run("return document.querySelector('.voice audio').paused"))
    ben.page.run("document.querySelector('.voice input').focus()")
    ben.page.keys(Keys.ARROW_RIGHT)
    ben.page.wait(lambda: ben.page.run("return document.querySelector('.voice audio').currentTime") > 0.5)


def test_a_refused_microphone_is_told_in_words(pair: tuple[Sharing, Sharing]) -> None:
    ann, _ = pair
    refuse = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    ann.page.run(refuse)
    ann.page.click("Voice message")
    assert ann.page.shows("The microphone was refused.")
    ann.page.keys(Keys.ESCAPE)
    assert ann.page.lacks("The microphone was refused.")


def test_the_panel_lists_files_by_kind(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    for number in range(12):
        send(ann.person, ann.token, f"picture {number}.png", picture(40, 30, blue=number))
    send(ann.person, ann.token, "list.txt", b"fish")
    send(ann.person, ann.token, "voice.wav", sound(), messageType="voice-message")
    page = ben.page
    page.click("Details")
    page.click("Shared")
    page.find("aside a", "Download list.txt")
    page.find("aside button", "Play voice message")
    count = "return document.querySelectorAll('aside section li button img').length"
    page.wait(lambda: page.run(count) == 10)
    page.click("Show more")
    page.wait(lambda: page.run(count) == 12)
    page.run("arguments[0].click()", page.find("aside button", "Show picture 0.png"))
    page.wait(lambda: page.run("return document.querySelector('dialog[open] header b').innerText") == "picture 0.png")
    page.keys(Keys.ESCAPE)


def test_a_file_that_is_no_longer_there_is_told_in_words(pair: tuple[Sharing, Sharing], tmp_path: Path) -> None:
    ann, _ = pair
    path = write(tmp_path, "list.txt", b"fish")
    ann.choose(path)
    ann.page.find("dialog h2", "Send 1 file")
    path.unlink()
    ann.page.click("Send")
    assert ann.shows("The file was changed or removed.")


def test_the_wheel_enlarges_a_picture_and_the_mouse_moves_it(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    send(ann.person, ann.token, "sea.png", picture(1600, 1200))
    page = ben.page
    assert ben.sees_picture("sea.png")
    page.press("Show sea.png")
    shown = page.wait(lambda: page.chrome.find_element("css selector", "dialog[open] img"))
    place = "const {a, e, f} = new DOMMatrix(getComputedStyle(arguments[0]).transform); return [a, e, f]"
    ActionChains(page.chrome).scroll_from_origin(ScrollOrigin.from_element(shown), 0, -400).perform()
    page.wait(lambda: page.run(place, shown)[0] > 2)
    before = page.run(place, shown)
    ActionChains(page.chrome).move_to_element(shown).click_and_hold().move_by_offset(-50, 30).release().perform()
    page.wait(lambda: page.run(place, shown) == [before[0], before[1] - 50, before[2] + 30])
    page.keys("0")
    page.wait(lambda: page.run(place, shown) == [1, 0, 0])
    page.keys(Keys.ESCAPE)


def test_a_large_photo_does_not_stop_the_page(pair: tuple[Sharing, Sharing], tmp_path: Path) -> None:
    ann, _ = pair
    photo = write(tmp_path, "photo.jpg", large_photo())
    assert photo.stat().st_size > 15_000_000
    ann.page.run(NOTE_FRAMES)
    ann.choose(photo)
    ann.page.wait(lambda: ann.page.run("return document.querySelector('dialog[open] canvas:not([hidden])')"))
    longest = ann.page.run("return Math.max(...window.frames)")
    assert longest < 1000
    ann.page.keys(Keys.ESCAPE)


@pytest.mark.parametrize("size", [2_000_000, 9_000_000, 12_000_000])
def test_a_file_that_is_too_large_is_refused_in_words_and_can_be_discarded(
    pair: tuple[Sharing, Sharing], tmp_path: Path, size: int
) -> None:
    ann, ben = pair
    with changed(ann.page.server.config.files, "max_file", 1_000_000):
        ann.choose(write(tmp_path, "film.bin", bytes(size)), write(tmp_path, "list.txt", b"fish"))
        ann.page.click("Send")
        assert ann.shows("The file is larger than the server allows.")
    assert ben.shows("list.txt")
    ann.page.click("Try again")
    assert ben.shows("film.bin")
    with changed(ann.page.server.config.files, "max_file", 1):
        ann.choose(write(tmp_path, "other.bin", bytes(size)))
        ann.page.click("Send")
        assert ann.shows("The file is larger than the server allows.")
        ann.page.click("Discard")
        assert ann.lacks("other.bin")


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (Limits(quota=1), "There is no space left for it on the server."),
        (Limits(types=("image/*",)), "The server does not take this file."),
    ],
)
def test_refusals_are_told_in_words(pair: tuple[Sharing, Sharing], tmp_path: Path, limits: Limits, text: str) -> None:
    ann, _ = pair
    with changed(ann.page.server.app.world[Contents], "limits", limits):
        ann.choose(write(tmp_path, "list.txt", b"fish"))
        ann.page.click("Send")
        assert ann.shows(text)
    ann.page.click("Try again")
    ann.has_sent("list.txt")


def test_a_received_picture_is_forwarded_with_its_caption(pair: tuple[Sharing, Sharing]) -> None:
    ann, ben = pair
    quay = ben.person.create_room(name="Quay")
    send(ann.person, ann.token, "sea.png", picture(), caption="The sea today")
    assert ben.sees_picture("sea.png")
    ben.page.press("More")
    ben.page.click("Forward")
    ben.page.find("dialog h2", "Forward to")  # before it, the list of conversations has a field of the same name
    ben.page.fill("Search conversations", "Quay")
    ben.page.click("Quay")
    assert ben.page.shows("Forwarded to Quay.")
    ben.enter(quay)
    [(text, file)] = ben.has_sent("sea.png")
    assert text == "The sea today"
    assert ben.sees_picture("sea.png")
    assert ben.content(file) == picture()
