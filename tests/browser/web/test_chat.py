"""Two people write to each other in the web client."""

from collections.abc import Callable
from unittest.mock import AsyncMock

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from browser.web.conftest import Window, enter_new_room, open_two
from support.running import Server
from talkd.areas.settings import store as settings

FIELD = "Write a message"
ROW = "return [...document.querySelectorAll('.item')].findLast(each => each.innerText.includes(arguments[0])) ?? null"
TEXTS = "return [...document.querySelectorAll('.item .text')].map(each => each.innerText.trim())"
TOOL = "return arguments[0].querySelector(`button[aria-label=${JSON.stringify(arguments[1])}]`)"


class Chatting(Window):
    """A person who writes in one room after the other."""

    def enter(self, token: str) -> None:
        """Open a room, and wait until its messages are there."""
        super().enter(token)
        self.page.wait(lambda: self.page.run("return document.querySelector('.item, .events')"))

    @property
    def field(self) -> WebElement:
        return self.page.find("textarea", FIELD)

    def send(self, text: str) -> None:
        self.field.send_keys(text, Keys.ENTER)

    def row(self, text: str) -> WebElement:
        """Return the newest row that contains the text."""
        found: WebElement = self.page.wait(lambda: self.page.run(ROW, text))
        return found

    def act(self, text: str, tool: str, *names: str) -> None:
        """Press a button of a message, and others that appear then."""

        def press() -> bool:
            row = self.page.run(ROW, text)
            ActionChains(self.page.chrome).move_to_element(row).perform()
            return self.page.run(TOOL, row, tool).click() is None

        self.page.wait(press)
        for name in names:
            self.page.click(name)

    def make_poll(self, question: str, *names: str) -> None:
        """Ask a question with the answers Island and River, and press what else is named."""
        self.page.click("Add something")
        self.page.click("New poll")
        self.page.fill("Question", question)
        self.page.fill("Answer 1", "Island")
        self.page.fill("Answer 2", "River")
        for name in names:
            self.page.click(name)

    def texts(self, *wanted: str) -> bool:
        """Wait until exactly these messages are shown."""
        return bool(self.page.wait(lambda: self.page.run(TEXTS) == list(wanted)))


@pytest.fixture(scope="module")
def windows(web_browser: Chrome, servers: Callable[[str], Server]) -> tuple[Chatting, Chatting]:
    """Two windows, in which Ann and Ben stay logged in."""
    return open_two(Chatting, web_browser, servers("sqlite"))


@pytest.fixture
def pair(windows: tuple[Chatting, Chatting], sqlite_server: Server) -> tuple[Chatting, Chatting]:
    """Ann and Ben in a new room, which both see."""
    return enter_new_room(windows)


def test_messages_are_shown_to_both_and_mention_people(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.send("The sea is **calm**")
    assert ben.texts("The sea is calm")
    ben.field.send_keys("Hello @an")
    ben.page.find("[role=option]", "Ann")
    ben.field.send_keys(Keys.ENTER, Keys.ENTER)
    assert ann.texts("The sea is calm", "Hello @Ann")
    assert ann.page.run("return document.querySelector('.item .mention').className").endswith("me")
    assert ben.person.texts(ben.token) == ["The sea is **calm**", "Hello {mention-user1}"]


def test_a_reaction_is_seen_and_taken_back(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.send("Ship ahoy")
    ben.act("Ship ahoy", "React", "👍")
    ann.page.click("👍 1")
    ben.page.click("👍 2")
    ann.page.find("button", "👍 1")
    [found] = [each for each in ann.person.history(ann.token) if each["message"] == "Ship ahoy"]
    assert found["reactions"] == {"👍": 1}


def test_a_reply_leads_to_what_it_answers(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    token = ann.person.create_room(name="Quay")
    ann.person.add(token, ben.person)
    question = ann.person.say(token, "Where is the anchor?")
    for number in range(110):
        ann.person.say(token, f"line {number}")
    ann.person.say(token, "At the bow", replyTo=question["id"])
    ben.enter(token)
    quote = "return arguments[0].querySelector('button.quote').click()"
    ben.page.wait(lambda: ben.page.run(quote, ben.page.run(ROW, "At the bow")) is None)
    ben.page.wait(lambda: ben.page.run(ROW, "line 0").is_displayed())
    ben.page.click("Newest")
    ben.act("At the bow", "Reply")
    assert ben.page.shows("Reply to Ann")
    ben.send("Thank you")
    ben.page.wait(lambda: "At the bow" in ben.page.run(ROW, "Thank you").text)


def test_own_messages_are_edited_and_deleted(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.send("Low tide at six")
    ben.row("Low tide at six")
    ann.field.send_keys(Keys.ARROW_UP)
    assert ann.page.shows("Edit message")
    ann.field.send_keys(Keys.BACKSPACE * 3, "seven", Keys.ENTER)
    assert ben.texts("Low tide at seven")
    ann.act("seven", "More", "Delete")
    assert ben.page.lacks("seven")
    assert ann.page.lacks("seven")


def test_a_draft_survives_a_reload(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.field.send_keys("Not yet done")
    ann.enter(ann.token)
    assert ann.field.get_attribute("value") == "Not yet done"
    ann.field.send_keys(Keys.ENTER)
    assert ben.texts("Not yet done")
    ann.enter(ann.token)
    assert ann.field.get_attribute("value") == ""


def test_nothing_is_lost_or_doubled_while_offline(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.page.set_network(is_there=False)
    assert ann.page.shows("You are offline")
    for text in ("one", "two", "three"):
        ann.send(text)
    ben.send("meanwhile")
    assert ann.page.shows("three")
    ann.page.set_network(is_there=True)
    assert ben.texts("meanwhile", "one", "two", "three")
    assert ann.texts("meanwhile", "one", "two", "three")


def test_a_restart_of_the_server_leaves_what_is_typed(
    pair: tuple[Chatting, Chatting], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, ben = pair
    # Tests of the clock may have stored moments of the future. A restart would go on from them, and end all logins.
    monkeypatch.setattr(settings, "get_latest_moment", AsyncMock(return_value=0))
    ann.field.send_keys("Half a sen")
    ann.page.server.stop()
    ben.send("Sent into the void")
    ann.field.send_keys("tence")
    ann.page.server.start()
    ann.field.send_keys(Keys.ENTER)
    ben.row("Half a sentence")
    ann.row("Sent into the void")
    ann.refresh()
    assert sorted(ann.person.texts(ann.token)) == ["Half a sentence", "Sent into the void"]


def test_a_poll_is_made_answered_and_ended(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.make_poll("Where do we sail?", "Save as draft")
    ann.page.wait(lambda: len(ann.person.get(f"v1/poll/{ann.token}/drafts")) == 1)
    ann.page.click("Add something")
    ann.page.click("New poll")
    ann.page.find("summary", "1 draft").click()
    ann.page.click("Where do we sail?")
    ann.page.click("Start poll")
    for each in pair:
        each.page.click("Island")
        each.page.click("Vote")
    assert ann.page.shows("2 people voted")
    assert ben.page.shows("100%")
    ben.page.click("Change vote")
    ben.page.click("River")
    ben.page.click("Vote")
    assert ann.page.shows("50%")
    ann.page.click("End poll")
    ann.page.click("End poll")
    assert ben.page.shows("Ended")
    assert ann.person.get(f"v1/poll/{ann.token}/drafts") == []


def test_votes_of_a_secret_poll_are_shown_at_its_end(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.make_poll("Who steers?", "Several answers possible", "Hide votes until the end", "Start poll")
    ben.page.click("Island")
    ben.page.click("River")
    ben.page.click("Vote")
    assert ben.page.shows("Votes are shown at the end")
    assert ben.page.lacks("100%")
    ann.page.click("End poll")
    ann.page.click("End poll")
    assert ben.page.shows("100%")


def test_a_place_is_shared(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.page.click("Add something")
    ann.page.click("Share a place")
    ann.page.fill("Name", "Lighthouse")
    ann.page.fill("Position", "54.3, 10.2")
    ann.page.click("Share")
    card = ben.page.find("a.card", "Lighthouse")
    assert "mlat=54.3&mlon=10.2" in str(card.get_attribute("href"))


def test_typing_and_reading_is_seen_by_the_other(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ben.field.send_keys("I think")
    assert ann.page.shows("Ben is typing")
    ben.send(" so")
    assert ann.page.lacks("Ben is typing")
    ben.page.chrome.get(ben.page.server.url)
    ann.send("Read this")
    ann.page.find("svg", "Sent")
    ben.enter(ben.token)
    ann.row("Read this")
    ann.page.wait(lambda: ann.page.run("return document.querySelector('.item svg[aria-label=\"Read by everyone\"]')"))


def test_messages_vanish_when_they_expire(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    ann.person.post(f"v4/room/{ann.token}/message-expiration", seconds=2)
    ann.send("Gone soon")
    assert ben.texts("Gone soon")
    for each in pair:
        assert each.texts()


def test_a_message_is_forwarded_to_another_room(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    other = ben.person.create_room(name="Dock")
    ann.send("Tell **everybody**")
    ben.page.find("a", "Dock")
    ben.act("Tell everybody", "More", "Forward", "Dock")
    assert ben.page.shows("Forwarded to Dock.")
    ben.page.wait(lambda: ben.person.texts(other) == ["Tell **everybody**"])


def test_a_reminder_is_set_shown_and_removed(pair: tuple[Chatting, Chatting]) -> None:
    ann, _ = pair
    ann.send("Pay the harbour fee")
    ann.act("Pay the harbour fee", "More", "Remind me", "Tomorrow")
    assert ann.page.shows("You will be reminded")
    [reminder] = ann.person.get("v1/chat/upcoming-reminders")
    assert reminder["message"] == "Pay the harbour fee"
    ann.act("Pay the harbour fee", "More", "Remind me", "Remove reminder")
    ann.page.wait(lambda: ann.person.get("v1/chat/upcoming-reminders") == [])


def test_messages_are_found_and_shared_things_listed(pair: tuple[Chatting, Chatting]) -> None:
    ann, ben = pair
    token = ann.person.create_room(name="Archive")
    ann.person.add(token, ben.person)
    for text in ("a needle of gold", *(f"hay {number}" for number in range(110))):
        ann.person.say(token, text)
    place = {"objectType": "geo-location", "objectId": "geo:54.3,10.2"}
    ann.person.post(f"v1/chat/{token}/share", **place, metaData='{"name":"Pier","latitude":"54.3","longitude":"10.2"}')
    ben.enter(token)
    ben.page.click("Details")
    ben.page.click("Shared")
    ben.page.find("aside a.card", "Pier")
    ben.page.fill("Search messages", "needle")
    ben.page.wait(lambda: ben.page.run("return document.querySelector('aside .hit')").click() is None)
    assert ben.row("a needle of gold").is_displayed()
