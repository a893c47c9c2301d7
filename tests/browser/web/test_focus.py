"""The keyboard reaches everything, the focus is always visible, and it is where it was when a dialog or menu closes."""

import pytest
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Page
from support.people import GROUP, Person
from support.running import Server, unique
from talkd.areas.users.model import ADMIN_GROUP

FOCUS = """
const each = document.activeElement;
return each.getAttribute("aria-label") ?? (each.labels?.[0] ?? each).innerText.trim().split("\\n")[0];
"""
LAYER = "return document.activeElement.closest('dialog[open], [role=menu], [popover]') !== null"
IS_OPEN = "return document.querySelector('dialog[open], [role=menu], [popover][role=dialog]') !== null"
HIDDEN_FOCUS = """
const element = document.activeElement;
const up = [];
for (let each = element; each; each = each.parentElement) up.push(each);
const isMarked = up.some(each => {
  const {outlineStyle, outlineWidth} = getComputedStyle(each);
  return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
});
const {left, top, right, bottom} = element.getBoundingClientRect();
const isInside = left < innerWidth && top < innerHeight && right > 0 && bottom > 0;
const isShown = up.every(each => getComputedStyle(each).opacity !== "0");
const isPage = element === document.body; // after the last element, before the first one
return isPage || (isMarked && isInside && isShown) ? null : element.outerHTML.slice(0, 200);
"""


@pytest.fixture
def token(owner: Person, member: Person) -> str:
    token = owner.create_room(GROUP, "Harbour")
    owner.add(token, member)
    owner.say(token, "Ships come in at [noon](https://example.org)")
    return token


def focus_is_on(page: Page, name: str) -> None:
    page.wait(lambda: page.run(FOCUS) == name)


def opens_and_closes(page: Page, *names: str) -> None:
    """Open something with one button after the other, close it, and see that the focus is on the first button."""
    for name in names:
        page.press(name)
        page.wait(lambda: page.run(LAYER))
    page.keys(Keys.ESCAPE)
    page.wait(lambda: not page.run(IS_OPEN))
    focus_is_on(page, names[0])


def walk(page: Page, steps: int) -> None:
    """Go from one element to the next with the Tab key, and see that each is marked."""
    hidden = []
    for _ in range(steps):
        page.keys(Keys.TAB)
        hidden.append(page.run(HIDDEN_FOCUS))
    assert [each for each in hidden if each is not None] == []


def test_dialogs_and_menus_give_the_focus_back(page: Page, owner: Person, token: str) -> None:
    page.open(owner, f"/call/{token}")
    page.shows("Ships come in")
    opens_and_closes(page, "New conversation")
    opens_and_closes(page, "Settings")
    opens_and_closes(page, "Actions for Harbour")
    opens_and_closes(page, "Actions for Harbour", "Leave conversation")
    opens_and_closes(page, "Add something")
    opens_and_closes(page, "Add something", "New poll")
    opens_and_closes(page, "Add something", "Share a place")
    opens_and_closes(page, "Emoji")
    opens_and_closes(page, "More")
    opens_and_closes(page, "More", "Forward")
    opens_and_closes(page, "More", "Remind me")
    page.press("React")
    page.press("More emoji")
    page.find("input", "Search emoji")
    page.keys(Keys.ESCAPE)
    focus_is_on(page, "React")
    page.press("React")
    page.press("👍")
    focus_is_on(page, "React")
    page.press("Details")
    page.press("People")
    opens_and_closes(page, "Add people")
    opens_and_closes(page, "Bans")
    opens_and_closes(page, "Actions for Member")
    opens_and_closes(page, "Actions for Member", "Permissions")
    opens_and_closes(page, "Actions for Member", "Ban")
    page.press("Conversation")
    opens_and_closes(page, "Set up breakout rooms")
    opens_and_closes(page, "Delete conversation")
    page.keys(Keys.ESCAPE)
    focus_is_on(page, "Details")


def focus_begins(page: Page, on: str, *names: str) -> None:
    """Open a dialog with one button after the other, see what has the focus, and close it."""
    for name in names:
        page.press(name)
        page.wait(lambda: page.run(LAYER))
    focus_is_on(page, on)
    page.keys(Keys.ESCAPE)
    page.wait(lambda: not page.run(IS_OPEN))


def test_dialogs_begin_with_what_they_are_for(page: Page, owner: Person, token: str) -> None:
    owner.request("POST", f"v1/reaction/{token}/{owner.history(token)[0]['id']}", reaction="👍")
    page.open(owner, f"/call/{token}")
    page.shows("👍")
    focus_begins(page, "Find people", "New conversation")
    focus_begins(page, "Cancel", "Actions for Harbour", "Leave conversation")
    focus_begins(page, "Question", "Add something", "New poll")
    focus_begins(page, "Search conversations", "More", "Forward")
    focus_begins(page, "Reactions", "More", "Reactions")
    page.press("Details")
    page.press("People")
    focus_begins(page, "Bans", "Bans")
    page.press("Conversation")
    page.press("Settings")
    page.find("dialog h2", "Settings")
    assert page.run("return document.activeElement.matches('dialog input, dialog select')")


def test_the_focus_stays_near_what_is_removed(page: Page, owner: Person, member: Person, token: str) -> None:
    second = owner.create_room(GROUP, "Second")
    third = owner.create_room(GROUP, "Third")
    page.open(owner, f"/call/{token}")
    page.shows("Ships come in")
    page.press("More")
    page.press("Delete")
    page.shows("This message was deleted.")
    page.wait(lambda: page.run("return document.activeElement.role") == "article")

    page.press("Details")
    page.press("People")
    page.press("Actions for Member")
    page.press("Remove")
    page.press("Remove")
    page.wait(lambda: member.id not in owner.participants(token) and not page.run(IS_OPEN))
    page.wait(lambda: page.run("return document.activeElement.closest('aside') !== null"))

    for name, gone in (("Third", third), ("Second", second), ("Harbour", token)):
        page.press(f"Actions for {name}")
        page.press("Delete conversation")
        page.press("Delete conversation")
        page.lacks(name)
        assert gone not in owner.rooms()
        page.wait(lambda: page.run("return document.activeElement.closest('nav') !== null"))


def test_the_focus_stays_near_what_is_removed_in_the_administration(page: Page, sqlite_server: Server) -> None:
    server, name = sqlite_server, unique("z")
    boss = server.add_user("boss")
    server.admin_request("POST", f"/ocs/v2.php/cloud/users/{boss.id}/groups", groupid=ADMIN_GROUP)
    for number in (1, 2):
        server.add_account(f"{name}{number}", f"Zed {number}")
    page.open(boss, "/admin/accounts")
    page.fill("Search accounts", name)
    page.find("button", "More for Zed 2")
    for action in ("Edit", "Logins", "Delete account"):
        opens_and_closes(page, "More for Zed 1", action)
    opens_and_closes(page, "Add account")
    opens_and_closes(page, "More", "Add from CSV file")
    for number in (1, 2):
        page.press(f"More for Zed {number}")
        page.press("Delete account")
        page.press("Delete account")
        page.lacks(f"Zed {number}")
        page.wait(lambda: page.run("return document.activeElement.closest('main') !== null"))


def test_the_focus_is_always_visible(page: Page, owner: Person, token: str) -> None:
    page.open(owner, f"/call/{token}")
    page.shows("Ships come in")
    page.press("Details")
    walk(page, 30)
    page.press("Settings")
    page.find("dialog h2", "Settings")
    walk(page, 20)
