"""Everything that is done with files in conversations, with S3 as the storage."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from support.commands import run_with
from support.files import Files, send
from support.people import Person
from support.pictures import encoded, opened, wav
from support.processes import environment_with
from support.running import Server
from support.s3 import KEYS, S3, running_s3
from talkd.blobs.s3 import PART
from talkd.config import Config

FOLDER = "talkd"
ORPHAN = "0a" + "1" * 30
PREVIEW = {"x": 256, "y": 256, "a": 1}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def on_s3(
    request: pytest.FixtureRequest,
    databases: Any,
    new_server: Callable[[Config], Server],
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
) -> Server:
    """A server whose contents are in an S3 folder without other objects."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    config: Config = databases.config(request.param)
    for key in s3.list_objects(FOLDER):
        s3.lose(FOLDER, key)
    config.files.storage = s3.url(FOLDER)
    return new_server(config)


@pytest.fixture
def sender(on_s3: Server) -> Person:
    return on_s3.add_user("sender")


@pytest.fixture
def reader(on_s3: Server) -> Person:
    return on_s3.add_user("reader")


@pytest.fixture
def room(sender: Person, reader: Person) -> str:
    token = sender.create_room()
    sender.add(token, reader)
    return token


def sent(sender: Person, room: str, content: bytes, name: str, **more: Any) -> dict[str, str]:
    """Send a file, and return what its message says about it."""
    found: dict[str, str] = send(sender, room, content, name, **more)["messageParameters"]["file"]
    return found


def test_pictures_are_described_and_have_previews(sender: Person, reader: Person, room: str, s3: S3) -> None:
    photo = encoded(Image.effect_noise((3000, 2200), 90).convert("RGB"), "PNG")
    assert len(photo) > PART, "S3 gets it in several parts"
    file = sent(sender, room, photo, "a.png")
    assert (file["width"], file["height"], file["preview-available"]) == ("3000", "2200", "yes")
    assert file["blurhash"]
    original = set(s3.list_objects(FOLDER))
    query: dict[str, Any] = {"fileId": file["id"], **PREVIEW}
    for accept, kind in (("image/webp", "WEBP"), ("*/*", "JPEG")):
        first = reader.http.get("/index.php/core/preview", params=query, headers={"Accept": accept})
        assert first.status_code == 200
        assert (opened(first.content).format, max(opened(first.content).size)) == (kind, 256)
        known = {"Accept": accept, "If-None-Match": first.headers["etag"]}
        assert reader.http.get("/index.php/core/preview", params=query, headers=known).status_code == 304
    for key in set(s3.list_objects(FOLDER)) - original:
        s3.lose(FOLDER, key)
    again = reader.http.get("/index.php/core/preview", params=query)
    assert (again.status_code, opened(again.content).format) == (200, "JPEG")
    assert len(s3.list_objects(FOLDER)) == 2


@pytest.mark.parametrize("way", ["link", "WebDAV"])
def test_parts_of_files_are_downloaded(sender: Person, reader: Person, room: str, way: str) -> None:
    content = bytes(range(251)) * (PART // 251 + 100)
    file = sent(sender, room, content, "film.mp4")
    last = len(content) - 1
    address = f"/f/{file['id']}" if way == "link" else f"{Files(reader).root}/{file['path']}"
    whole = reader.http.get(address)
    assert (whole.status_code, whole.content) == (200, content)
    for asked, start, end in (
        ("bytes=0-0", 0, 0),
        (f"bytes={PART - 5}-{PART + 5}", PART - 5, PART + 5),
        ("bytes=-7", last - 6, last),
        (f"bytes={last - 3}-", last - 3, last),
        (f"bytes=5-{last + 100}", 5, last),
    ):
        part = reader.http.get(address, headers={"Range": asked, "If-Range": whole.headers["etag"]})
        assert (part.status_code, part.content == content[start : end + 1]) == (206, True), asked
        assert part.headers["content-range"] == f"bytes {start}-{end}/{len(content)}"
    past = reader.http.get(address, headers={"Range": f"bytes={last + 1}-"})
    assert (past.status_code, past.headers["content-range"]) == (416, f"bytes */{len(content)}")
    assert reader.http.get(address, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    assert reader.http.head(address).headers["content-length"] == str(len(content))


def test_voice_messages_are_played_and_listed(sender: Person, reader: Person, room: str) -> None:
    sound = wav(2)
    message = send(sender, room, sound, "Recording.wav", messageType="voice-message")
    assert message["messageType"] == "voice-message"
    file = message["messageParameters"]["file"]
    begun = reader.http.get(f"/f/{file['id']}", headers={"Range": "bytes=0-"})
    assert (begun.status_code, begun.headers["content-type"], begun.content) == (206, "audio/wav", sound)
    listed = reader.get(f"v1/chat/{room}/share", objectType="voice")
    assert list(listed) == [str(message["id"])]


def test_deleted_messages_leave_no_object(on_s3: Server, sender: Person, reader: Person, room: str, s3: S3) -> None:
    message = send(sender, room, encoded(Image.effect_noise((300, 200), 50)), "a.jpg")
    query: dict[str, Any] = {"fileId": message["messageParameters"]["file"]["id"], **PREVIEW}
    assert reader.http.get("/index.php/core/preview", params=query).status_code == 200
    assert len(s3.list_objects(FOLDER)) == 2
    sender.delete(f"v1/chat/{room}/{message['id']}")
    on_s3.run_job("delete_removed_files")
    on_s3.wait_for(lambda: not s3.list_objects(FOLDER))


def test_a_check_finds_and_mends_what_is_wrong(on_s3: Server, sender: Person, room: str, s3: S3) -> None:
    config = on_s3.config
    where = {"DATA": config.data, "DATABASE_URL": config.database.url, "FILES_STORAGE": config.files.storage}
    environment = environment_with({name: value for name, value in where.items() if value}) | KEYS
    sent(sender, room, b"is there", "a.txt")
    kept = s3.list_objects(FOLDER)
    done = run_with(environment, "files", "check")
    assert (done.returncode, done.stdout) == (0, "1 in the storage, 8 B\nEverything is there.\n")
    s3.leave(FOLDER, ORPHAN, b"left behind")
    done = run_with(environment, "files", "check", "--age", "0")
    assert (done.returncode, f"1 without a file\n  {ORPHAN}, 11 B\n" in done.stdout) == (1, True)
    done = run_with(environment, "files", "check", "--repair", "--age", "0")
    assert (done.returncode, s3.list_objects(FOLDER)) == (0, kept)
    sent(sender, room, b"gets lost", "b.txt")
    (lost,) = set(s3.list_objects(FOLDER)) - set(kept)
    s3.lose(FOLDER, lost)
    done = run_with(environment, "files", "check", "--repair")
    assert done.returncode == 1
    assert "1 whose contents are missing" in done.stdout
    assert f"  {sender.id}: Talk/" in done.stdout
