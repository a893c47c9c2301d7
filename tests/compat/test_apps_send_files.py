"""The requests with which the apps send and show files, in their order and with their headers.

What each app sends is described in docs/api/compatibility.md, Files.
"""

import io
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from support.files import Files, properties_of
from support.people import Person

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"
PIECE = 1_024_000
"""Bytes of a piece of Android's uploads."""


def picture(width: int = 640, height: int = 480) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture
def file_messages(bob: Person, token: str) -> Any:
    """Return a function that returns Bob's messages with files, oldest first."""

    def read() -> list[dict[str, Any]]:
        shown = bob.get(f"v1/chat/{token}", lookIntoFuture=0)
        return [each for each in reversed(shown) if "file" in each["messageParameters"]]

    return read


def require_preview(person: Person, message: dict[str, Any], query: str) -> httpx.Response:
    """Get the preview of a message as an app does, and check that it is a picture."""
    number = message["messageParameters"]["file"]["id"]
    answer = person.http.get(f"/index.php/core/preview?fileId={number}&{query}")
    assert answer.status_code == 200, answer.text
    Image.open(io.BytesIO(answer.content)).load()
    return answer


def as_app(person: Person) -> dict[str, str]:
    return {"OCS-APIRequest": "true", "Accept": "application/json"}


def test_android_uploads_and_shares(alice: Person, bob: Person, token: str, file_messages: Any) -> None:
    files, content = Files(alice), picture()
    assert files.status("HEAD", "/Talk/photo.jpg") == 404
    assert files.status("PUT", "/Talk/photo.jpg", content, Content_Type="application/octet-stream") in (404, 409)
    assert files.status("MKCOL", "") == 405
    assert files.status("MKCOL", "/Talk") == 201
    assert files.status("PUT", "/Talk/photo.jpg", content, Content_Type="application/octet-stream") == 201
    form = {
        "path": "/Talk/photo.jpg",
        "shareWith": token,
        "shareType": "10",
        "talkMetaData": json.dumps({"caption": "On the way"}),
        "referenceId": "a" * 64,
    }
    assert alice.http.post(SHARES, data=form, headers=as_app(alice)).status_code == 200
    (message,) = file_messages()
    assert message["message"] == "On the way"
    file = message["messageParameters"]["file"]
    assert (file["width"], file["height"]) == ("640", "480")
    assert file["blurhash"]
    require_preview(bob, message, "x=480&y=480&a=1&mode=cover&forceIcon=1")
    own = alice.http.get("/index.php/core/preview.png?file=/Talk/photo.jpg&x=64&y=64&a=1&mode=cover&forceIcon=1")
    assert own.status_code == 200
    assert Files(bob).get("/" + file["path"]) == content


def test_android_uploads_a_large_file_in_pieces_and_resumes(
    alice: Person, bob: Person, token: str, file_messages: Any
) -> None:
    content = bytes(range(256)) * 12_000
    pieces = [content[start : start + PIECE] for start in range(0, len(content), PIECE)]
    names = [f"{number * PIECE:016}-{number * PIECE + len(piece) - 1:016}" for number, piece in enumerate(pieces)]
    folder = alice.post(f"v1/chat/{token}/attachment/folder", fileNames=["film.mp4"])["folder"]
    uploads = Files(alice, f"/remote.php/dav/uploads/{quote(alice.id)}")
    for upload in ("/0123456789abcdef0123456789abcdef",) * 2:
        uploads.status("MKCOL", upload)
        listed = uploads.request("PROPFIND", upload, Depth="1")
        assert listed.status_code == 207
        known = {path.rpartition("/")[2] for path in properties_of(listed.content, uploads.root)}
        for name, piece in zip(names[:-1] if not known & set(names) else names, pieces, strict=False):
            if name not in known:
                assert uploads.status("PUT", f"{upload}/{name}", piece) == 201
    base = str(alice.http.base_url).rstrip("/")
    target = f"{base}{Files(alice).root}/{quote(folder)}/uuid-film.mp4"
    moved = uploads.request("MOVE", f"{upload}/.file", Destination=target, Overwrite="T")
    assert moved.status_code == 201, moved.text
    alice.post(
        f"v1/chat/{token}/attachment",
        filePath=f"/{folder}/uuid-film.mp4",
        fileName="film.mp4",
        referenceId="b" * 64,
        talkMetaData="{}",
    )
    (message,) = file_messages()
    assert bob.http.get(f"/f/{message['messageParameters']['file']['id']}").content == content


def test_ios_uploads_and_shares(alice: Person, bob: Person, token: str, file_messages: Any) -> None:
    files, content = Files(alice), picture()
    assert files.status("PROPFIND", "/Talk/IMG_1.jpg", Depth="0") == 404
    headers = {"Content_Type": "application/octet-stream", "X_OC_CTime": "1700000000", "X_OC_MTime": "1700000000"}
    answer = files.request("PUT", "/Talk/IMG_1.jpg", content, X_NC_WebDAV_Auto_Mkcol="1", Overwrite="T", **headers)
    assert answer.status_code == 201
    assert answer.headers["OC-FileId"]
    assert answer.headers["OC-ETag"]
    body = {
        "path": "/Talk/IMG_1.jpg",
        "shareType": 10,
        "shareWith": token,
        "referenceId": "c" * 64,
        "talkMetaData": "{}",
    }
    assert alice.http.post(SHARES, json=body, headers=as_app(alice)).status_code == 200
    assert alice.http.post(SHARES, json={**body, "referenceId": "d"}, headers=as_app(alice)).status_code == 403
    (message,) = file_messages()
    require_preview(bob, message, "x=-1&y=200&a=1&forceIcon=1")
    number = message["messageParameters"]["file"]["id"]
    query = (
        '<?xml version="1.0"?><d:searchrequest xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:basicsearch>'
        "<d:select><d:prop><d:displayname/><d:getcontenttype/><oc:fileid/></d:prop></d:select><d:from><d:scope>"
        f"<d:href>/files/{bob.id}</d:href><d:depth>infinity</d:depth></d:scope></d:from><d:where><d:eq><d:prop>"
        f"<oc:fileid/></d:prop><d:literal>{number}</d:literal></d:eq></d:where></d:basicsearch></d:searchrequest>"
    )
    found = bob.http.request("SEARCH", "/remote.php/dav/", content=query, headers={"Content-Type": "text/xml"})
    assert found.status_code == 207
    (path,) = properties_of(found.content, Files(bob).root)
    assert bob.http.get(Files(bob).root + path).content == content


def test_the_web_client_uploads_in_parallel_pieces(alice: Person, bob: Person, token: str, file_messages: Any) -> None:
    content = bytes(range(256)) * 90_000
    size = 5 * 1024 * 1024
    folder = alice.post(f"v1/chat/{token}/attachment/folder", fileNames=["big.bin"])["folder"]
    base = str(alice.http.base_url).rstrip("/")
    target = f"{base}{Files(alice).root}/{quote(folder)}/uuid-big.bin"
    uploads = Files(alice, f"/remote.php/dav/uploads/{quote(alice.id)}")
    upload = "/web-file-upload-0123456789abcdef"
    assert uploads.status("MKCOL", upload, Destination=target) == 201
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    for number in (2, 1, *range(3, len(pieces) + 1)):
        length = str(len(content))
        sent = uploads.status(
            "PUT", f"{upload}/{number}", pieces[number - 1], Destination=target, OC_Total_Length=length
        )
        assert sent == 201
    done = uploads.status(
        "MOVE", f"{upload}/.file", Destination=target, OC_Total_Length=str(len(content)), X_OC_MTime="1700000000"
    )
    assert done == 201
    alice.post(
        f"v1/chat/{token}/attachment", filePath=f"{folder}/uuid-big.bin", fileName="big.bin", referenceId="e" * 64
    )
    (message,) = file_messages()
    assert (
        bob.http.get(f"/f/{message['messageParameters']['file']['id']}", headers={"Range": "bytes=-4"}).content
        == content[-4:]
    )
