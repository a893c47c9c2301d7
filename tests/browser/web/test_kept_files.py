"""Files on their way survive a reload of the web client, a lost page, and a second page. They are sent once."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from browser.conftest import FOR_CALLS, running
from browser.web.conftest import Page
from browser.web.file_pages import PIECE, Sharing, choose
from support.people import Person
from support.running import Server

SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000_000}
KEPT = """
const done = arguments[arguments.length - 1];
indexedDB.databases().then(async found => {
  const counts = await Promise.all(found.filter(each => each.name.startsWith("talkd.uploads")).map(({name}) =>
    new Promise(resolve => {
      const asked = indexedDB.open(name);
      asked.onsuccess = () => {
        const all = asked.result.transaction("files").objectStore("files").count();
        all.onsuccess = () => { asked.result.close(); resolve(all.result); };
      };
    })));
  done(counts.reduce((total, each) => total + each, 0));
});
"""
"""How many entries the browser keeps: two for a file."""


class Sender(Sharing):
    """Somebody who may open a second page in the same browser."""

    def kept(self) -> int:
        count: int = self.page.chrome.execute_async_script(KEPT)
        return count

    def slow_down(self) -> None:
        self.page.chrome.execute_cdp_cmd("Network.enable", {})
        self.page.chrome.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW)

    def start(self, *paths: Path) -> None:
        """Send files slowly, and wait until they are kept and the first piece is at the server."""
        choose(self.page, paths)
        self.page.find("dialog h2", f"Send {len(paths)} file{'s' if len(paths) > 1 else ''}")
        self.slow_down()
        self.page.click("Send")
        self.has_uploaded(PIECE)
        self.page.wait(lambda: self.kept() == 2 * len(paths))


@pytest.fixture(scope="module")
def web_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium in which all tabs run."""
    with running(tmp_path_factory.mktemp("kept"), *FOR_CALLS) as chrome:
        chrome.set_window_size(1280, 800)
        yield chrome


@pytest.fixture
def ann(web_browser: Chrome, sqlite_server: Server) -> Iterator[Sender]:
    sender = Sender(web_browser, sqlite_server, "ann")
    sender.enter(sender.person.create_room(name="Harbour"))
    yield sender
    sender.page.set_network(is_there=True)
    sender.page.chrome.get(f"{sqlite_server.url}/static/icon.svg")


def write(folder: Path, name: str, size: int) -> Path:
    path = folder / name
    path.write_bytes(random.Random(size).randbytes(size))
    return path


def lacks_progress(page: Page) -> None:
    """Wait until the page shows no file on its way."""
    page.wait(lambda: not page.run("return document.querySelector('.item progress')"))


def requests_of(page: Page) -> int:
    """Return how many requests for pieces of files the page has sent since it was loaded."""
    names = "return performance.getEntriesByType('resource').map(each => each.name)"
    return sum(1 for name in page.run(names) if "web-file-upload" in name)


def test_an_upload_goes_on_after_a_reload(ann: Sender, tmp_path: Path) -> None:
    film, note = write(tmp_path, "film.bin", int(5.5 * PIECE)), write(tmp_path, "note.txt", 10)
    ann.start(film, note)
    ann.page.wait(lambda: requests_of(ann.page) >= 2)  # the folder, and a whole piece
    assert ann.kept() == 4  # read after what was written about the piece
    film_bytes = film.read_bytes()
    for path in (film, note):
        path.unlink()  # the browser has its own copy
    ann.page.chrome.refresh()
    ann.page.set_network(is_there=True)
    sent = ann.has_sent("film.bin", "note.txt")
    assert ann.content(sent[0][1]) == film_bytes
    assert requests_of(ann.page) <= 5 + 1  # one piece less than the file has, and what joins them
    ann.page.wait(lambda: ann.kept() == 0)


def test_a_page_that_crashes_loses_no_upload(ann: Sender, tmp_path: Path) -> None:
    film = write(tmp_path, "film.bin", int(3.5 * PIECE))
    ann.start(film)
    page = ann.page
    page.chrome.switch_to.new_window("tab")
    other = Page(page._chrome, page.server)
    page.chrome.close()
    page._chrome.switch_to.window(other._window)
    ann.page = other
    ann.enter(ann.token)
    sent = ann.has_sent("film.bin")
    assert ann.content(sent[0][1]) == film.read_bytes()


def test_a_second_page_shows_the_upload_and_takes_it_over_once(ann: Sender, tmp_path: Path) -> None:
    film = write(tmp_path, "film.bin", int(4.5 * PIECE))
    ann.start(film)
    first = ann.page
    first.chrome.switch_to.new_window("tab")
    second = Page(first._chrome, first.server)
    second.chrome.get(f"{second.server.url}/call/{ann.token}")
    value = "return document.querySelector('.item progress')?.value ?? 0"
    second.wait(lambda: second.run(value) >= PIECE)
    assert requests_of(second) == 0
    first.chrome.get(f"{first.server.url}/static/icon.svg")
    sent = ann.has_sent("film.bin")
    assert ann.content(sent[0][1]) == film.read_bytes()
    assert requests_of(second) > 0
    lacks_progress(second)
    second.chrome.close()


def test_a_second_page_cancels_what_the_first_one_sends(ann: Sender, tmp_path: Path) -> None:
    ann.start(write(tmp_path, "film.bin", int(4.5 * PIECE)))
    first = ann.page
    first.chrome.switch_to.new_window("tab")
    second = Page(first._chrome, first.server)
    second.chrome.get(f"{second.server.url}/call/{ann.token}")
    second.click("Cancel sending film.bin")
    for page in (first, second):
        lacks_progress(page)
    second.chrome.close()
    assert ann.kept() == 0
    assert ann.files() == []


def test_an_upload_to_a_room_that_is_gone_is_given_up_in_words(ann: Sender, owner: Person, tmp_path: Path) -> None:
    ann.start(write(tmp_path, "film.bin", int(3.5 * PIECE)))
    ann.page.set_network(is_there=False)
    ann.person.delete(f"v4/room/{ann.token}")
    ann.page.set_network(is_there=True)
    assert ann.page.shows("film.bin was not sent: the conversation is no longer there.")
    ann.page.wait(lambda: ann.kept() == 0)


def test_a_logout_asks_and_forgets_what_is_not_sent(ann: Sender, tmp_path: Path) -> None:
    ann.start(write(tmp_path, "film.bin", int(4.5 * PIECE)))
    ann.page.click("Settings")
    ann.page.click("Log out")
    assert ann.page.shows("1 file is not sent yet. It will not be sent if you log out.")
    ann.page.click("Log out")
    ann.page.set_network(is_there=True)
    assert ann.page.shows("Log in to talk in this browser")
    assert ann.kept() == 0
    ann.page.open(ann.person, f"/call/{ann.token}")
    ann.page.find("textarea", "Write a message")
    assert ann.files() == []
