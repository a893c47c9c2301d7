"""Pictures of accounts and guests, over HTTP."""

import io
import re
import zlib
from itertools import count
from typing import Any

import httpx
import pytest
from PIL import Image

from support.people import PUBLIC, Person
from support.running import Server, unique
from talkd.areas.avatars import images, model
from talkd.areas.pictures.decoder import Decoder, Source
from talkd.areas.pictures.model import Avatar, Picture, Preview
from talkd.areas.users import service as users

USERS = "/ocs/v2.php/cloud/users"
UPLOAD = "/ocs/v2.php/apps/spreed/temp-user-avatar"
PASSWORD = "a long enough password"

_numbers = count(1)


@pytest.fixture
def client(server: Any) -> Any:
    """Return a client of a new account. Its `user_id` is the id of the account."""
    user_id = f"portrait{next(_numbers)}"
    answer = server.admin.post(USERS, json={"userid": user_id, "password": PASSWORD, "displayName": "Ada Lovelace"})
    assert answer.status_code == 200, answer.text
    made = server.client(user_id, PASSWORD)
    made.user_id = user_id
    return made


@pytest.fixture
def viewer(server: Server) -> httpx.Client:
    """Return a client of another account."""
    return server.add_user("viewer").http


@pytest.fixture
def visitor(server: Any) -> Any:
    """Return a client without a login."""
    with httpx.Client(base_url=server.url) as made:
        yield made


def picture(width: int = 300, height: int = 200, format_: str = "PNG", **options: Any) -> bytes:
    """Return an image file, red with a blue left edge."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, width // 10, height))
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def opened(answer: httpx.Response) -> Image.Image:
    """Return the picture of an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def send(client: httpx.Client, content: bytes, path: str = UPLOAD) -> httpx.Response:
    """Upload a picture as the mobile apps do."""
    return client.post(path, files={"files[]": ("picture", content, "image/png")})


@pytest.mark.parametrize(("wanted", "served"), [(64, 64), (32, 64), (512, 512), (65, 512), (4096, 512)])
@pytest.mark.parametrize("prefix", ["", "/index.php"])
def test_pictures_have_two_sizes(client: Any, viewer: httpx.Client, wanted: int, served: int, prefix: str) -> None:
    answer = viewer.get(f"{prefix}/avatar/{client.user_id}/{wanted}")
    assert opened(answer).size == (served, served)
    assert answer.headers["x-nc-iscustomavatar"] == "0"
    assert answer.headers["cache-control"] == "private, max-age=86400"


def test_dark_differs_from_light(client: Any, viewer: httpx.Client) -> None:
    light, dark = (viewer.get(f"/avatar/{client.user_id}/64{theme}") for theme in ("", "/dark"))
    assert light.content != dark.content
    assert sum(opened(light).getpixel((1, 1))) > sum(opened(dark).getpixel((1, 1)))  # type: ignore[arg-type]


def test_the_picture_of_a_guest_depends_on_the_name(visitor: httpx.Client) -> None:
    first, again, other = (visitor.get(f"/avatar/guest/{name}/64") for name in ("Jane Doe", "Jane Doe", "Bob"))
    assert opened(first).size == (64, 64)
    assert first.content == again.content != other.content
    assert opened(visitor.get("/avatar/guest/Jane/512/dark")).size == (512, 512)


def test_a_client_that_has_the_picture_gets_304(client: Any, viewer: httpx.Client) -> None:
    path = f"/avatar/{client.user_id}/64"
    etag = viewer.get(path).headers["etag"]
    again = viewer.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert viewer.get(path, headers={"If-None-Match": "*"}).status_code == 304
    client.put(f"{USERS}/{client.user_id}", json={"key": "displayname", "value": "Zoe"})
    assert viewer.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("path", [UPLOAD, "/avatar/", "/index.php/avatar/"])
def test_uploading_and_removing(client: Any, viewer: httpx.Client, format_: str, path: str) -> None:
    assert send(client, picture(format_=format_), path).status_code == 200
    for size in (64, 512):
        answer = viewer.get(f"/avatar/{client.user_id}/{size}")
        shown = opened(answer).convert("RGB")
        assert shown.size == (size, size)
        assert answer.headers["x-nc-iscustomavatar"] == "1"
        red, _green, blue = shown.getpixel((1, size // 2))  # type: ignore[misc]
        assert (red > 200, blue < 50) == (True, True), "the blue edge was outside of the square in the middle"
    etag = viewer.get(f"/avatar/{client.user_id}/512").headers["etag"]
    assert send(client, picture(100, 100), path).status_code == 200
    assert viewer.get(f"/avatar/{client.user_id}/512").headers["etag"] != etag
    assert client.delete(path).status_code == 200
    assert viewer.get(f"/avatar/{client.user_id}/512").headers["x-nc-iscustomavatar"] == "0"
    assert client.delete(path).status_code == 200


def test_metadata_of_an_uploaded_file_is_removed(client: Any, viewer: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    assert send(client, picture(format_="JPEG", exif=exif) + b"appended program").status_code == 200
    content = viewer.get(f"/avatar/{client.user_id}/512").content
    assert b"secret place" not in content
    assert b"appended program" not in content


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes whose header gives this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    "content",
    [b"no image", picture(format_="GIF"), picture()[:100], bomb(7_000, 7_000), bomb(60_000, 60_000), b"<svg/>"],
    ids=["text", "gif", "cut off", "large", "bomb", "svg"],
)
def test_invalid_files_are_refused(client: Any, viewer: httpx.Client, content: bytes) -> None:
    answer = send(client, content)
    assert answer.status_code == 400
    assert answer.json()["ocs"]["data"]["message"]
    assert viewer.get(f"/avatar/{client.user_id}/64").headers["x-nc-iscustomavatar"] == "0"


def test_an_upload_without_a_file_is_refused(client: Any) -> None:
    answer = client.post(UPLOAD)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (400, {"message": "No image file provided"})


def test_visitors_cannot_set_pictures(visitor: httpx.Client) -> None:
    ocs = {"OCS-APIRequest": "true", "Accept": "application/json"}
    for path in (UPLOAD, "/avatar/"):
        answer = visitor.post(path, headers=ocs, files={"files[]": ("picture", picture(), "image/png")})
        assert answer.status_code == 401
        assert visitor.delete(path, headers=ocs).status_code == 401


def test_another_site_cannot_make_a_browser_upload(client: Any) -> None:
    without = {name: value for name, value in client.headers.items() if name.lower() != "ocs-apirequest"}
    client.headers = without
    assert send(client, picture(), "/avatar/").status_code == 412


# --- who sees what --------------------------------------------------------------------------
def facts(answer: httpx.Response) -> tuple[Any, ...]:
    """Return the status, headers and content of an answer, without its date."""
    return answer.status_code, {k: v for k, v in answer.headers.items() if k != "date"}, answer.content


def test_a_login_that_ends_during_the_decoding_sets_no_picture(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = server.add_user("alice")
    before = alice.http.get(f"/avatar/{alice.id}/64").content
    make = Decoder.make

    async def make_while_the_login_ends(
        decoder: Decoder, order: Avatar | Preview, source: Source, account: str
    ) -> Picture:
        await server.app.world.db.write(lambda tx: users.set_enabled(tx, alice.id, False))
        return await make(decoder, order, source, account)

    monkeypatch.setattr(Decoder, "make", make_while_the_login_ends)
    assert alice.http.post(UPLOAD, files={"files": ("me.png", picture(), "image/png")}).status_code == 401
    server.admin.put(f"{USERS}/{alice.id}/enable").raise_for_status()
    assert alice.http.get(f"/avatar/{alice.id}/64").content == before


def upload(person: Person) -> None:
    """Upload a picture for a person."""
    assert send(person.http, picture()).status_code == 200


@pytest.mark.parametrize("path", ["64", "512", "64/dark", "large"])
@pytest.mark.parametrize("has_picture", [False, True])
def test_a_visitor_cannot_tell_accounts_from_names(
    server: Server, visitor: httpx.Client, path: str, has_picture: bool
) -> None:
    alice = server.add_user("alice", display_name="Zoe Quinn")
    if has_picture:
        upload(alice)
    for user_id in (alice.id, alice.id.upper()):
        account = visitor.get(f"/avatar/{user_id}/{path}")
        if path == "large":
            assert account.status_code == visitor.get(f"/avatar/nobody/{path}").status_code == 404
            continue
        name = visitor.get(f"/avatar/guest/{user_id}/{path}")
        assert facts(account) == facts(name), "the picture depends on the name only"
        nobody = visitor.get(f"/avatar/{unique('nobody')}/{path}")
        assert set(nobody.headers) == set(account.headers)
        assert (nobody.status_code, nobody.headers["x-nc-iscustomavatar"]) == (200, "0")
        known = {"If-None-Match": account.headers["etag"]}
        assert visitor.get(f"/avatar/{user_id}/{path}", headers=known).status_code == 304


def test_every_name_has_a_picture_for_users_too(server: Server, viewer: httpx.Client) -> None:
    for client in (viewer, server.admin):
        assert opened(client.get("/avatar/there is nobody/64")).size == (64, 64)


def test_a_guest_sees_the_pictures_of_accounts_in_the_same_room(server: Server) -> None:
    alice, stranger, guest = server.add_user("alice"), server.add_user("stranger"), server.visitor()
    for person in (alice, stranger):
        upload(person)
    token = alice.create_room(PUBLIC)

    def sees(person: Person) -> bool:
        return guest.http.get(f"/avatar/{person.id}/64").headers["x-nc-iscustomavatar"] == "1"

    assert not sees(alice)
    guest.join(token)
    assert (sees(alice), sees(stranger)) == (True, False)
    alice.put(f"v4/room/{token}/webinar/lobby", state=1)
    assert not sees(alice), "a guest in the lobby may not know who is in the room"
    alice.put(f"v4/room/{token}/webinar/lobby", state=0)
    guest.delete(f"v4/room/{token}/participants/active")
    assert not sees(alice)


# --- rules ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("ada", "A"),
        ("Ada King Noel", "AN"),
        ("Élodie Çelik", "EC"),
        ("Жанна", ""),
        ("", ""),
        ("😀 Bob", "B"),
        ("  ", ""),
        ("7 of 9", "79"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert model.initials(name) == letters


def test_every_name_can_be_drawn() -> None:
    for name in ("Ada", "Жанна", ""):
        sketch = model.sketch("id", name, dark=False, size=64)
        assert Image.open(io.BytesIO(images.draw(sketch))).size == (64, 64)
        assert re.fullmatch(r"[!#-~]+", sketch.tag), "the tag is sent in a header"
