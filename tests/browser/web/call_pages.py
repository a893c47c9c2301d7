"""Pages of the web client that hold calls, each in a window with cookies of its own."""

from collections.abc import Callable
from typing import Any

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from browser.web.conftest import PASSING, Page
from support.running import Server

SECONDS = 60

PREPARE = """
if (window.connections) return;
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    window.connections.push(this);
  }
};
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (wanted) {
  const stream = await ask.call(this, wanted);
  const picture = { frameRate: 5, ...(window.picture ?? { width: 160, height: 120 }) };
  for (const track of stream.getVideoTracks()) await track.applyConstraints(picture);
  return stream;
};
"""
"""Keeps all connections for `COUNT_FRAMES`, and lets cameras send small pictures, which are quickly encoded, or those
of the size `window.picture`."""
REPORTS = """
const [actor, kind] = arguments;
const video = document.querySelector(`figure[data-person="${actor}"][data-kind="${kind}"] video`);
const shown = video?.srcObject?.getVideoTracks() ?? [];
const receivers = window.connections.flatMap(each => each.getReceivers()).filter(each => shown.includes(each.track));
const reports = (await Promise.all(receivers.map(each => each.getStats()))).flatMap(each => [...each.values()]);
"""
"""Finds what the browser knows of the picture in the tile of somebody."""
COUNT_FRAMES = f"{REPORTS} return reports.reduce((frames, each) => frames + (each.framesDecoded ?? 0), 0);"
WIDTH_RECEIVED = f"{REPORTS} return reports.find(each => each.type === 'inbound-rtp')?.frameWidth ?? 0;"
WIDTH_SENT = """
const reports = await Promise.all(window.connections.map(each => each.getStats()));
const layers = reports.flatMap(each => [...each.values()]).filter(each => each.type === 'outbound-rtp');
return layers.find(each => each.rid === arguments[0])?.frameWidth ?? 0;
"""


class CallPage(Page):
    """The web client of a person or guest in a room, which can be called in."""

    def __init__(self, chrome: Chrome, server: Server) -> None:
        self._context = chrome.browser.create_user_context()
        chrome.switch_to.window(chrome.browsing_context.create(type="window", user_context=self._context))
        chrome.set_window_size(1280, 800)
        super().__init__(chrome, server)

    def wait(self, condition: Callable[[], Any], seconds: int = SECONDS) -> Any:
        waiting = WebDriverWait(self.chrome, seconds, poll_frequency=0.1, ignored_exceptions=PASSING)
        return waiting.until(lambda _: condition())

    def enter_as_guest(self, token: str) -> None:
        """Open a room by its link."""
        self.chrome.get(f"{self.server.url}/call/{token}")
        self.fill("Your name", "Guest Gina")
        self.click("Join the conversation")

    def open_room(self, name: str) -> None:
        """Open a room of the list."""
        link: WebElement = self.wait(lambda: self.chrome.find_element(By.PARTIAL_LINK_TEXT, name))
        link.click()

    def call(self, button: str = "Join call") -> None:
        """Start or join the call with the devices that the check shows."""
        self.click(button)
        self.confirm(button)

    def confirm(self, button: str = "Join call") -> None:
        """Join the call with the devices that the check shows."""
        self.run(PREPARE)
        self.wait(lambda: self.chrome.find_element(By.CSS_SELECTOR, "dialog video").is_displayed())
        self.click(button)
        self.find("button", "People in the call")

    def count(self, selector: str) -> int:
        """Return the number of elements."""
        return len(self.chrome.find_elements(By.CSS_SELECTOR, selector))

    def has(self, selector: str, number: int = 1) -> None:
        """Wait until there are so many of these elements."""
        self.wait(lambda: self.count(selector) == number)

    def sees(self, actor: str, kind: str = "camera") -> None:
        """Wait until more frames of somebody's camera or screen have been decoded for their tile."""
        before = self.wait(lambda: self.run(COUNT_FRAMES, actor, kind))
        self.wait(lambda: self.run(COUNT_FRAMES, actor, kind) > before + 2)

    def receives(self, actor: str, sender: "CallPage", layer: str) -> None:
        """Wait until the picture from somebody's camera is as wide as this layer of what their page sends.

        A browser on a busy machine sends smaller pictures than its camera takes.
        """
        self.wait(lambda: self.run(WIDTH_RECEIVED, actor, "camera") == sender.run(WIDTH_SENT, layer) > 0)

    def marks(self, actor: str, mark: str, number: int = 1) -> None:
        """Wait until the tile of somebody has a mark, or has it no more."""
        self.has(f'figure[data-person="{actor}"][data-kind="camera"] [aria-label="{mark}"]', number)

    def states(self, text: str) -> None:
        """Wait until the call says this of a recording."""
        self.wait(lambda: self.run("return document.querySelector('section.call .state').innerText.trim()") == text)

    def hold(self, key: str) -> None:
        """Press a key and keep it down."""
        ActionChains(self.chrome).key_down(key).perform()

    def release(self, key: str) -> None:
        ActionChains(self.chrome).key_up(key).perform()

    def say(self, text: str) -> None:
        """Send a message to the chat."""
        self.find("textarea", "Write a message").send_keys(text, Keys.ENTER)

    def errors(self) -> list[str]:
        """Return what the console says of errors since the last time, without requests that `set_network` made fail."""
        entries = self.chrome.get_log("browser")  # type: ignore[no-untyped-call]
        messages = [each["message"] for each in entries if each["level"] == "SEVERE"]
        return [each for each in messages if not each.endswith("net::ERR_INTERNET_DISCONNECTED")]

    def close(self) -> None:
        """Close the window, so that its call costs nothing during later tests."""
        self.chrome.browser.remove_user_context(self._context)


Enter = Callable[..., CallPage]
"""Returns the web client of a person, or of a guest."""
