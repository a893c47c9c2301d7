"""What the message of a file says about it, field by field."""

from email.utils import parsedate_to_datetime
from typing import Any

from blurhash_rs import blurhash_decode

from support.files import Files
from support.people import Person
from support.pictures import encoded, halves, wav

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"


def share(person: Person, token: str, path: str) -> None:
    """Share a file in a room."""
    person.post(SHARES, shareType=10, shareWith=token, path=path)


def file_in_newest(person: Person, token: str) -> dict[str, Any]:
    """Return what the newest message says about its file."""
    shown: dict[str, Any] = person.history(token)[0]["messageParameters"]["file"]
    return shown


def test_a_message_says_everything_about_its_file(alice: Person, bob: Person, token: str) -> None:
    """All fields that clients know, each a text, and as the reader finds the file by its path."""
    photo = encoded(halves((300, 200)), "PNG")
    Files(alice).put("/photo.png", photo, X_OC_MTime="1700000000")
    share(alice, token, "/photo.png")
    file = file_in_newest(bob, token)
    names = ("d:getetag", "d:getcontenttype", "d:getlastmodified", "oc:size", "oc:fileid", "nc:has-preview")
    (there,) = Files(bob).list("/" + file["path"], 0, *names).values()
    assert parsedate_to_datetime(there["getlastmodified"]).timestamp() == 1_700_000_000
    assert len(blurhash_decode(file.pop("blurhash"), 3, 2).tobytes()) == 3 * 2 * 3
    assert file == {
        "type": "file",
        "id": there["fileid"],
        "name": "photo.png",
        "size": there["size"],
        "path": f"Talk/{token}/{there['fileid']}/photo.png",
        "link": f"{str(alice.http.base_url).rstrip('/')}/index.php/f/{there['fileid']}",
        "etag": there["getetag"].strip('"'),
        "permissions": "1",
        "mimetype": there["getcontenttype"],
        "mtime": "1700000000",
        "preview-available": {"true": "yes"}[there["has-preview"]],
        "hide-download": "no",
        "width": "300",
        "height": "200",
    }
    assert file_in_newest(alice, token).items() >= file.items()
    assert Files(alice).get("/" + file["path"]) == photo


def test_a_message_says_how_long_a_voice_message_is(alice: Person, bob: Person, token: str) -> None:
    Files(alice).put("/voice.wav", wav(2.5))
    alice.post(SHARES, shareType=10, shareWith=token, path="/voice.wav", talkMetaData='{"messageType":"voice-message"}')
    assert bob.history(token)[0]["messageType"] == "voice-message"
    assert file_in_newest(bob, token)["duration"] == "2500"


def test_a_message_follows_time_and_type_of_its_file(alice: Person, bob: Person, token: str) -> None:
    files = Files(alice)
    files.put("/photo.bin", encoded(halves((300, 200)), "PNG"))
    share(alice, token, "/photo.bin")
    before = file_in_newest(bob, token)
    assert (before["mimetype"], before["preview-available"]) == ("application/octet-stream", "no")
    body = (
        '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:lastmodified>1600000000</d:lastmodified></d:prop></d:set>'
        "</d:propertyupdate>"
    )
    assert files.status("PROPPATCH", "/photo.bin", body) == 207
    assert file_in_newest(bob, token)["mtime"] == "1600000000"
    assert files.move("/photo.bin", "/photo.png") == 201
    after = file_in_newest(bob, token)
    assert (after["mimetype"], after["preview-available"], after["name"]) == ("image/png", "yes", "photo.bin")
    preview = bob.http.get("/index.php/core/preview", params={"fileId": after["id"], "x": 64, "y": 64, "a": 1})
    assert preview.status_code == 200
