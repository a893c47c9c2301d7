"""No view has faults that axe-core finds by the rules of WCAG 2.2 AA, in light and dark and on a phone."""

from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from browser.web.audits import AXE, Audit
from browser.web.call_pages import CallPage
from browser.web.conftest import Page
from support.parts import BARRIERS
from support.people import PUBLIC, Person
from support.running import Server
from talkd.areas.users.model import ADMIN_GROUP

LOG_OUT = """
const body = new URLSearchParams({requesttoken: document.head.dataset.requesttoken});
return fetch("/logout", {method: "POST", body}).then(() => null);
"""
pytestmark = BARRIERS.skip_if(not AXE.is_file())


@pytest.fixture
def audit(page: Page) -> Iterator[Audit]:
    audit = Audit(page)
    yield audit
    assert not audit.faults, "\n".join(audit.faults)


@pytest.fixture
def token(owner: Person, member: Person) -> str:
    """A room with messages of all kinds."""
    token = owner.create_room(PUBLIC, "Harbour", description="Ships and their crews")
    owner.add(token, member)
    first = owner.say(token, "**Ships** come in at [noon](https://example.org)\n- one\n- two\n\n`code`\n\n> quote")
    member.say(token, f"And leave at night, @{owner.id}", replyTo=first["id"])
    owner.post(f"v1/reaction/{token}/{first['id']}", reaction="👍")
    owner.post(
        f"v1/chat/{token}/share",
        objectType="geo-location",
        objectId="geo:53.5,9.9",
        metaData='{"name": "The pier", "latitude": "53.5", "longitude": "9.9"}',
    )
    return token


def close(page: Page) -> None:
    """Close the dialogs and menus that are open."""
    while page.run("return document.querySelector('dialog[open], [role=menu], [popover][role=dialog]') !== null"):
        page.keys(Keys.ESCAPE)


def test_the_list_and_what_opens_from_it(audit: Audit, owner: Person, token: str) -> None:
    page = audit.page
    page.open(owner)
    page.shows("Harbour")
    audit.see_on_phone_too("list")
    page.press("Actions for Harbour")
    page.find("button", "Mark as unread")
    audit.see_on_phone_too("menu of a row")
    page.click("Leave conversation")
    audit.see("question before leaving")
    close(page)
    page.fill("Search conversations", "ship")
    page.shows("come in at")
    audit.see_on_phone_too("search")
    page.fill("Search conversations", "")
    ActionChains(page.chrome).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
    page.find("dialog h2", "Jump to …")
    audit.see_on_phone_too("jump")
    close(page)
    for button in ("New conversation", "Settings"):
        page.click(button)
        page.find("dialog h2", button)
        audit.see_on_phone_too(button)
        close(page)
    page.keys("?")
    page.find("dialog h2", "Keyboard shortcuts")
    audit.see("shortcuts")


def test_a_conversation_and_what_opens_from_it(audit: Audit, owner: Person, member: Person, token: str) -> None:
    page = audit.page
    page.open(owner, f"/call/{token}")
    page.shows("And leave at night")
    audit.see_on_phone_too("chat")
    page.press("More")
    page.find("button", "Copy link")
    audit.see_on_phone_too("menu of a message")
    page.click("Forward")
    page.find("dialog h2", "Forward to")
    audit.see("forward")
    close(page)
    page.press("More")
    page.click("Remind me")
    page.find("dialog h2", "Remind me")
    audit.see("reminder")
    close(page)
    page.press("React")
    audit.see("quick reactions")
    page.click("More emoji")
    page.find("input", "Search emoji")
    audit.see_on_phone_too("emoji")
    close(page)
    page.click("Add something")
    audit.see("menu of things")
    page.click("Share a place")
    audit.see("place")
    close(page)
    page.find("textarea", "Write a message").send_keys("@me")
    page.shows("Member")
    audit.see("suggestions")
    page.find("textarea", "Write a message").clear()


def test_polls(audit: Audit, owner: Person, member: Person, token: str) -> None:
    page = audit.page
    options = {"question": "Where?", "options": ["Island", "River"], "resultMode": 0, "maxVotes": 1}
    owner.post(f"v1/poll/{token}", **options, draft=True)
    poll = owner.post(f"v1/poll/{token}", **options)
    member.post(f"v1/poll/{token}/{poll['id']}", optionIds=[1])
    page.open(owner, f"/call/{token}")
    page.find("input", "Island")
    audit.see_on_phone_too("poll")
    page.click("Island")
    page.click("Vote")
    page.shows("50%")
    audit.see("results of a poll")
    page.click("End poll")
    audit.see("question before the end of a poll")
    close(page)
    page.click("Add something")
    page.click("New poll")
    page.wait(lambda: page.run("document.querySelector('dialog summary').click()") is None)
    audit.see_on_phone_too("new poll with drafts")


def test_people_and_settings_of_a_conversation(audit: Audit, owner: Person, member: Person, token: str) -> None:
    page = audit.page
    page.open(owner, f"/call/{token}")
    page.click("Details")
    page.click("People")
    page.press("Actions for Member")
    audit.see_on_phone_too("people, with the menu of one")
    page.click("Permissions")
    audit.see("permissions")
    close(page)
    page.press("Actions for Member")
    page.click("Ban")
    audit.see("ban")
    page.click("Ban")
    page.click("Bans")
    page.shows("Lift")
    audit.see("bans")
    close(page)
    page.click("Add people")
    page.fill("Name, group or e-mail address", "e")
    page.wait(lambda: page.run("return document.querySelector('dialog button.choice')"))
    audit.see("add people")
    page.click("Import a list")
    audit.see("import of people")
    close(page)
    page.click("Shared")
    page.shows("The pier")
    audit.see_on_phone_too("shared")
    page.click("Conversation")
    page.find("button", "Delete conversation")
    page.run("for (const each of document.querySelectorAll('aside details')) each.open = true")
    audit.see_on_phone_too("settings of a conversation")


def test_breakout_rooms(audit: Audit, owner: Person, member: Person) -> None:
    page = audit.page
    token = owner.create_room(2, "Crew")
    owner.add(token, member)
    page.open(owner, f"/call/{token}")
    page.click("Details")
    page.click("Conversation")
    page.click("Set up breakout rooms")
    page.click("As I choose")
    audit.see_on_phone_too("new breakout rooms")
    page.click("Create rooms")
    page.click("Manage")
    page.shows("Room 2")
    audit.see_on_phone_too("breakout rooms")
    page.click("Delete rooms")
    audit.see("question before the end of breakout rooms")


@pytest.fixture
def boss(sqlite_server: Server) -> Person:
    boss = sqlite_server.add_user("boss")
    sqlite_server.admin_request("POST", f"/ocs/v2.php/cloud/users/{boss.id}/groups", groupid=ADMIN_GROUP)
    return boss


def test_the_administration(audit: Audit, sqlite_server: Server, boss: Person, token: str) -> None:
    page = audit.page
    disabled = sqlite_server.add_user("disabled")
    sqlite_server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{disabled.id}/disable")
    page.open(boss, "/admin/accounts")
    page.fill("Search accounts", disabled.id)
    page.shows("Disabled")
    audit.see_on_phone_too("accounts")
    for action in ("Edit", "Logins", "Delete account"):
        page.click("More for Disabled")
        if action == "Edit":
            audit.see("menu of an account")
        page.click(action)
        page.wait(lambda: page.run("return document.querySelector('dialog h2')"))
        audit.see(action)
        close(page)
    page.press("More")
    page.click("Add from CSV file")
    audit.see("accounts from a file")
    close(page)
    page.click("Groups")
    page.wait(lambda: page.run("return document.querySelector('.rows li')"))
    audit.see_on_phone_too("groups")
    page.click("More for admin")
    page.click("Members")
    page.shows("Boss")
    audit.see("members of a group")
    close(page)
    for section, sign in (
        ("Conversations", "Last activity"),
        ("Settings", "Who may start a call"),
        ("Failed attempts", ""),
        ("Status", "Check again"),
    ):
        page.click(section)
        page.shows(sign)
        audit.see_on_phone_too(section)


def test_the_forms_of_servers(audit: Audit, sqlite_server: Server, boss: Person) -> None:
    page = audit.page
    setting = "/ocs/v2.php/apps/provisioning_api/api/v1/config/apps/spreed/turn_servers"
    sqlite_server.admin_request("POST", setting, value='[{"server": "turn.test:3478", "secret": "a secret"}]')
    try:
        page.open(boss, "/admin/settings")
        page.shows("Secret stored")
        audit.see_on_phone_too("servers")
        page.click("Change turn.test:3478")
        page.fill("Address", "somewhere")
        page.click("Save")
        page.shows("write a host with a port")
        audit.see("a server with a wrong address")
        close(page)
        page.click("Remove turn.test:3478")
        page.shows("Remove turn.test:3478?")
        audit.see("removing a server")
    finally:
        sqlite_server.admin_request("DELETE", setting)


def test_pages_for_visitors(audit: Audit, token: str) -> None:
    page = audit.page
    page.visit(f"/call/{token}")
    page.fill("Your name", "Gina")
    audit.see_on_phone_too("welcome")
    page.click("Join the conversation")
    page.shows("And leave at night")
    audit.see_on_phone_too("chat of a guest")
    page.click("Settings")
    page.find("dialog h2", "Settings")
    audit.see("settings of a guest")
    for path in ("/call/-", "/", "/login", "/login/flow", "/login/v2/flow/gone", "/nothing"):
        page.chrome.get(page.server.url + path)
        audit.see_on_phone_too(path)


def test_pages_of_the_server(audit: Audit, owner: Person) -> None:
    page = audit.page
    page.open(owner, "/devices")
    for path in ("/devices", "/password", "/logout", "/login/flow/grant", "/admin"):
        page.chrome.get(page.server.url + path)
        audit.see_on_phone_too(path)


def test_what_a_page_shows_after_its_login(audit: Audit, owner: Person, token: str) -> None:
    page = audit.page
    page.open(owner, f"/call/{token}")
    page.shows("Harbour")
    page.set_network(is_there=False)
    page.find("textarea", "Write a message").send_keys("unsent", Keys.ENTER)
    page.shows("Sending")
    audit.see_on_phone_too("without a network")
    page.set_network(is_there=True)
    page.lacks("Sending")
    page.run(LOG_OUT)
    page.shows("You were logged out.")
    audit.see_on_phone_too("after the end of a login")


# --- calls ------------------------------------------------------------------------------------
@pytest.fixture
def call_page(call_browser: Chrome, call_server: Server) -> Callable[[Person, str], CallPage]:
    """Returns the web client of a person at an address, with a camera."""

    def open_page(person: Person, path: str) -> CallPage:
        page = CallPage(call_browser, call_server)
        page.open(person, path)
        return page

    return open_page


def test_a_call(call_page: Callable[[Person, str], CallPage], owner: Person, member: Person) -> None:
    link = owner.create_room(PUBLIC, "Harbour")
    owner.add(link, member)
    first, second = call_page(owner, f"/call/{link}"), call_page(member, "/")
    audit = Audit(first)
    first.click("Start call")
    first.find("dialog h2", "Start call")
    audit.see_on_phone_too("check of devices")
    first.confirm("Start call")
    other = Audit(second)
    second.shows("Call in Harbour")
    other.see_on_phone_too("ring")
    second.click("Join call")
    second.confirm()
    first.has("figure", 2)
    second.keys("r")
    first.marks(member.id, "Hand is raised")
    audit.see_on_phone_too("call")
    first.click("Show chat")
    first.find("textarea", "Write a message")
    audit.see_on_phone_too("call beside the chat")
    for button in ("Devices and keys", "People in the call"):
        first.click(button)
        first.find("dialog h2", button)
        audit.see(button)
        close(first)
    first.click("React")
    audit.see("reactions in a call")
    close(first)
    first.click("Make the call small")
    first.find("button", "Show the call")
    audit.see_on_phone_too("small call")
    for page in (first, second):
        page.close()
    assert not [*audit.faults, *other.faults], "\n".join([*audit.faults, *other.faults])
