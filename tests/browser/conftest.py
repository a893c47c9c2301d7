"""A Chromium and a running server. The tests are skipped if Chromium is not installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from support.parts import BROWSER

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FOR_CALLS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
"""A camera, a microphone and a screen without hardware, addresses that need no name server, and tabs that all run."""


@contextmanager
def running(profile: Path, *more: str) -> Iterator[Chrome]:
    """Run a headless Chromium with a new profile."""
    if CHROMIUM is None or DRIVER is None:
        BROWSER.skip()
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    options.enable_bidi = True
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
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
    with running(tmp_path / "profile") as chrome:
        yield chrome


@pytest.fixture(scope="module")
def call_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium with a camera, for the tests of a file."""
    with running(tmp_path_factory.mktemp("calls"), *FOR_CALLS) as chrome:
        yield chrome
