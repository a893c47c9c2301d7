"""Screen readers find their way by landmarks, headings and names, and are told what happens."""

from typing import Any

import pytest

from browser.web.call_pages import Enter
from browser.web.conftest import Page
from support.people import Person

LISTEN = """
window.spoken = [];
new MutationObserver(changes => {
  const regions = new Set();
  for (const { target } of changes) {
    const element = target instanceof Element ? target : target.parentElement;
    const region = element?.closest("[role=status], [role=alert], [aria-live]:not([aria-live=off])");
    const isReachable = !document.querySelector("dialog[open]") || region?.closest("dialog[open]");
    if (region && isReachable) regions.add(region);
  }
  for (const region of regions) window.spoken.push(region.innerText.trim());
}).observe(document.body, {childList: true, subtree: true, characterData: true});
"""
"""Keeps what live regions tell. Those behind a dialog tell nothing."""


@pytest.fixture
def token(token: str, member: Person) -> str:
    member.say(token, "Ships come in at [noon](https://example.org)")
    return token


def read_tree(page: Page) -> list[dict[str, Any]]:
    """Return what the browser tells screen readers of the page."""
    nodes = page.chrome.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    return [each for each in nodes if not each["ignored"]]


def names(tree: list[dict[str, Any]], role: str) -> list[str]:
    return [each["name"]["value"] for each in tree if each["role"]["value"] == role]


def hears(page: Page, text: str, times: int = 1) -> bool:
    return bool(page.wait(lambda: page.run("return window.spoken").count(text) == times))


def test_landmarks_headings_and_names(page: Page, owner: Person, token: str) -> None:
    page.open(owner, f"/call/{token}")
    page.shows("Ships come in")
    page.press("Details")
    page.find("button", "Close details")
    tree = read_tree(page)
    assert names(tree, "navigation") == ["Conversations"]
    assert len(names(tree, "main")) == 1
    assert names(tree, "complementary") == ["Details of the conversation"]
    assert "Messages" in names(tree, "log")
    assert any(
        each.startswith("Member, ") and each.endswith(": Ships come in at noon") for each in names(tree, "article")
    )
    levels = {
        each["name"]["value"]: next(found["value"]["value"] for found in each["properties"] if found["name"] == "level")
        for each in tree
        if each["role"]["value"] == "heading"
    }
    assert levels["Harbour"] in (1, 2)
    assert levels["Today"] == 2
    roles = ("button", "link", "textbox", "combobox", "checkbox", "radio", "tab", "menuitem", "searchbox", "img")
    assert [each for each in tree if each["role"]["value"] in roles and not each.get("name", {}).get("value")] == []


def test_new_messages_and_errors_are_told(page: Page, owner: Person, member: Person, token: str) -> None:
    page.open(owner, f"/call/{token}")
    page.wait(lambda: page.run("return document.querySelector('[role=article]')"))
    page.run(LISTEN)
    member.say(token, "And leave at night")
    assert hears(page, "Member: And leave at night")
    member.say(token, "And leave at night")
    assert hears(page, "Member: And leave at night", 2)
    owner.say(token, "from elsewhere")
    page.shows("from elsewhere")
    assert not [each for each in page.run("return window.spoken") if "from elsewhere" in each]
    page.press("Details")
    page.press("Conversation")
    page.press("Delete conversation")
    page.set_network(is_there=False)
    page.press("Delete conversation")
    assert hears(page, "The server cannot be reached. Please check your connection.")
    page.set_network(is_there=True)


# --- calls ------------------------------------------------------------------------------------
def test_who_joins_and_leaves_a_call_is_told(enter: Enter, owner: Person, member: Person) -> None:
    first, second = enter(owner), enter(member)
    first.call("Start call")
    first.run(LISTEN)
    second.call()
    assert hears(first, "Member has joined the call.")
    second.click("Leave call")
    assert hears(first, "Member has left the call.")
