"""Participants of calls in a browser, each in a tab with cookies of its own."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome

from support.browsers import fill_in_login
from support.people import Person
from support.running import Server
from talkd.signaling.websocket import WebSocket

CLIENT = (Path(__file__).parent.parent / "browser" / "caller.js").read_text()


class Caller:
    """A participant who has joined a room: a user, or a guest who follows the link. `actor` is their id there."""

    def __init__(
        self, browser: Chrome, server: Server, token: str, user: Person | None, *, only_polls: bool = False
    ) -> None:
        self._browser = browser
        self._context = browser.browser.create_user_context()
        self._handle = browser.browsing_context.create(type="tab", user_context=self._context)
        browser.switch_to.window(self._handle)
        # Talk's own pages allow the client's script; those of talkd have none.
        browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        if user is not None:
            browser.get(f"{server.url}/login")
            fill_in_login(browser, user.id)
        browser.get(f"{server.url}/devices")  # a page without a client, which would poll for the same session
        browser.execute_script(CLIENT)
        self.has_crashed = False
        self.actor: str = self.run("return caller.enter(...arguments)", token, only_polls)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the tab and return its result, of a promise what it resolves to."""
        self._browser.switch_to.window(self._handle)
        return self._browser.execute_script(script, *arguments)

    def call(self, *others: "Caller") -> float:
        """Join the call. Return the milliseconds until a picture of each of the others was seen."""
        took: float = self.run("return caller.call(arguments[0])", [each.actor for each in others])
        return took

    def watch(self, *others: "Caller", kind: str = "video") -> None:
        """Wait until more pictures of each of the others were seen."""
        self.run("return caller.watch(...arguments)", [each.actor for each in others], kind)

    def until(self, condition: str, *arguments: Any) -> None:
        """Wait until a condition is true in the tab."""
        self.run(f"const given = arguments; return until(() => {condition})", *arguments)

    def lose_socket(self, server: Server) -> str:
        """Cut the socket, and keep the client from coming back. Return the id of its only signaling session."""
        [peer_id] = self.run("caller.signaling.isOnline = false; return caller.hellos")
        peer = server.peer(peer_id)
        line = peer.line
        assert isinstance(line, WebSocket)
        server.loop_thread.loop.call_soon_threadsafe(line.cut)
        server.wait_for(lambda: peer.line is None)
        return str(peer_id)

    def crash(self) -> None:
        """Kill the page."""
        self._browser.switch_to.window(self._handle)
        self.has_crashed = True
        with pytest.raises(WebDriverException, match="crashed"):
            self._browser.execute_cdp_cmd("Page.crash", {})

    def close(self) -> None:
        """Close the tab, so that its call costs nothing during later tests. Fails if the client met an error."""
        errors = [] if self.has_crashed else self.run("return caller.errors")
        self._browser.browser.remove_user_context(self._context)
        assert errors == [], errors


def meet(*callers: Caller) -> None:
    """Let all join the call, one after the other, until each sees each."""
    for number, caller in enumerate(callers):
        caller.call(*callers[:number])
    for first, second in permutations(callers, 2):
        first.watch(second)
