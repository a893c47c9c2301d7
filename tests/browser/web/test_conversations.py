"""People create, set, find and leave conversations in the web client."""

from collections.abc import Callable
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Window, open_two
from support.people import GROUP, PUBLIC
from support.running import Server

ROW = (
    "return [...document.querySelectorAll('a[data-token]')].find(each => each.innerText.includes(arguments[0])) ?? null"
)
ROWS = "return [...document.querySelectorAll('a[data-token] .name .text')].map(each => each.innerText)"
FOCUSED = "return document.activeElement.matches(arguments[0])"
OPTION = "return document.querySelector(`[role=option][aria-selected=true]`).innerText"
PLACEHOLDER = "return document.querySelector('textarea').placeholder"
MESSAGE = "Nobody can enter before nine"


class Member(Window):
    """A person who sets, finds and leaves rooms."""

    def show(self, path: str = "/") -> None:
        """Load a page."""
        self.refresh()
        self.page.chrome.get(self.page.server.url + path)

    def enter(self, token: str, *tabs: str) -> None:
        """Open a room, and tabs of its details."""
        self.page.run("localStorage.removeItem('talkd.details')")
        self.show(f"/call/{token}")
        self.page.find("textarea", "Write a message")
        for tab in tabs:
            self.page.click(tab)

    def press(self, *keys: str) -> None:
        ActionChains(self.page.chrome).send_keys(*keys).perform()

    def press_until(self, key: str, condition: Callable[[], Any]) -> None:
        """Press a key until the condition holds."""

        def holds() -> bool:
            if condition():
                return True
            self.press(key)
            return False

        self.page.wait(holds)

    def row(self, name: str) -> Any:
        """Return the row of a room."""
        return self.page.wait(lambda: self.page.run(ROW, name))

    def menu(self, name: str, action: str) -> None:
        """Choose an action of the menu that a right click on a row opens."""

        def open_menu() -> bool:
            ActionChains(self.page.chrome).context_click(self.page.run(ROW, name)).perform()
            return bool(self.page.run("return document.querySelector('[role=menu]')"))

        self.page.wait(open_menu)
        self.page.click(action)

    def room(self, token: str) -> dict[str, Any]:
        return self.person.room(token)


@pytest.fixture(scope="module")
def members(web_browser: Chrome, servers: Callable[[str], Server]) -> tuple[Member, Member]:
    """Two windows, of Ann and Ben."""
    return open_two(Member, web_browser, servers("sqlite"))


@pytest.fixture
def ann(members: tuple[Member, Member], sqlite_server: Server) -> Member:
    members[0].show()
    return members[0]


@pytest.fixture
def ben(members: tuple[Member, Member], ann: Member) -> Member:
    members[1].show()
    return members[1]


@pytest.fixture
def token(ann: Member, ben: Member) -> str:
    token = ann.person.create_room(PUBLIC, "Harbour")
    ann.person.add(token, ben.person)
    return token


def test_what_a_moderator_sets_shows_in_the_other_browser(ann: Member, ben: Member, token: str) -> None:
    ben.enter(token)
    ann.enter(token, "Details", "Conversation")
    ann.page.click("Read-only")
    ben.page.wait(lambda: ben.page.run(PLACEHOLDER) == "You cannot write here.")
    ann.page.click("Read-only")
    ann.page.click("Lobby")
    assert ben.page.shows("You are in the lobby")
    ann.page.click("Lobby")
    ben.page.find("textarea", "Write a message")
    ann.page.fill("Name", "Port of call")
    ann.page.fill("Description", "Where the ships are")
    ann.page.click("Save")
    assert ben.page.shows("Port of call")
    assert ben.page.shows("Where the ships are")
    ann.page.choose("Messages disappear", "After 1 week")
    ann.page.click("Found by search")
    ann.page.wait(lambda: (ann.room(token)["messageExpiration"], ann.room(token)["listable"]) == (604_800, 1))


def test_members_find_only_what_they_may_set(ben: Member, token: str) -> None:
    ben.enter(token, "Details", "Conversation")
    ben.page.choose("Notifications", "All messages")
    ben.page.click("Favorite")
    ben.page.click("Sensitive")
    ben.page.wait(
        lambda: (
            [ben.room(token)[name] for name in ("notificationLevel", "isFavorite", "isSensitive")] == [1, True, True]
        )
    )
    assert ben.page.lacks("Let guests in")
    assert ben.page.lacks("Read-only")


def test_guests_need_the_password_that_a_moderator_has_set(ann: Member, ben: Member, token: str) -> None:
    ann.enter(token, "Details", "Conversation")
    ann.page.fill("Password", "a long sea shanty")
    ann.page.click("Set password")
    ann.page.wait(lambda: ann.room(token)["hasPassword"])
    ann.person.delete(f"v4/room/{token}/attendees", attendeeId=ann.person.attendee(token, ben.person))
    ben.show(f"/call/{token}")
    ben.page.fill("Password", "a wrong one")
    ben.page.click("Enter")
    assert ben.page.shows("That is not the password.")
    ben.page.fill("Password", "a long sea shanty")
    ben.page.click("Enter")
    ben.page.find("textarea", "Write a message")
    ann.page.click("Remove password")
    ann.page.wait(lambda: not ann.room(token)["hasPassword"])
    ann.page.click("Let guests in")
    assert ben.page.shows("You were removed from this conversation.")


def test_a_new_conversation_has_all_that_was_chosen(ann: Member, ben: Member) -> None:
    ann.page.click("New conversation")
    ann.page.click("New group")
    assert ann.page.run("return document.querySelector('dialog .picture .lucide-users') !== null")
    ann.page.fill("Name", "🌻 Garden")
    ann.page.wait(lambda: ann.page.run("return document.querySelector('dialog .picture .emoji').innerText") == "🌻")
    ann.page.fill("Name", "Garden")
    ann.page.fill("Description", "Seeds and tools")
    ann.page.click("People with the link may join")
    ann.page.wait(lambda: ann.page.run("return document.querySelector('dialog .picture .lucide-link') !== null"))
    ann.page.fill("Add people", ben.person.id)
    ann.page.click("Ben")
    ann.page.click("Choose emoji")
    ann.page.find("input", "Search emoji").send_keys("seedling")
    ann.page.find("[role=gridcell]", "seedling")
    ann.press(Keys.ENTER)
    ann.page.find("summary", "More settings").click()
    ann.page.click("Others wait in the lobby until it opens")
    ann.page.click("Use the camera")
    ann.page.choose("Messages disappear", "After 8 hours")
    ann.page.click("Create")
    link = ann.page.find("input", "Invitation link").get_attribute("value")
    ann.page.click("Open conversation")
    ann.page.wait(lambda: ann.page.chrome.current_url == link)
    assert link is not None
    room = ann.room(link.rsplit("/", 1)[-1])
    assert (room["type"], room["name"], room["description"]) == (PUBLIC, "Garden", "Seeds and tools")
    assert (room["lobbyState"], room["messageExpiration"], room["isCustomAvatar"]) == (1, 8 * 3600, True)
    assert room["defaultPermissions"] & 32 == 0
    assert room["defaultPermissions"] & 16
    assert ben.person.id in ann.person.participants(room["token"])


def test_ctrl_k_finds_rooms_people_open_rooms_and_messages(ann: Member, ben: Member, token: str) -> None:
    listed = ben.person.create_room(GROUP, "Harbour watch", listable=1)
    said = ben.person.say(token, MESSAGE)["id"]
    ann.show()
    ann.row("Harbour")

    def find(text: str, wanted: str) -> None:
        """Search, and move to what is wanted."""
        ActionChains(ann.page.chrome).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
        field = ann.page.find("dialog input", "Search conversations")
        field.send_keys(text)
        ann.page.shows(wanted)
        ann.press_until(Keys.ARROW_DOWN, lambda: wanted in ann.page.run(OPTION))
        ann.press(Keys.ENTER)

    find("before nine", MESSAGE)
    ann.page.wait(lambda: ann.page.chrome.current_url.endswith(f"/call/{token}#message_{said}"))
    find("harbour", "Harbour watch")
    ann.page.wait(lambda: ann.page.chrome.current_url.endswith(f"/call/{listed}"))
    ann.page.find("textarea", "Write a message")
    assert ann.person.id in ben.person.participants(listed)
    find(ben.person.id, "Ben")
    assert ann.page.shows("Ben")
    ann.page.wait(lambda: any(each["type"] == 1 for each in ann.person.rooms().values()))


def test_the_search_of_the_list_finds_messages(ann: Member, ben: Member, token: str) -> None:
    said = ben.person.say(token, MESSAGE)["id"]
    ann.page.find("input", "Search conversations").send_keys("enter before")
    assert ann.page.shows(MESSAGE)
    ann.press(Keys.ENTER)
    ann.page.wait(lambda: ann.page.chrome.current_url.endswith(f"#message_{said}"))


def test_a_row_has_a_menu(ann: Member, ben: Member) -> None:
    token = ann.person.create_room(GROUP, "Lagoon")
    ann.person.add(token, ben.person)
    ben.person.say(token, "Land ahead")
    ann.show()
    ann.menu("Lagoon", "Mark as read")
    ann.page.wait(lambda: ann.room(token)["unreadMessages"] == 0)
    ann.menu("Lagoon", "Mark as unread")
    ann.page.wait(lambda: ann.room(token)["unreadMessages"] == 1)
    ann.menu("Lagoon", "Notify of nothing")
    ann.page.wait(lambda: ann.room(token)["notificationLevel"] == 3)
    ann.menu("Lagoon", "Add to favorites")
    ann.page.wait(lambda: ann.room(token)["isFavorite"])
    ann.menu("Lagoon", "Archive")
    ann.page.wait(lambda: "Lagoon" not in ann.page.run(ROWS))
    ann.page.click("Archived")
    ann.menu("Lagoon", "Delete conversation")
    ann.page.click("Delete conversation")
    ann.page.wait(lambda: ann.person.status("GET", f"v4/room/{token}") == 404)
    assert ann.page.shows("Nothing found")


def test_the_list_hears_of_messages_in_rooms_that_are_not_open(ann: Member, ben: Member, token: str) -> None:
    no_intervals = {"source": "setInterval = () => 0"}  # no request comes by itself
    script = ann.page.chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", no_intervals)
    try:
        ann.page.chrome.get(f"{ann.page.server.url}/call/{ann.person.create_room(GROUP, 'Elsewhere')}")
        ann.page.find("textarea", "Write a message")
        ben.person.say(token, "Land ahead")
        ann.page.wait(lambda: "Land ahead" in ann.page.run(ROW, "Harbour").text)
    finally:
        ann.page.chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
        ann.page.chrome.refresh()


def test_arrow_keys_move_from_the_list_to_messages_and_back(ann: Member, ben: Member, token: str) -> None:
    ben.person.say(token, "Land ahead")
    ann.show()
    ann.row("Harbour")
    ann.page.find("input", "Search conversations").click()
    ann.press(Keys.ARROW_DOWN)
    ann.press_until(Keys.ARROW_DOWN, lambda: ann.page.run(FOCUSED, f"a[data-token='{token}']"))
    ann.press(Keys.ARROW_RIGHT)
    assert ann.page.shows("Land ahead")
    ann.press_until(Keys.ARROW_RIGHT, lambda: ann.page.run(FOCUSED, "[role=article]"))
    ann.press(Keys.ARROW_LEFT)
    ann.page.wait(lambda: ann.page.run(FOCUSED, f"a[data-token='{token}']"))


def test_the_note_to_self_opens(ann: Member) -> None:
    ann.page.click("New conversation")
    ann.page.click("Note to self")
    ann.page.find("textarea", "Write a message")
    ann.page.wait(lambda: ann.page.chrome.current_url.endswith(ann.person.get("v4/room/note-to-self")["token"]))


def test_breakout_rooms_open_for_members_who_ask_for_help(ann: Member, ben: Member) -> None:
    parent = ann.person.create_room(GROUP, "Sailing class")
    ann.person.add(parent, ben.person)
    ben.enter(parent)
    ann.enter(parent, "Details", "Conversation", "Set up breakout rooms")
    ann.page.find("input", "As I choose").click()
    ann.page.choose("Room of Ben", "Room 2")
    ann.page.click("Create rooms")
    ann.page.click("Open rooms")
    assert ben.page.shows("Breakout room of Sailing class")
    ben.page.click("Ask for help")
    ann.page.find("a", "Room 2 asks for help")
    ann.page.click("Manage")
    ann.page.fill("Message to all rooms", "Five more minutes")
    ann.page.click("Send to all rooms")
    assert ben.page.shows("Five more minutes")
    ann.page.choose("Room of Ben", "Room 1")
    ann.page.click("Save")
    assert ben.page.shows("You were removed from this conversation.")
    ann.page.click("Close")
    ann.page.click("Close rooms")
    ann.page.click("Manage")
    ann.page.click("Delete rooms")
    ann.page.click("Delete rooms")
    ann.page.wait(lambda: ann.room(parent)["breakoutRoomMode"] == 0)
    assert ann.page.lacks("The breakout rooms are closed.")


def test_members_choose_a_breakout_room(ann: Member, ben: Member) -> None:
    parent = ann.person.create_room(GROUP, "Sailing class")
    ann.person.add(parent, ben.person)
    ann.person.post(f"v1/breakout-rooms/{parent}", mode=3, amount=2)
    ben.enter(parent)
    assert ben.page.shows("The breakout rooms are closed.")
    ann.person.post(f"v1/breakout-rooms/{parent}/rooms")
    ben.show(f"/call/{parent}")
    ben.page.click("Room 2")
    assert ben.page.shows("Breakout room of Sailing class")
    ben.page.click("Leave room")
    assert ben.page.shows("The breakout rooms are open.")


def test_a_small_list_shows_all_filters(ann: Member) -> None:
    size = {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True}
    ann.page.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        ann.show()
        last = ann.page.find("button", "Archived")
        assert ann.page.run("return arguments[0].getBoundingClientRect().right <= innerWidth", last)
    finally:
        ann.page.chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_names_of_the_server_are_in_the_readers_language(ann: Member) -> None:
    note = ann.person.get("v4/room/note-to-self")["token"]
    ann.person.say(note, "Buy a rope")
    account = f"/ocs/v2.php/cloud/users/{ann.person.id}"
    ann.person.put(account, key="language", value="de")
    try:
        ann.show(f"/call/{note}")
        ann.row("Notiz an mich")
        ann.page.fill("Unterhaltungen durchsuchen", "neues in")  # other tests may have made many newer conversations
        ann.page.wait(lambda: "Neues in Talk" in ann.page.run(OPTION))
        ann.page.wait(lambda: ann.page.run("return document.querySelector('main h1').innerText") == "Notiz an mich")
        ann.page.fill("Unterhaltungen durchsuchen", "notiz an")
        ann.page.wait(lambda: "Notiz an mich" in ann.page.run(OPTION))
        ann.page.fill("Unterhaltungen durchsuchen", "a rope")
        assert ann.page.shows("Ann · Notiz an mich")
        ann.show()
        ann.row("Notiz an mich")
        ActionChains(ann.page.chrome).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
        ann.page.wait(lambda: "Notiz an mich" in ann.page.run("return document.querySelector('dialog').innerText"))
        assert "Note to self" not in ann.page.run(ROWS)
    finally:
        ann.person.put(account, key="language", value="en")
