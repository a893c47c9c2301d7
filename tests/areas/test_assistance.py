"""Operations that need a language model are refused."""

from support.people import PUBLIC, Person
from support.running import Server


def test_summaries_are_refused(server: Server, alice: Person) -> None:
    token, guest = alice.create_room(PUBLIC), server.visitor()
    guest.join(token)
    assert alice.refused("POST", f"v1/chat/{token}/summarize", fromMessageId=1) == (400, "ai-error")
    assert guest.refused("POST", f"v1/chat/{token}/summarize", fromMessageId=1) == (400, "ai-error")
    assert server.add_user().status("POST", f"v1/chat/{token}/summarize", fromMessageId=1) == 404


def test_translations_are_refused(alice: Person) -> None:
    assert alice.get("/ocs/v2.php/translation/languages") == {"languages": [], "languageDetection": False}
    refused = alice.request("POST", "/ocs/v2.php/translation/translate", text="Haus", toLanguage="en")
    assert (refused.status_code, refused.json()["ocs"]["data"]) == (
        412,
        {"message": "No translation provider available"},
    )


def test_tasks_do_not_exist(alice: Person) -> None:
    assert alice.status("GET", "/ocs/v2.php/taskprocessing/task/1") == 404
