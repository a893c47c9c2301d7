"""Guests come into a room by its link, with a name of their own, and are told why they cannot."""

import pytest
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Page
from support.browsers import fill_in_login
from support.invitations import tokens_of
from support.people import GROUP, PUBLIC, Person

FIELD = "Write a message"
ROOM_PASSWORD = "a password of a room"


@pytest.fixture
def token(owner: Person) -> str:
    return owner.create_room(PUBLIC, "Harbour")


def names_of_guests(owner: Person, token: str) -> list[str]:
    return [each["displayName"] for each in owner.get(f"v4/room/{token}/participants") if each["actorType"] == "guests"]


def come(page: Page, token: str, name: str = "Gil") -> None:
    """Open the link of a room as a visitor who gives a name."""
    page.visit(f"/call/{token}")
    page.fill("Your name", name)
    page.click("Join the conversation")


def test_a_guest_talks_under_a_name_and_changes_it(page: Page, owner: Person, token: str) -> None:
    come(page, token)
    assert page.shows("You are here as Gil")
    page.fill(FIELD, "Ahoy" + Keys.ENTER)
    page.wait(lambda: owner.texts(token) == ["Ahoy"])
    assert owner.history(token)[0]["actorDisplayName"] == "Gil"
    page.click("Settings")
    page.fill("Your name", "Gil of the Sea")
    page.click("Save")
    page.wait(lambda: names_of_guests(owner, token) == ["Gil of the Sea"])
    page.click("Close")
    assert page.shows("You are here as Gil of the Sea")


def test_a_guest_is_called_you_in_events(page: Page, owner: Person, token: str) -> None:
    come(page, token)
    hear(page, owner, token)
    [guest] = [each for each in owner.get(f"v4/room/{token}/participants") if each["actorType"] == "guests"]
    owner.post(f"v4/room/{token}/moderators", attendeeId=guest["attendeeId"])
    assert page.shows("Owner promoted you to moderator")


def test_a_password_is_asked_for_until_it_is_right(page: Page, owner: Person, token: str) -> None:
    owner.put(f"v4/room/{token}/password", password=ROOM_PASSWORD)
    come(page, token)
    page.fill("Password", "a wrong password")
    page.click("Enter")
    assert page.shows("That is not the password.")
    page.fill("Password", ROOM_PASSWORD)
    page.click("Enter")
    assert page.find("textarea", FIELD).is_enabled()
    page.wait(lambda: names_of_guests(owner, token) == ["Gil"])


def test_the_lobby_opens_by_itself(page: Page, owner: Person, token: str) -> None:
    owner.put(f"v4/room/{token}/webinar/lobby", state=1)
    come(page, token)
    assert page.shows("You are in the lobby")
    owner.put(f"v4/room/{token}/webinar/lobby", state=0)
    assert page.find("textarea", FIELD).is_enabled()


def hear(page: Page, owner: Person, token: str) -> None:
    """Wait until the guest gets events of the room."""
    page.find("textarea", FIELD)
    owner.say(token, "Do you hear me?")
    assert page.shows("Do you hear me?")


def test_a_guest_who_is_removed_is_told_so(page: Page, owner: Person, token: str) -> None:
    come(page, token)
    hear(page, owner, token)
    [attendee] = [
        each["attendeeId"] for each in owner.get(f"v4/room/{token}/participants") if each["actorType"] == "guests"
    ]
    owner.delete(f"v4/room/{token}/attendees", attendeeId=attendee)
    assert page.shows("You were removed from this conversation.")


def test_a_guest_of_a_deleted_room_is_told_so(page: Page, owner: Person, token: str) -> None:
    come(page, token)
    hear(page, owner, token)
    owner.delete(f"v4/room/{token}")
    assert page.shows("This conversation was deleted.")


def test_links_that_are_not_for_guests_lead_to_the_login(page: Page, owner: Person) -> None:
    group = owner.create_room(GROUP, "Crew")
    page.visit(f"/call/{group}")
    assert page.shows("This link does not open for guests")
    page.click("I have an account: log in")
    page.wait(lambda: "/login" in page.chrome.current_url)
    fill_in_login(page.chrome, owner.id)
    assert page.shows("Crew")
    assert page.find("textarea", FIELD).is_enabled()


def test_the_link_of_an_invitation_asks_for_no_name(page: Page, owner: Person, token: str) -> None:
    owner.add(token, "guest@talk.test", "emails")
    access = tokens_of(page.server, token)["guest@talk.test"]
    page.visit(f"/call/{token}?email=guest@talk.test&access={access}")
    page.fill(FIELD, "Here I am" + Keys.ENTER)
    page.wait(lambda: owner.texts(token) == ["Here I am"])
    assert owner.history(token)[0]["actorType"] == "emails"
