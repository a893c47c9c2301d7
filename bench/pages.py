"""Cases in which headless browsers use the web client: the first visit, messages, long lists, and memory."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.browsers import MISSING, SECONDS, chromium, is_installed, open_window
from bench.client import API, connect, request, require
from bench.data import FIRST, TEXT, Data
from bench.report import Aim, Row, percentile
from bench.server import Server
from talkd.web.auth import COOKIE

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

LIST = "nav [role=list]"
ROOM = "[role=log]"
WHEEL = 240
"""Pixels that one event of the wheel scrolls."""
BURST = 100
"""Messages that are posted before the page must have shown the last of them."""

FIRST_ROW = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("nav a[data-token]")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => (window.interactiveAt = performance.now())));
}).observe(document, { childList: true, subtree: true });
"""
"""Notes when the first row of the list has been painted and the page can answer to a key."""

LOADED = """
const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
const files = entries.filter(each => /\\.(js|css|svg|webmanifest)$|\\/$/.test(new URL(each.name).pathname));
const size = list => list.reduce((sum, each) => sum + each.encodedBodySize, 0) / 1000;
return [window.interactiveAt, entries.length, size(files), size(entries) - size(files)];
"""

NOTE_KEYS = """
addEventListener("keydown", event => {
  if (event.key === "Enter") window.sentAt = performance.timeOrigin + event.timeStamp;
}, true);
"""

NOTE_SHOWN = """
window.shown = {};
new MutationObserver(() => {
  const last = [...document.querySelectorAll(".item .text")].at(-1)?.innerText.trim();
  if (last?.startsWith("Ping") && !(last in window.shown)) {
    window.shown[last] = 0;
    requestAnimationFrame(() => setTimeout(() => (window.shown[last] = performance.timeOrigin + performance.now())));
  }
}).observe(document.body, { childList: true, attributes: true, subtree: true });
"""

NOTE_FRAMES = """
window.frames = [];
let before = performance.now();
requestAnimationFrame(function note(now) {
  window.frames.push(now - before);
  before = now;
  requestAnimationFrame(note);
});
"""


class Page:
    """A window of the web client, with cookies and files of its own."""

    def __init__(self, browser: "Chrome", server: Server, cookie: str) -> None:
        self._browser = browser
        self._window = open_window(browser)
        self.url = f"http://127.0.0.1:{server.port}"
        browser.set_window_size(1280, 800)
        self.cdp("Emulation.setFocusEmulationEnabled", enabled=True)
        self.cdp("Network.setCookie", name=COOKIE, value=cookie, url=self.url)
        self.cdp("Performance.enable", timeDomain="threadTicks")

    def cdp(self, command: str, **parameters: Any) -> Any:
        """Run a command of the browser's own protocol."""
        self._browser.switch_to.window(self._window)
        return self._browser.execute_cdp_cmd(command, parameters)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, and return its result."""
        self._browser.switch_to.window(self._window)
        return self._browser.execute_script(script, *arguments)

    def open(self, path: str, selector: str) -> None:
        """Open a page, and wait until it has this element."""
        self._browser.switch_to.window(self._window)
        self._browser.get(self.url + path)
        self.wait("return document.querySelector(arguments[0]) !== null", selector)

    def wait(self, condition: str, *arguments: Any) -> Any:
        """Return the first result of a script that is true. Raises TimeoutError."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            if found := self.run(condition, *arguments):
                return found
            time.sleep(0.005)
        raise TimeoutError(f"the page never fulfilled: {condition}")

    def figures(self) -> dict[str, float]:
        """Return the browser's figures about the page: CPU seconds of its thread, and bytes of memory."""
        return {each["name"]: each["value"] for each in self.cdp("Performance.getMetrics")["metrics"]}

    def memory(self) -> float:
        """Return the bytes of the JavaScript heap after everything unused was freed."""
        for _ in range(3):
            self.cdp("HeapProfiler.collectGarbage")
        return self.figures()["JSHeapUsedSize"]

    def write(self, text: str) -> None:
        """Type into the field that has the focus."""
        from selenium.webdriver import ActionChains

        self._browser.switch_to.window(self._window)
        ActionChains(self._browser, duration=0).send_keys(text).perform()

    def close(self) -> None:
        """Close the window."""
        self._browser.switch_to.window(self._window)
        self._browser.close()


@contextmanager
def opened(browser: "Chrome", server: Server, cookie: str) -> Iterator[Page]:
    """Return a window of somebody who is logged in."""
    page = Page(browser, server, cookie)
    try:
        yield page
    finally:
        page.close()


async def use_pages(server: Server, data: Data, *, visits: int, pings: int, arriving: int) -> list[Row]:
    """Measure the web client: numbers of first visits, of messages from one to the other, and of arriving messages."""
    if not is_installed():
        return [Row(f"web client: not measured, {MISSING}")]
    count, reader = max(data.by_room_count.items())
    cookie, (ann, ben) = data.cookies[reader.id], (data.cookies[each.id] for each in data.long.members[:2])
    with chromium() as browser:
        rows = [_visit(browser, server, cookie, visits), _send(browser, server, data, (ann, ben), pings)]
        with opened(browser, server, ann) as page:
            page.open(f"/call/{data.long.token}", f"{ROOM} .item")
            first = "return document.querySelector('.item .text')?.innerText.trim() === arguments[0]"
            rows += _scroll(page, "all messages of a room", ROOM, -WHEEL, lambda: page.run(first, FIRST))
        with opened(browser, server, cookie) as page:
            page.open("/", f"{LIST} a")
            height = "const list = document.querySelector(arguments[0]); return list.scrollHeight - list.scrollTop - 1"
            end = f"{height} <= list.clientHeight"
            rows += _scroll(page, f"a list of {count:,} rooms", LIST, WHEEL, lambda: page.run(end, LIST))
        with opened(browser, server, ann) as page:
            rows.append(await _receive(page, server, data, arriving))
    return rows


def _visit(browser: "Chrome", server: Server, cookie: str, times: int) -> Row:
    """Open the list of rooms in browsers that have nothing of talkd but the cookie."""
    milliseconds, figures = [], [0.0, 0.0, 0.0]
    for _ in range(times):
        with opened(browser, server, cookie) as page:
            page.cdp("Page.enable")
            page.cdp("Page.addScriptToEvaluateOnNewDocument", source=FIRST_ROW)
            page.open("/", f"{LIST} a")
            page.wait("return window.interactiveAt > 0")
            took, *figures = page.run(LOADED)
            milliseconds.append(took)
    names = ("requests", "kB of files", "kB of answers")
    return _row(
        "first visit, until the list of rooms can be used",
        milliseconds,
        aims=(Aim("p95", 1000), Aim("kB of files", 150)),
        others=dict(zip(names, figures, strict=True)),
    )


def _send(browser: "Chrome", server: Server, data: Data, cookies: tuple[str, str], times: int) -> Row:
    """Send from one window. The latency is the time from the key until the other window has painted the message."""
    milliseconds = []
    with opened(browser, server, cookies[0]) as ann, opened(browser, server, cookies[1]) as ben:
        for page in (ann, ben):
            page.open(f"/call/{data.large_room.token}", "main textarea:enabled")
        ann.run(NOTE_KEYS)
        ben.run(NOTE_SHOWN)
        for number in range(times):
            ann.run("document.querySelector('main textarea').focus()")
            ann.write(f"Ping {number}\ue007")
            shown_at = ben.wait("return window.shown[arguments[0]]", f"Ping {number}")
            milliseconds.append(shown_at - ann.run("return window.sentAt"))
    return _row("from the key that sends to shown at the other side", milliseconds, aims=(Aim("p95", 100),))


def _scroll(page: Page, what: str, selector: str, wheel: int, is_over: Callable[[], bool]) -> list[Row]:
    """Turn the wheel over a list until its other end. The rows have the times of frames, and of scripts a turn."""
    where = page.run(
        "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return { x: box.x + box.width / 2, y: box.y + box.height / 2 };",
        selector,
    )
    page.run(NOTE_FRAMES)
    before, began, turns, scripts, layouts = page.figures(), time.monotonic(), 0, [], []
    while not is_over():
        for _ in range(10):
            page.cdp("Input.dispatchMouseEvent", type="mouseWheel", deltaX=0, deltaY=wheel, **where)
            after = page.figures()
            scripts.append((after["ScriptDuration"] - before["ScriptDuration"]) * 1000)
            layouts.append((_layout(after) - _layout(before)) * 1000)
            before = after
            turns += 1
        if time.monotonic() - began > 10 * SECONDS:
            raise TimeoutError(f"the wheel never came to the end of {what}")
    frames: list[float] = page.run("return window.frames")
    slow = {"frames over 50 ms": float(sum(each > 50 for each in frames)), "turns": float(turns)}
    return [
        _row(f"frames while scrolling {what}", frames, aims=(Aim("p95", 17.5), Aim("last", 50)), others=slow),
        _row("  scripts for each turn of the wheel", scripts, aims=(Aim("p95", 8),)),
        _row("  style and layout for each turn", layouts, aims=(Aim("p95", 8),)),
    ]


def _layout(figures: dict[str, float]) -> float:
    return figures["LayoutDuration"] + figures["RecalcStyleDuration"]


async def _receive(page: Page, server: Server, data: Data, count: int) -> Row:
    """Let messages arrive in the open room as fast as the page shows them."""
    room, last = data.large_room, "return document.querySelector(arguments[0])?.innerText.includes(arguments[1])"
    page.open(f"/call/{room.token}", "main textarea:enabled")
    writers = [await connect(server.port) for _ in range(2)]
    before, began = page.memory(), time.monotonic()
    for start in range(0, count, BURST):
        for number in range(start, start + BURST):
            writer = number % len(writers)
            body: dict[str, object] = {"message": f"{number} {TEXT}"}
            ask = request("POST", f"{API}/v1/chat/{room.token}", room.members[2 + writer], body)
            require(await writers[writer].ask(ask), 201)
        page.wait(last, ROOM, f"{start + BURST - 1} {TEXT}")
    seconds, after = time.monotonic() - began, page.memory()
    for each in writers:
        each.close()
    return Row(
        f"{count:,} messages arrive in the open room",
        rate=count / seconds,
        aims=(Aim("times the memory", 1.5),),
        others={"MB before": before / 1e6, "MB after": after / 1e6, "times the memory": after / before},
    )


def _row(case: str, values: Sequence[float], **more: Any) -> Row:
    """Return the row of values in milliseconds."""
    p50, p95, p99 = (percentile(values, share) for share in (0.5, 0.95, 0.99))
    return Row(case, p50=p50, p95=p95, p99=p99, last=max(values), **more)
