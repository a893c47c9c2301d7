"""Pictures of rooms, over HTTP."""

import asyncio
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from support.people import GROUP, ONE_TO_ONE, PUBLIC, Person
from support.running import Server
from talkd.areas.pictures.decoder import Decoder, Source
from talkd.areas.pictures.model import Avatar, Picture, Preview

V1 = "/ocs/v2.php/apps/spreed/api/v1/"


def picture(width: int = 300, height: int = 200, format_: str = "PNG") -> bytes:
    """Return an image file."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (255, 0, 0)).save(out, format_)
    return out.getvalue()


def upload(person: Person, token: str, content: bytes) -> httpx.Response:
    """Set a picture as clients do."""
    return person.http.post(f"{V1}room/{token}/avatar", files={"file": ("a.png", content, "image/png")})


def shown(person: Person, token: str, variant: str = "", **params: Any) -> httpx.Response:
    """Return the picture of a room as a person sees it."""
    return person.http.get(f"{V1}room/{token}/avatar{variant}", params=params)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_uploads_become_square_png(server: Any, format_: str) -> None:
    alice = server.add_user()
    token = alice.create_room()
    before = alice.room(token)
    assert upload(alice, token, picture(format_=format_)).status_code == 200
    answer = shown(alice, token)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (512, 512)
    after = alice.room(token)
    assert (before["isCustomAvatar"], after["isCustomAvatar"]) == (False, True)
    assert before["avatarVersion"] != after["avatarVersion"]
    assert alice.system_messages(token)[-1] == "avatar_set"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "No image file provided"), (b"no image", "Invalid image"), (b"<svg/>", "Invalid image")],
)
def test_files_that_are_no_pictures_are_refused(server: Any, content: bytes, message: str) -> None:
    alice = server.add_user()
    answer = upload(alice, alice.create_room(), content)
    assert (answer.status_code, answer.json()["ocs"]["data"]) == (400, {"message": message})


def test_an_emoji_is_shown_on_its_colour(server: Any) -> None:
    alice = server.add_user()
    token = alice.create_room()
    alice.post(f"v1/room/{token}/avatar/emoji", emoji="👩🏽‍💻", color="00FF7f")
    answer = shown(alice, token)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "👩🏽‍💻" in answer.text
    assert "#00FF7f" in answer.text
    assert alice.room(token)["isCustomAvatar"]


@pytest.mark.parametrize(("variant", "color"), [("", "6B6B6B"), ("/dark", "3B3B3B")])
def test_an_emoji_without_a_colour_is_shown_on_grey(server: Any, variant: str, color: str) -> None:
    alice = server.add_user()
    token = alice.create_room()
    alice.post(f"v1/room/{token}/avatar/emoji", emoji="🐳")
    assert f'fill="#{color}"' in shown(alice, token, variant).text


@pytest.mark.parametrize(
    ("name", "emoji"),
    [
        ("🎉 Party", "🎉"),
        ("🎉Party", "🎉"),
        ("👩🏽‍💻🎉 Work", "👩🏽‍💻"),
        ("🇩🇪 Berlin", "🇩🇪"),
        ("❤️", "❤️"),
        ("1️⃣ First", "1️⃣"),
        ("Party 🎉", ""),
        ("1 First", ""),
        ("Party", ""),
    ],
)
def test_an_emoji_at_the_beginning_of_the_name_is_the_picture(server: Any, name: str, emoji: str) -> None:
    alice = server.add_user()
    token = alice.create_room(name=name)
    for variant, color in (("", "6B6B6B"), ("/dark", "3B3B3B")):
        text = shown(alice, token, variant).text
        assert (f">{emoji}</text>" in text, f'fill="#{color}"' in text) == ((True, True) if emoji else (False, False))
    room = alice.room(token)
    assert room["isCustomAvatar"] is False
    renamed = alice.put(f"v4/room/{token}", roomName="🐳" + name[1:])
    assert renamed["avatarVersion"] != room["avatarVersion"]
    assert ">🐳" in shown(alice, token, avatarVersion=renamed["avatarVersion"]).text
    alice.post(f"v1/room/{token}/avatar/emoji", emoji="🍀")
    assert "🍀" in shown(alice, token).text, "a picture that was set replaces the emoji of the name"
    assert alice.delete(f"v1/room/{token}/avatar")["avatarVersion"] == renamed["avatarVersion"]


@pytest.mark.parametrize(
    ("emoji", "color"), [("ab", None), ("🐳🐳", None), ("<", None), ("1", None), ("🐳", "#0082c9"), ("🐳", "red")]
)
def test_invalid_emojis_and_colours_are_refused(server: Any, emoji: str, color: str | None) -> None:
    alice = server.add_user()
    token = alice.create_room()
    answer = alice.request("POST", f"v1/room/{token}/avatar/emoji", emoji=emoji, color=color)
    assert answer.status_code == 400
    assert answer.json()["ocs"]["data"]["message"].startswith("Invalid")


def test_a_new_picture_replaces_the_last_one(server: Any) -> None:
    alice = server.add_user()
    token = alice.create_room()
    versions = {alice.room(token)["avatarVersion"]}
    upload(alice, token, picture())
    versions.add(alice.room(token)["avatarVersion"])
    alice.post(f"v1/room/{token}/avatar/emoji", emoji="🐳")
    versions.add(alice.room(token)["avatarVersion"])
    upload(alice, token, picture())
    versions.add(alice.room(token)["avatarVersion"])
    assert len(versions) == 4
    assert shown(alice, token).headers["content-type"] == "image/png"
    assert not alice.delete(f"v1/room/{token}/avatar")["isCustomAvatar"]
    assert shown(alice, token).headers["content-type"] == "image/svg+xml"
    alice.delete(f"v1/room/{token}/avatar")
    assert alice.system_messages(token)[-4:] == ["avatar_set", "avatar_set", "avatar_set", "avatar_removed"]


def test_caching(server: Any) -> None:
    alice = server.add_user()
    token = alice.create_room()
    unnamed, named = shown(alice, token), shown(alice, token, avatarVersion="2-4-0")
    assert unnamed.headers["cache-control"] == "private, no-cache"
    assert named.headers["cache-control"] == "private, max-age=86400, immutable"
    known = alice.http.get(f"{V1}room/{token}/avatar", headers={"If-None-Match": unnamed.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    alice.post(f"v1/room/{token}/avatar/emoji", emoji="🐳")
    assert shown(alice, token).headers["etag"] != unnamed.headers["etag"]


def test_kinds_and_themes_look_different(server: Any) -> None:
    alice = server.add_user()
    group, public = alice.create_room(GROUP), alice.create_room(PUBLIC)
    pictures = {shown(alice, token, variant).content for token in (group, public) for variant in ("", "/dark")}
    assert len(pictures) == 4
    assert shown(alice, group, "/dark").content == shown(alice, group, darkTheme=1).content


def test_a_one_to_one_room_shows_the_other_person(server: Any) -> None:
    alice, bob = server.add_user("alice"), server.add_user("bob")
    token = alice.post("v4/room", roomType=ONE_TO_ONE, invite=bob.id)["token"]
    drawn = alice.http.get(f"/avatar/{bob.id}/512")
    assert shown(alice, token).content == drawn.content != shown(bob, token).content
    bob.http.post("/ocs/v2.php/apps/spreed/temp-user-avatar", files={"files[]": ("a.png", picture(), "image/png")})
    assert shown(alice, token).content == alice.http.get(f"/avatar/{bob.id}/512").content != drawn.content
    assert upload(alice, token, picture()).status_code == 400


def test_who_may_see_a_picture(server: Any) -> None:
    alice, bob, visitor = server.add_user(), server.add_user(), server.visitor()
    token = alice.create_room(PUBLIC)
    assert [shown(person, token).status_code for person in (alice, bob, visitor)] == [200, 404, 404]
    visitor.join(token)
    assert shown(visitor, token).status_code == 200
    alice.put(f"v4/room/{token}/listable", scope=1)
    assert [shown(person, token).status_code for person in (bob, server.visitor())] == [200, 404]


def test_who_may_set_a_picture(server: Any) -> None:
    alice, bob, stranger, visitor = server.add_user(), server.add_user(), server.add_user(), server.visitor()
    token = alice.create_room()
    alice.add(token, bob)
    assert [upload(person, token, picture()).status_code for person in (bob, stranger, visitor)] == [403, 404, 404]
    assert [person.status("DELETE", f"v1/room/{token}/avatar") for person in (bob, stranger)] == [403, 404]


def test_all_users_of_other_servers_have_the_same_picture(server: Any) -> None:
    alice, stranger = server.add_user(), server.add_user()
    token = alice.create_room()
    path = f"{V1}proxy/{token}/user-avatar/64"
    answer = alice.http.get(path, params={"cloudId": "bob@remote.example"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert alice.http.get(f"{path}/dark", params={"cloudId": "bob@remote.example"}).content != answer.content
    assert stranger.http.get(path, params={"cloudId": "bob@remote.example"}).status_code == 404
    before = f"{V1}proxy/new/user-avatar/64"
    assert stranger.http.get(before, params={"cloudId": "bob@remote.example"}).content == answer.content
    assert stranger.http.get(f"{before}/dark", params={"cloudId": "bob@remote.example"}).content != answer.content
    assert server.visitor().http.get(before, params={"cloudId": "bob@remote.example"}).status_code == 401


def test_a_room_that_is_deleted_during_an_upload_gives_404(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = server.add_user()
    token = alice.create_room()
    decoder = server.app.world[Decoder]
    make = decoder.make

    async def meanwhile(order: Avatar | Preview, source: Source, account: str) -> Picture:
        await asyncio.to_thread(alice.delete, f"v4/room/{token}")
        return await make(order, source, account)

    monkeypatch.setattr(decoder, "make", meanwhile)
    answer = upload(Person(server.client(alice.id), alice.id), token, picture())
    assert answer.status_code == 404
    absent = alice.http.get(f"{V1}room/{token}/avatar")
    assert answer.json()["ocs"]["data"] == absent.json()["ocs"]["data"]
