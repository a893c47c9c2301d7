"""The names of sent files, and of the folders that they are in."""

import pytest

from support.files import Files, send
from support.people import GROUP, Person
from support.running import Server


def names_in(files: Files, path: str) -> list[str]:
    return [each["displayname"] for each in files.list(path, 1, "d:displayname").values()]


@pytest.mark.parametrize("letter", ["x", "\u0434", "\u4f1a", "\U0001f600"], ids=["ascii", "cyrillic", "cjk", "emoji"])
def test_files_are_sent_whatever_room_and_person_are_called(server: Server, letter: str) -> None:
    """A name of a folder may have 255 bytes, and the longest names of rooms and people have more."""
    person = server.add_user("long", display_name=letter * 64)
    token = person.create_room(GROUP, name=letter * 255)
    message = send(person, token, b"1", "a.txt")
    assert message["messageParameters"]["file"]["name"] == "a.txt"
    folder = person.post(f"v1/chat/{token}/attachment/folder", fileNames=["b.txt"])["folder"]
    files = Files(person)
    files.put(f"/{folder}/b", b"2")
    person.post(f"v1/chat/{token}/attachment", filePath=f"/{folder}/b", fileName="b.txt", referenceId="b")
    assert set(names_in(files, "/" + folder.rpartition("/")[0])) > {"a.txt", "b.txt"}


@pytest.mark.parametrize("name", ["x" * 246 + ".txt", "\u4f1a" * 83 + ".txt"], ids=["ascii", "cjk"])
def test_the_longest_names_can_be_sent_more_than_once(alice: Person, token: str, name: str) -> None:
    sent = [send(alice, token, content, name)["messageParameters"]["file"] for content in (b"1", b"2")]
    assert sent[0]["name"] == name
    assert sent[1]["name"].endswith(" (1).txt")
    assert {each["mimetype"] for each in sent} == {"text/plain"}
