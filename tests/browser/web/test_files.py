"""People send files, pictures and voice messages to each other in the web client."""

import base64
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from browser.conftest import FOR_CALLS, running
from browser.web.conftest import open_two
from browser.web.file_pages import GIVE, PIECE, Sharing, picture
from support.files import Files
from support.running import Server

FOLDERS = r"""
const names = performance.getEntriesByType("resource").map(each => /web-file-upload-\w+/.exec(each.name)?.[0]);
return [...new Set(names.filter(Boolean))];
"""
"""The folders to which this page has sent pieces of files."""


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
    for each in windows:
        each.refresh()
    ann, ben = windows
    token = ann.person.create_room(name="Harbour")
    ann.person.add(token, ben.person)
    for each in windows:
        each.enter(token)
    return windows


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


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
        ann.page.lacks("film.bin")
    finally:
        ann.page.set_network(is_there=True)
    [folder] = ann.page.run(FOLDERS)
    uploads = Files(ann.person, f"/remote.php/dav/uploads/{ann.person.id}")
    ann.page.wait(lambda: uploads.status("PROPFIND", f"/{folder}") == 404)
    assert ben.files() == []
