"""Moderators manage the people of a conversation in the panel beside the chat."""

from pathlib import Path

from selenium.webdriver.common.by import By

from browser.web.conftest import Page
from support.people import Person
from support.running import Server


def open_people(page: Page, person: Person, token: str) -> None:
    page.open(person, f"/call/{token}")
    page.click("Details")
    page.click("People")


def actor_types(owner: Person, token: str) -> dict[str, int]:
    return {each["actorId"]: each["participantType"] for each in owner.get(f"v4/room/{token}/participants")}


def test_a_moderator_changes_roles_and_permissions(page: Page, owner: Person, member: Person, token: str) -> None:
    open_people(page, owner, token)
    page.click("Actions for Member")
    page.click("Permissions")
    page.click("Use the camera")
    page.click("Save")
    page.wait(lambda: owner.participants(token)[member.id]["permissions"] & 32 == 0)
    assert owner.participants(token)[member.id]["permissions"] & 16
    page.click("Actions for Member")
    page.click("Make a moderator")
    page.wait(lambda: actor_types(owner, token)[member.id] == 2)
    page.click("Actions for Member")
    page.click("Make a participant")
    page.wait(lambda: actor_types(owner, token)[member.id] == 3)


def test_a_moderator_bans_with_a_note_and_lifts_the_ban(page: Page, owner: Person, member: Person, token: str) -> None:
    open_people(page, owner, token)
    page.click("Actions for Member")
    page.click("Ban")
    page.fill("Note for moderators", "was loud")
    page.click("Ban")
    page.wait(lambda: member.status("POST", f"v4/room/{token}/participants/active") == 403)
    page.click("Bans")
    assert page.shows("was loud")
    page.click("Lift")
    assert page.shows("Nobody is banned.")
    assert member.status("POST", f"v4/room/{token}/participants/active") == 200


def test_people_are_added_by_name_and_seen_when_they_come(
    page: Page, sqlite_server: Server, owner: Person, token: str
) -> None:
    newcomer = sqlite_server.add_user("newcomer")
    open_people(page, owner, token)
    page.click("Add people")
    page.fill("Name, group or e-mail address", newcomer.id)
    page.click("Newcomer")
    page.find("[aria-label]", "Added")
    page.click("Done")
    assert newcomer.id in actor_types(owner, token)
    newcomer.join(token)
    page.wait(lambda: len(page.chrome.find_elements(By.CSS_SELECTOR, "aside [title='here now']")) == 2)


def test_a_list_of_addresses_is_shown_before_it_is_sent(page: Page, owner: Person, token: str, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,email\nAnn,ann@talk.test\nNobody,nothing\nAnn,ann@talk.test\n")
    open_people(page, owner, token)
    page.click("Add people")
    page.click("Import a list")
    page.find("input[type=file]", "List of e-mail addresses (CSV)").send_keys(str(file))
    assert page.shows("1 person will be invited.")
    assert page.shows("Lines without a valid address: 3")
    assert len(owner.get(f"v4/room/{token}/participants")) == 2
    page.click("Invite")
    page.wait(lambda: len(owner.get(f"v4/room/{token}/participants")) == 3)


def test_a_member_is_removed_and_one_leaves(page: Page, owner: Person, member: Person, token: str) -> None:
    open_people(page, owner, token)
    page.click("Actions for Member")
    page.click("Remove")
    page.click("Remove")
    page.wait(lambda: member.id not in actor_types(owner, token))
    owner.add(token, member)
    open_people(page, member, token)
    page.click("Conversation")
    page.click("Leave conversation")
    page.click("Leave conversation")
    page.wait(lambda: member.id not in actor_types(owner, token))
    assert page.shows("Choose a conversation")


def test_the_owner_deletes_a_conversation_after_a_question(page: Page, owner: Person, token: str) -> None:
    open_people(page, owner, token)
    page.click("Conversation")
    page.click("Delete conversation")
    page.click("Cancel")
    assert owner.room(token)
    page.click("Delete conversation")
    page.click("Delete conversation")
    page.wait(lambda: owner.status("GET", f"v4/room/{token}") == 404)
