"""Cases in which headless browsers call each other, with the page that the tests use."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.client import API, connect, request, require
from bench.data import Data
from bench.report import Aim, Row, percentile
from bench.server import Server

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CLIENT = Path(__file__).parent.parent / "tests" / "browser" / "caller.js"
CHROMIUM, DRIVER = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
SECONDS = 60
"""How long a page may take."""
MISSING = "chromium or chromedriver is not on the PATH"


def is_installed() -> bool:
    """Return True if there is a browser to measure with."""
    return CHROMIUM is not None and DRIVER is not None


class Guest:
    """A guest in a tab with cookies of its own, who has opened the link of a room. `actor` is their id there."""

    def __init__(self, browser: "Chrome", url: str, token: str) -> None:
        self._browser = browser
        self._tab = open_window(browser)
        # The pages of talkd allow no scripts but their own.
        browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        browser.get(f"{url}/devices")
        browser.execute_script(CLIENT.read_text())
        self.actor: str = self.run("return caller.enter(...arguments)", token, False)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the tab and return what it resolves to."""
        self._browser.switch_to.window(self._tab)
        return self._browser.execute_script(script, *arguments)

    def call(self, *actors: str) -> float:
        """Join the call. Return the milliseconds until a picture of each of these actors was decoded."""
        took: float = self.run("return caller.call(...arguments)", actors)
        return took

    def hang_up(self) -> None:
        """Leave the call."""
        self.run("return caller.hangUp()")


async def set_up_calls(server: Server, data: Data, times: int) -> list[Row]:
    """A guest is in a call, another joins again and again. The latency is the time until a picture is seen."""
    if not is_installed():
        return [Row(f"call in browsers: not measured, {MISSING}")]
    token = await create_public_room(server, data)
    cpu, milliseconds = await asyncio.to_thread(_call, server, token, times)
    return [
        Row(
            "call in browsers, until a picture is seen",
            p50=percentile(milliseconds, 0.5),
            p95=percentile(milliseconds, 0.95),
            p99=percentile(milliseconds, 0.99),
            last=max(milliseconds),
            cpu=cpu / times * 1000,
            aims=(Aim("p95", 2000),),
        )
    ]


async def create_public_room(server: Server, data: Data) -> str:
    """Return the token of a new room that guests can enter."""
    connection = await connect(server.port)
    wanted: dict[str, object] = {"roomType": 3, "roomName": "Calls"}
    ask = request("POST", f"{API}/v4/room", data.rooms_of_ten[0].members[0], wanted)
    token: str = require(await connection.ask(ask), 201).data()["token"]
    connection.close()
    return token


@contextlib.contextmanager
def chromium() -> Iterator["Chrome"]:
    """Run a headless Chromium with a new profile. Raises FileNotFoundError if there is none."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    if CHROMIUM is None or DRIVER is None:
        raise FileNotFoundError(MISSING)
    with tempfile.TemporaryDirectory(prefix="talkd-bench-browser-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = CHROMIUM
        options.enable_bidi = True
        for argument in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        browser = Chrome(options=options, service=Service(DRIVER))
        try:
            browser.set_page_load_timeout(SECONDS)
            browser.set_script_timeout(SECONDS)
            yield browser
        finally:
            browser.quit()


def open_window(browser: "Chrome") -> str:
    """Open a window with cookies and files of its own, turn to it, and return its handle."""
    context = browser.browser.create_user_context()
    window: str = browser.browsing_context.create(type="window", user_context=context)
    browser.switch_to.window(window)
    return window


def _call(server: Server, token: str, times: int) -> tuple[float, list[float]]:
    """Return the CPU seconds of the server, and the milliseconds of each call."""
    with chromium() as browser:
        url = f"http://127.0.0.1:{server.port}"
        first, second = Guest(browser, url, token), Guest(browser, url, token)
        first.call()
        cpu = server.cpu()
        milliseconds = []
        for _ in range(times):
            milliseconds.append(second.call(first.actor))
            second.hang_up()
        return server.cpu() - cpu, milliseconds
