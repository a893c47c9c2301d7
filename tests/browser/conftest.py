"""A Chromium and a running server. The tests are skipped if Chromium is not installed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from support.callers import Caller
from support.janus import SECRET, Janus, await_gateways
from support.parts import BROWSER
from support.people import PUBLIC, Person
from support.running import Server
from talkd.config import Config

Join = Callable[..., Caller]
Mode = Literal["sockets", "polls", "gateway"]

INTERNAL_SECRET = "the secret of internal clients"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FOR_CALLS = (
    "--use-fake-device-for-media-stream=fps=5",  # encoding more pictures would cost the tests time
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
"""A camera, a microphone and a screen without hardware, and tabs that all run."""


@contextmanager
def running(profile: Path, *more: str, logs_network: bool = False) -> Iterator[Chrome]:
    """Run a headless Chromium with a new profile. If asked, its log `performance` has what happens on the network."""
    if CHROMIUM is None or DRIVER is None:
        BROWSER.skip()
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    options.enable_bidi = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"} | ({"performance": "ALL"} if logs_network else {}))
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        # No process for a page that may never come, and addresses in calls that need no name server
        "--disable-features=SpareRendererForSitePerProcess,WebRtcHideLocalIpsWithMdns",
        f"--user-data-dir={profile}",
        *more,
    ):
        options.add_argument(argument)
    chrome = Chrome(options=options, service=Service(DRIVER))
    chrome.set_page_load_timeout(60)
    chrome.set_script_timeout(100)
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A headless Chromium with a new profile."""
    with running(tmp_path / "profile", logs_network=True) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def call_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium with a camera, for the tests of a file."""
    with running(tmp_path_factory.mktemp("calls"), *FOR_CALLS) as chrome:
        yield chrome


@pytest.fixture
def mode() -> Mode:
    """How clients of a call connect: by sockets or polls to each other, or by sockets and a media gateway."""
    return "sockets"


@pytest.fixture
def call_server(
    request: pytest.FixtureRequest, databases: Any, new_server: Callable[[Config], Server], mode: Mode
) -> Server:
    """A server whose clients ask no STUN server."""
    config: Config = databases.config("sqlite")
    config.calls.stun_servers = []
    config.calls.internal_secret = INTERNAL_SECRET
    if mode != "gateway":
        config.calls.signaling = mode
        return new_server(config)
    janus: Janus = request.getfixturevalue("janus")
    config.calls.janus, config.calls.janus_secret = [janus.url], SECRET
    server = new_server(config)
    await_gateways(server, 1)
    return server


@pytest.fixture
def home(call_server: Server) -> Server:
    """The server of `owner` and `member`."""
    return call_server


@pytest.fixture
def owner(home: Server) -> Person:
    return home.add_user("owner")


@pytest.fixture
def member(home: Server) -> Person:
    return home.add_user("member")


@pytest.fixture
def link(owner: Person, member: Person) -> str:
    """The token of a public room of both."""
    token = owner.create_room(PUBLIC)
    owner.add(token, member)
    return token


@pytest.fixture
def join(call_browser: Chrome, call_server: Server, link: str) -> Iterator[Join]:
    """Returns a new participant in the room of `link`."""
    joined: list[Caller] = []

    def join_room(user: Person | None = None, **options: Any) -> Caller:
        joined.append(Caller(call_browser, call_server, link, user, **options))
        return joined[-1]

    yield join_room
    for each in joined:
        each.close()
