"""People set their picture, name, password, language, colours and privacy, and look after their connected apps."""

import io
from pathlib import Path

import httpx
import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser.web.conftest import Page
from support.files import Files
from support.people import Person
from support.running import HEADERS, PASSWORD, Server

NEW_PASSWORD = "another long password"
LOOK = "const {theme, contrast} = document.documentElement.dataset; return [theme, contrast]"
HAS_BUTTON = "return [...document.querySelectorAll('button')].some(each => each.innerText === arguments[0])"


@pytest.fixture
def person(sqlite_server: Server, page: Page) -> Person:
    """Somebody whose settings are open."""
    person = sqlite_server.add_user("person")
    page.open(person)
    page.click("Settings")
    return person


def own(person: Person, field: str) -> object:
    return person.http.get("/ocs/v2.php/cloud/user").json()["ocs"]["data"][field]


def test_a_picture_is_chosen_and_removed(page: Page, person: Person, tmp_path: Path) -> None:
    def shown() -> tuple[bool, object]:
        answer = person.http.get(f"/index.php/avatar/{person.id}/64")
        color = Image.open(io.BytesIO(answer.content)).convert("RGB").getpixel((32, 32))
        return answer.headers["x-nc-iscustomavatar"] == "1", color

    Image.new("RGB", (300, 200), (10, 200, 30)).save(tmp_path / "picture.png")
    assert not page.run(HAS_BUTTON, "Remove picture")
    page.find("input[type=file]", "Choose picture").send_keys(str(tmp_path / "picture.png"))
    page.wait(lambda: shown() == (True, (10, 200, 30)))
    page.click("Remove picture")
    page.wait(lambda: not shown()[0] and not page.run(HAS_BUTTON, "Remove picture"))


def test_name_and_address_are_changed_and_refused(page: Page, person: Person) -> None:
    page.fill("Name", "Percy the Person")
    page.fill("E-mail address", "percy@talk.test")
    page.click("Save")
    page.wait(lambda: (own(person, "displayname"), own(person, "email")) == ("Percy the Person", "percy@talk.test"))
    page.fill("E-mail address", "percy@nowhere")
    page.click("Save")
    assert page.wait(lambda: page.chrome.find_element(By.CSS_SELECTOR, "dialog [role=alert]").text)
    assert own(person, "email") == "percy@talk.test"


def test_what_ones_own_files_use_is_shown(page: Page, sqlite_server: Server) -> None:
    person = sqlite_server.add_user("person")
    Files(person).put("/a", bytes(3 << 19))
    change = {"key": "quota", "value": "5 GB"}
    sqlite_server.admin_request("PUT", f"/ocs/v2.php/cloud/users/{person.id}", **change)
    page.open(person)
    page.click("Settings")
    page.shows("Your files: 1.5 MB of 5 GB")


def test_a_language_is_shown_at_once_and_kept_in_the_account(page: Page, person: Person) -> None:
    page.choose("Language", "Deutsch")
    assert page.shows("Einstellungen")
    page.wait(lambda: own(person, "language") == "de")
    page.open(person)  # a browser that knows nothing of the choice
    assert page.shows("Wähle eine Unterhaltung")
    assert page.run("return document.documentElement.lang") == "de"


def test_colors_and_contrast_stay_in_the_browser(page: Page, person: Person) -> None:
    page.choose("Colors", "Dark")
    page.click("High contrast")
    page.wait(lambda: page.run(LOOK) == ["dark", "more"])
    page.chrome.refresh()
    page.wait(lambda: page.run(LOOK) == ["dark", "more"])


def test_read_and_typing_privacy_are_kept_in_the_account(page: Page, person: Person) -> None:
    def privacy() -> tuple[int, int]:
        chat = person.http.get("/ocs/v2.php/cloud/capabilities").json()["ocs"]["data"]["capabilities"]["spreed"]
        return chat["config"]["chat"]["read-privacy"], chat["config"]["chat"]["typing-privacy"]

    page.click("Show others what I have read")
    page.wait(lambda: privacy() == (1, 0))
    page.click("Show others that I am typing")
    page.wait(lambda: privacy() == (1, 1))
    page.click("Show others what I have read")
    page.wait(lambda: privacy() == (0, 1))


def test_a_new_password_needs_the_current_one(page: Page, person: Person) -> None:
    page.click("Change password")
    for current in ("a wrong password", PASSWORD):
        for name, text in (("Current password", current), ("New password", NEW_PASSWORD)):
            page.fill(name, text)
        page.fill("New password again", NEW_PASSWORD + Keys.ENTER)
        page.shows("That is not your current password." if current != PASSWORD else "Choose a conversation")
    assert page.server.client(person.id, NEW_PASSWORD).get("/ocs/v2.php/cloud/user").status_code == 200


def test_a_connected_app_is_disconnected(page: Page, person: Person) -> None:
    headers = {**HEADERS, "User-Agent": "Telescope"}
    answer = httpx.get(f"{page.server.url}/ocs/v2.php/core/getapppassword", headers=headers, auth=(person.id, PASSWORD))
    app = page.server.client(person.id, answer.json()["ocs"]["data"]["apppassword"])
    assert app.get("/ocs/v2.php/cloud/user").status_code == 200
    page.click("Connected apps")
    page.find("ul.devices button", "Disconnect Telescope").click()
    assert page.shows("No app is connected to your account.")
    assert app.get("/ocs/v2.php/cloud/user").status_code == 401


def test_the_list_of_keys_opens_by_keyboard(page: Page, person: Person) -> None:
    assert page.shows("Change password")
    page.keys(Keys.ESCAPE)
    page.wait(lambda: not page.chrome.find_elements(By.CSS_SELECTOR, "dialog"))
    page.keys("?")
    assert page.shows("Keyboard shortcuts")
