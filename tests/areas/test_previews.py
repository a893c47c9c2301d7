"""Previews of pictures, and icons of other files."""

import asyncio
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from support.files import Files
from support.parts import needs_limits
from support.people import Person
from support.pictures import color_at, encoded, halves, heic, opened, wav, with_exif
from support.running import Server
from talkd.areas.files.jobs import delete_removed
from talkd.areas.pictures import decoder as decoders
from talkd.areas.pictures import turns
from talkd.areas.pictures.decoder import Decoder, Source
from talkd.areas.pictures.model import Avatar, Picture, Preview
from talkd.areas.previews.model import STEPS

BY_ID, BY_PATH = "/index.php/core/preview", "/index.php/core/preview.png"
WEBP = {"Accept": "image/webp,image/*;q=0.8"}
Query = dict[str, Any]


class Gallery:
    """The files of a person, and the previews that they see."""

    def __init__(self, server: Server, person: Person | None = None) -> None:
        self.server = server
        self.person = person or server.add_user("erik")
        self.files = Files(self.person)

    def put(self, name: str, content: bytes) -> int:
        """Upload a file. Return its id."""
        return int(self.files.put(f"/{name}", content).headers["oc-fileid"][:8])

    def ask(self, file_id: int, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        """Ask for a preview."""
        return self.person.http.get(
            BY_ID, params={"fileId": file_id, **query}, headers={"Accept": "*/*"} | (headers or {})
        )

    def show(self, file_id: int, headers: dict[str, str] | None = None, **query: Any) -> Image.Image:
        """Return a preview."""
        answer = self.ask(file_id, headers, **query)
        assert answer.status_code == 200, answer.text
        return opened(answer.content)


@pytest.fixture
def gallery(server: Server) -> Gallery:
    """The files of a new account."""
    return Gallery(server)


@pytest.fixture
def counted(server: Server, monkeypatch: pytest.MonkeyPatch) -> list[Avatar | Preview]:
    """The orders to make a picture that the process of the server got from now on."""
    decoder, orders = server.app.world[Decoder], list[Avatar | Preview]()
    make = decoder.make

    async def count(order: Avatar | Preview, source: Source, account: str) -> Picture:
        orders.append(order)
        await asyncio.sleep(0)
        return await make(order, source, account)

    monkeypatch.setattr(decoder, "make", count)
    return orders


def stored(server: Server) -> set[str]:
    """Return the names of everything in the storage of a server on this machine."""
    return {path.name for path in (Path(server.config.data) / "files").rglob("*") if path.is_file()}


# --- what is shown --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "size"),
    [
        ({"x": 100, "y": 100, "a": 1}, (128, 64)),
        ({"x": 100, "y": 100, "a": 1, "mode": "fill"}, (128, 64)),
        ({"x": 100, "y": 100, "a": 1, "mode": "cover"}, (256, 128)),
        ({"x": -1, "y": 64, "a": 1, "forceIcon": 1}, (128, 64)),
        ({"x": 0, "y": 64, "a": 1}, (128, 64)),
        ({"x": 64, "y": -1, "a": 1}, (64, 32)),
        ({"x": 100, "y": 100}, (128, 128)),
        ({"x": 100, "y": 100, "a": 0, "mode": "cover"}, (128, 128)),
        ({"x": 200, "y": 100, "a": "false"}, (256, 128)),
        ({"x": 9999, "y": 9999, "a": 1}, (400, 200)),
        ({}, (64, 64)),
    ],
    ids=str,
)
def test_previews_have_the_wanted_shape(gallery: Gallery, query: Query, size: tuple[int, int]) -> None:
    file_id = gallery.put("a.png", encoded(halves(), "PNG"))
    shown = gallery.show(file_id, **query)
    assert shown.size == size
    assert (color_at(shown, 0.1, 0.5), color_at(shown, 0.9, 0.5)) == ("red", "blue")


def test_a_picture_is_never_enlarged(gallery: Gallery) -> None:
    file_id = gallery.put("a.png", encoded(halves((30, 10)), "PNG"))
    assert gallery.show(file_id, x=500, y=500, a=1).size == (30, 10)
    assert gallery.show(file_id, x=500, y=500).size == (10, 10)


@pytest.mark.parametrize(
    ("orientation", "sides"),
    [
        (1, ("left", "right")),
        (2, ("right", "left")),
        (3, ("right", "left")),
        (4, ("left", "right")),
        (5, ("top", "bottom")),
        (6, ("top", "bottom")),
        (7, ("bottom", "top")),
        (8, ("bottom", "top")),
    ],
)
def test_photos_are_shown_upright_and_without_data(
    sqlite_server: Server, orientation: int, sides: tuple[str, str]
) -> None:
    gallery = Gallery(sqlite_server)
    file_id = gallery.put("a.jpg", with_exif(orientation))
    places = {"left": (0.1, 0.5), "right": (0.9, 0.5), "top": (0.5, 0.1), "bottom": (0.5, 0.9)}
    for headers in ({}, WEBP):
        answer = gallery.ask(file_id, headers, x=128, y=128, a=1)
        shown = opened(answer.content)
        assert shown.size == ((128, 64) if "left" in sides else (64, 128))
        assert [color_at(shown, *places[side]) for side in sides] == ["red", "blue"]
        assert not shown.getexif()
        assert b"SecretCamera" not in answer.content
    cut = gallery.show(file_id, x=128, y=64)
    assert cut.size == (128, 64)
    assert color_at(cut, *places[sides[0]]) == "red"


def test_the_type_is_the_best_that_the_client_knows(gallery: Gallery) -> None:
    photo, drawing = gallery.put("a.jpg", encoded(halves())), gallery.put("b.png", encoded(halves(mode="RGBA"), "PNG"))
    clear = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 100, 100))
    sign = gallery.put("c.png", encoded(clear, "PNG"))
    types = [gallery.ask(each, x=64, y=64, a=1).headers["content-type"] for each in (photo, drawing, sign)]
    assert types == ["image/jpeg", "image/jpeg", "image/png"]
    types = [gallery.ask(each, WEBP, x=64, y=64, a=1).headers["content-type"] for each in (photo, drawing, sign)]
    assert types == ["image/webp"] * 3
    for headers in ({}, WEBP):
        shown = gallery.show(sign, headers, x=64, y=64, a=1).convert("RGBA")
        corners = [shown.getpixel((place, 16)) for place in (2, 61)]
        assert [corner[3] > 128 for corner in corners if isinstance(corner, tuple)] == [True, False]


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_picture_the_first_frame_is_shown(sqlite_server: Server, format_: str) -> None:
    gallery = Gallery(sqlite_server)
    frames = [Image.new("RGB", (200, 100), color) for color in ("blue", "red", "red")]
    content = encoded(frames[0], format_, save_all=True, append_images=frames[1:], duration=50)
    shown = gallery.show(gallery.put(f"a.{format_.lower()}", content), x=64, y=64, a=1)
    assert color_at(shown, 0.5, 0.5) == "blue"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "AVIF"])
def test_every_kind_of_pixels_has_a_preview(sqlite_server: Server, mode: str, format_: str) -> None:
    gallery = Gallery(sqlite_server)
    try:
        content = encoded(Image.new(mode, (200, 100)), format_)
    except (OSError, ValueError, KeyError):
        return  # the format cannot keep such pixels
    assert gallery.show(gallery.put(f"a.{format_.lower()}", content), x=64, y=64, a=1).size == (64, 32)


def test_wide_colours_become_those_of_screens(sqlite_server: Server) -> None:
    from PIL import ImageCms

    lab = ImageCms.createProfile("LAB")
    broken, other = b"nonsense" * 50, ImageCms.ImageCmsProfile(lab).tobytes()
    gallery = Gallery(sqlite_server)
    for number, profile in enumerate((broken, other)):
        file_id = gallery.put(f"{number}.jpg", encoded(halves(), icc_profile=profile))
        answer = gallery.ask(file_id, x=64, y=64, a=1)
        assert color_at(opened(answer.content), 0.1, 0.5) == "red"
        assert "icc_profile" not in opened(answer.content).info


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "named by mistake.jpg"])
def test_photos_of_iphones_are_shown_upright_and_without_data(sqlite_server: Server, name: str) -> None:
    gallery = Gallery(sqlite_server)
    file_id = gallery.put(name, heic(with_exif(6)))
    answer = gallery.ask(file_id, WEBP, x=128, y=128, a=1)
    shown = opened(answer.content)
    assert (shown.format, shown.size) == ("WEBP", (64, 128))
    assert [color_at(shown, 0.5, y) for y in (0.1, 0.9)] == ["red", "blue"]
    assert b"SecretCamera" not in answer.content
    assert gallery.show(file_id, x=64, y=64).size == (64, 64)
    (properties,) = gallery.files.list(f"/{name}", 0, "nc:has-preview").values()
    assert properties == {"has-preview": "true"}


WITHOUT_HEIC = """
import sys
sys.modules["pillow_heif"] = None
from talkd.areas.files.media_model import PICTURES, has_preview
from talkd.areas.pictures import opening
import io
assert not has_preview("image/heic") and has_preview("image/avif")
assert not opening.is_picture(io.BytesIO(b"\\0\\0\\0\\x18ftypheic" + bytes(20)))
assert opening.FORMATS[-1] == "AVIF"
"""


def test_without_the_extra_photos_of_iphones_are_files_without_preview() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_HEIC], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- caches ---------------------------------------------------------------------------------
def test_clients_that_have_a_preview_get_304(gallery: Gallery) -> None:
    file_id = gallery.put("a.jpg", encoded(halves()))
    first = gallery.ask(file_id, x=64, y=64, a=1)
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept"
    known = {"If-None-Match": first.headers["etag"]}
    again = gallery.ask(file_id, known, x=64, y=64, a=1)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert gallery.ask(file_id, known, x=65, y=65, a=1).status_code == 200
    assert gallery.ask(file_id, known | WEBP, x=64, y=64, a=1).status_code == 200
    gallery.put("a.jpg", encoded(Image.new("RGB", (400, 200), "blue")))
    changed = gallery.ask(file_id, known, x=64, y=64, a=1)
    assert changed.status_code == 200
    assert color_at(opened(changed.content), 0.1, 0.5) == "blue"


def test_tags_do_not_tell_who_has_equal_pictures(gallery: Gallery) -> None:
    other, content = Gallery(gallery.server), encoded(halves())
    tags = {each.ask(each.put("a.jpg", content), x=64, y=64).headers["etag"] for each in (gallery, other)}
    assert len(tags) == 2


# --- storage --------------------------------------------------------------------------------
def test_a_preview_is_made_once(gallery: Gallery, counted: list[Avatar | Preview], threads: ThreadPoolExecutor) -> None:
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((300, 200), 50)))
    answers = list(threads.map(lambda _: gallery.ask(file_id, x=64, y=64, a=1), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    gallery.ask(file_id, x=33, y=60, a=1)
    other = Gallery(gallery.server)
    other.ask(other.put("b.jpg", gallery.files.get("/a.jpg")), x=64, y=64, a=1)
    assert len(counted) == 1


def test_only_a_few_sizes_are_made(gallery: Gallery, counted: list[Avatar | Preview]) -> None:
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((600, 400), 50)))
    for side in range(1, 700, 9):
        assert gallery.ask(file_id, x=side, y=2 * side, a=1).status_code == 200
        assert gallery.ask(file_id, x=side, y=2 * side, a=1, mode="cover").status_code == 200
        assert gallery.ask(file_id, x=side, y=10**9, a=1).status_code == 200
    whole = [order for order in counted if isinstance(order, Preview)]
    assert {order.width for order in whole} == {64, 128, 256, 512, 1024}
    assert len(whole) == 5
    for x in (1, 70, 200, 999, 10**9):
        for y in (1, 70, 200, 999, 10**9):
            assert gallery.ask(file_id, x=x, y=y).status_code == 200
    assert len(counted) == 5 + 16, "four steps up to each side"
    assert STEPS[-1] == 2048


def test_previews_are_deleted_with_their_file(gallery: Gallery) -> None:
    before = stored(gallery.server)
    content = encoded(Image.effect_noise((301, 200), 50))
    file_id = gallery.put("a.jpg", content)
    gallery.files.put("/b.jpg", content)
    shown = [gallery.ask(file_id, headers, x=64, y=64, a=1) for headers in ({}, WEBP)]
    assert [answer.status_code for answer in shown] == [200, 200]
    assert len(stored(gallery.server) - before) == 3
    gallery.files.request("DELETE", "/a.jpg")
    assert gallery.ask(file_id, x=64, y=64, a=1).status_code == 404
    gallery.server.run_job("delete_removed_files")
    assert len(stored(gallery.server) - before) == 3, "another file has the same contents"
    gallery.files.request("DELETE", "/b.jpg")
    gallery.server.run_job("delete_removed_files")
    assert stored(gallery.server) - before == set()


def test_a_preview_that_the_storage_has_lost_is_made_again(gallery: Gallery) -> None:
    before = stored(gallery.server)
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((302, 200), 50)))
    original = stored(gallery.server) - before
    first = gallery.ask(file_id, x=64, y=64, a=1)
    (lost,) = stored(gallery.server) - before - original
    (Path(gallery.server.config.data) / "files" / lost[:2] / lost).unlink()
    again = gallery.ask(file_id, x=64, y=64, a=1)
    assert (again.status_code, again.content) == (200, first.content)
    assert len(stored(gallery.server) - before) == 2


def test_a_preview_of_a_file_that_is_deleted_meanwhile_leaves_nothing(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(gallery.server)
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((303, 200), 50)))
    decoder = gallery.server.app.world[Decoder]
    make = decoder.make

    async def delete_meanwhile(order: Avatar | Preview, source: Source, account: str) -> Picture:
        made = await make(order, source, account)
        await asyncio.to_thread(gallery.files.request, "DELETE", "/a.jpg")
        await delete_removed(gallery.server.app.world)
        return made

    monkeypatch.setattr(decoder, "make", delete_meanwhile)
    assert gallery.ask(file_id, x=64, y=64, a=1).status_code == 404
    assert stored(gallery.server) - before == set()


# --- files without a preview ----------------------------------------------------------------
def bomb() -> bytes:
    """Return a PNG of a few bytes that says it has 900 million pixels."""
    content = bytearray(encoded(Image.new("RGB", (8, 8)), "PNG"))
    content[16:24] = (30_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


USELESS: dict[str, Callable[[], bytes]] = {
    "bomb.png": bomb,
    "truncated.jpg": lambda: encoded(Image.effect_noise((2000, 1000), 50))[:20_000],
    "truncated.png": lambda: encoded(Image.effect_noise((900, 900), 50), "PNG")[:20_000],
    "truncated.webp": lambda: encoded(Image.effect_noise((900, 900), 50), "WEBP")[:10_000],
    "truncated.heic": lambda: heic(encoded(Image.effect_noise((900, 900), 50)))[:10_000],
    "truncated.avif": lambda: encoded(Image.effect_noise((900, 900), 50), "AVIF")[:10_000],
    "empty.png": lambda: b"",
    "text.jpg": lambda: b"This is not a picture.",
    "sound.png": lambda: wav(0.5),
    "svg.png": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
}


@pytest.mark.parametrize("name", USELESS)
def test_a_file_that_cannot_be_opened_has_no_preview(gallery: Gallery, name: str) -> None:
    file_id = gallery.put(name, USELESS[name]())
    queries: list[Query] = [{"x": 64, "y": 64, "a": 1}, {"x": 64, "y": 64}, {"x": 2048, "y": -1, "a": 1}]
    assert [gallery.ask(file_id, **query).status_code for query in queries] == [404] * 3
    assert gallery.show(file_id, x=64, y=64, forceIcon=1).size == (64, 64)
    fine = gallery.put("fine.jpg", encoded(halves()))
    assert gallery.ask(fine, x=64, y=64).status_code == 200


@needs_limits
def test_a_picture_that_takes_too_much_has_no_preview(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, counted: list[Avatar | Preview]
) -> None:
    """The process is ended by the limit, and starts again for the next picture."""
    monkeypatch.setattr(decoders, "_PROGRAM", ("-P", "-c", HUNGRY))
    decoder = gallery.server.app.world[Decoder]
    gallery.server.run(decoder.close())
    hungry = gallery.put("hungry.png", encoded(Image.new("RGB", (333, 777), "red"), "PNG"))
    fine = gallery.put("fine.png", encoded(Image.effect_noise((99, 99), 50), "PNG"))
    assert gallery.ask(fine, x=64, y=64).status_code == 200
    first = decoder.pid
    assert gallery.ask(hungry, x=256, y=256, a=1).status_code == 404
    assert decoder.pid is None
    assert gallery.ask(hungry, x=256, y=256, a=1).status_code == 404
    assert len(counted) == 2, "what failed is not tried again"
    assert gallery.ask(fine, x=65, y=65, a=1).status_code == 200
    assert decoder.pid not in (None, first)
    gallery.server.run(decoder.close())


HUNGRY = """
import socket
from talkd.areas.pictures import decoding, opening
from talkd.areas.pictures.model import Preview
real = opening.make_preview
def make_preview(file, order):
    if order.height == 256:
        bytearray(decoding.MEMORY)
    return real(file, order)
opening.make_preview = make_preview
decoding.serve(socket.socket(fileno=0))
"""


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("a.pdf", "a.doc"),
        ("a.zip", "a.tar"),
        ("a.mp3", "a.wav"),
        ("a.mp4", "a.webm"),
        ("a.txt", "a.md"),
        ("a.bin", "a"),
        ("a.svg", "a.heic"),
    ],
)
def test_files_without_preview_have_an_icon_of_their_kind(sqlite_server: Server, name: str, same: str) -> None:
    gallery = Gallery(sqlite_server)
    first, second = gallery.put(name, b"content"), gallery.put(same, b"content")
    assert gallery.ask(first, x=64, y=64, a=1).status_code == 404
    icons = [gallery.ask(each, x=100, y=-1, a=1, forceIcon=1) for each in (first, second)]
    assert icons[0].content == icons[1].content
    assert icons[0].headers["content-type"] == "image/png"
    assert opened(icons[0].content).size == (128, 128)
    known = {"If-None-Match": icons[0].headers["etag"]}
    assert gallery.ask(first, known, x=128, y=128, mimeFallback="true").status_code == 304
    other = gallery.ask(gallery.put("other.dmg" if name != "a.bin" else "b.zip", b""), x=128, y=128, forceIcon=1)
    assert other.content != icons[0].content


def test_sides_must_make_sense(gallery: Gallery) -> None:
    file_id = gallery.put("a.jpg", encoded(halves()))
    senseless: list[Query] = [{"x": 0, "y": 0}, {"x": -1, "y": -1, "a": 1}]
    assert [gallery.ask(file_id, **query).status_code for query in senseless] == [400, 400]
    huge: list[Query] = [{"x": "1e999", "y": "9" * 400}, {"x": 2**62, "y": 1, "a": 1, "mode": "cover"}]
    assert [gallery.ask(file_id, **query).status_code for query in huge] == [200, 200]


# --- who may see what -----------------------------------------------------------------------
def test_a_preview_is_found_by_its_path(gallery: Gallery) -> None:
    file_id = gallery.put("ä b.jpg", encoded(halves()))
    query: Query = {"x": 64, "y": 64, "a": 1}
    answer = gallery.person.http.get(BY_PATH, params={"file": "/ä b.jpg", **query})
    assert (answer.status_code, answer.content) == (200, gallery.ask(file_id, **query).content)
    gallery.files.request("MKCOL", "/folder")
    for path in ("/missing.jpg", "/folder", "/", ""):
        assert gallery.person.http.get(BY_PATH, params={"file": path, **query}).status_code == 404
    assert gallery.person.http.get(BY_PATH, params={"file": "/../a.jpg", **query}).status_code == 400
    assert gallery.server.visitor().http.get(BY_PATH, params={"file": "/ä b.jpg", **query}).status_code == 401


def test_others_get_the_answer_of_files_that_do_not_exist(gallery: Gallery) -> None:
    file_id = gallery.put("a.jpg", encoded(halves()))
    gallery.files.request("MKCOL", "/folder")
    folder = int(gallery.files.list("/folder", 0, "oc:fileid")["/folder/"]["fileid"])
    query: Query = {"x": 64, "y": 64, "a": 1, "forceIcon": 1}
    tag = gallery.ask(file_id, **query).headers["etag"]
    for person in (gallery.server.add_user("eve"), gallery.server.visitor()):
        answers = [
            person.http.get(BY_ID, params={"fileId": each, **query}, headers={"If-None-Match": tag})
            for each in (file_id, folder, 10**9, 2**62, -1, 0)
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
    assert gallery.ask(folder, **query).status_code == 404


def test_members_see_previews_of_what_is_shared_with_them(gallery: Gallery) -> None:
    erik, bob = gallery.person, gallery.server.add_user("bob")
    token = erik.create_room()
    erik.add(token, bob)
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((211, 100), 50)))
    share = {"path": "/a.jpg", "shareWith": token, "shareType": 10}
    made = erik.http.post("/ocs/v2.php/apps/files_sharing/api/v1/shares", json=share)
    assert made.status_code == 200, made.text
    query = {"fileId": file_id, "x": 64, "y": 64, "a": 1}
    assert bob.http.get(BY_ID, params=query).status_code == 200
    erik.delete(f"v4/room/{token}/attendees", attendeeId=erik.attendee(token, bob))
    assert bob.http.get(BY_ID, params=query).status_code == 404


def test_previews_of_others_pages_run_no_script(gallery: Gallery) -> None:
    file_id = gallery.put("a.jpg", encoded(halves()))
    headers = gallery.ask(file_id, x=64, y=64).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]


# --- limits ---------------------------------------------------------------------------------
def test_the_number_of_previews_that_are_made_is_limited(throttled_server: Server) -> None:
    throttled_server.config.limits.previews = 3
    gallery = Gallery(throttled_server)
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((900, 600), 50)))
    assert gallery.ask(file_id, x=64, y=64).status_code == 200  # it is described, too
    assert gallery.ask(file_id, x=128, y=64).status_code == 200
    assert gallery.ask(file_id, x=256, y=64).status_code == 200
    refused = gallery.ask(file_id, x=512, y=64)
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    assert gallery.ask(file_id, x=128, y=64).status_code == 200
    other = Gallery(throttled_server)
    assert other.ask(other.put("b.jpg", encoded(halves())), x=64, y=64).status_code == 200


def test_previews_are_refused_while_too_many_wait(sqlite_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = Gallery(sqlite_server)
    file_id = gallery.put("a.jpg", encoded(Image.effect_noise((220, 100), 50)))
    with monkeypatch.context() as patch:
        patch.setattr(turns, "MAX_WAITING", 0)
        assert gallery.ask(file_id, x=64, y=64).status_code == 429
    assert gallery.ask(file_id, x=64, y=64).status_code == 200
