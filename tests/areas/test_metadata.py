"""Data about persons are cut out of pictures that users send, if the administrator wants that."""

import hashlib
import io
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from support.files import Files
from support.pictures import ORIENTATION, encoded, halves, opened
from support.running import Server
from talkd.areas.files.metadata import Cleaner
from talkd.config import Config

SECRET = b"SECRET"
GPS, XMP = 0x8825, b"<x:xmpmeta>SECRET</x:xmpmeta>"


def exif(orientation: int) -> bytes:
    """Return Exif data with a camera, a place and a preview."""
    made = Image.Exif()
    made[0x010F] = "SECRET camera"
    if orientation:
        made[ORIENTATION] = orientation
    made.get_ifd(GPS)[1] = "N"
    made.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
    return made.tobytes()


def jpeg(orientation: int = 6, **options: Any) -> bytes:
    """Return a JPEG with everything that must go."""
    settings = {"exif": exif(orientation), "xmp": XMP, "comment": SECRET, "icc_profile": b"profile" * 20000} | options
    content = encoded(halves(), **settings)
    hidden = b"\xff\xed" + struct.pack(">H", 17) + b"Photoshop" + SECRET
    return content[:2] + hidden + content[2:] + b"\xff\xd8 another picture, SECRET"


def png(orientation: int = 6) -> bytes:
    """Return a PNG with everything that must go."""
    texts = PngInfo()
    texts.add_text("Author", "SECRET")
    texts.add_text("Place", "SECRET", zip=True)
    texts.add_itxt("Title", "SECRET")
    content = encoded(halves(), "PNG", exif=exif(orientation), pnginfo=texts, icc_profile=b"profile" * 9, dpi=(72, 72))
    return content + b"SECRET"


def webp(orientation: int = 6, **options: Any) -> bytes:
    """Return a WebP with everything that must go."""
    return encoded(halves(), "WEBP", exif=exif(orientation), xmp=XMP, icc_profile=b"profile", **options) + SECRET


def moving(format_: str) -> bytes:
    """Return a moving picture with everything that must go."""
    more = [Image.new("RGB", (400, 200), color) for color in ("green", "white")]
    return encoded(halves(), format_, exif=exif(6), save_all=True, append_images=more, duration=100)


PICTURES: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg,
    "progressive.jpeg": lambda: jpeg(progressive=True),
    "restarts.jpeg": lambda: jpeg(restart_marker_blocks=2),
    "grey.jpeg": lambda: encoded(halves().convert("L"), exif=exif(6)),
    "cmyk.jpeg": lambda: encoded(halves().convert("CMYK"), exif=exif(6)),
    "png": png,
    "palette.png": lambda: encoded(halves().convert("P"), "PNG", exif=exif(6), transparency=0),
    "moving.png": lambda: moving("PNG"),
    "webp": webp,
    "lossless.webp": lambda: webp(lossless=True),
    "moving.webp": lambda: moving("WEBP"),
}


def cleaned(content: bytes, part: int = 0) -> bytes:
    """Return a cleaned file that arrives in parts of this size."""
    cleaner = Cleaner()
    parts = [content[at : at + part] for at in range(0, len(content), part)] if part else [content]
    return b"".join([*(cleaner.feed(each) for each in parts), cleaner.finish()])


@pytest.mark.parametrize("name", PICTURES)
def test_only_what_a_picture_looks_like_stays(name: str) -> None:
    content = PICTURES[name]()
    result = cleaned(content)
    assert SECRET not in result
    before, after = opened(content), opened(result)
    assert dict(after.getexif()) == {ORIENTATION: 6}
    assert not after.getexif().get_ifd(GPS)
    assert "xmp" not in after.info
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert after.info.get("transparency") == before.info.get("transparency")
    assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1)
    for frame in range(getattr(before, "n_frames", 1)):
        before.seek(frame)
        after.seek(frame)
        assert ImageOps.exif_transpose(after).tobytes() == ImageOps.exif_transpose(before).tobytes()


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("part", [1, 7, 4096])
def test_it_does_not_matter_how_a_file_arrives(name: str, part: int) -> None:
    content = PICTURES[name]()
    assert cleaned(content, part) == cleaned(content)


@pytest.mark.parametrize("name", PICTURES)
def test_a_clean_picture_stays_as_it_is(name: str) -> None:
    content = cleaned(PICTURES[name]())
    cleaner = Cleaner()
    assert cleaner.feed(content) + cleaner.finish() == content
    assert not cleaner.has_changed


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("make", [jpeg, png, webp])
def test_every_orientation_is_kept(make: Callable[[int], bytes], orientation: int) -> None:
    content = make(orientation)
    found = opened(cleaned(content)).getexif().get(ORIENTATION, 1)
    assert found == (orientation if 1 <= orientation <= 8 else 1)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff", b"RIFF1234WAVEdata", encoded(halves(), "GIF")])
def test_other_files_stay_as_they_are(content: bytes) -> None:
    assert cleaned(content) == cleaned(content, 1) == content


SMALL = [jpeg(icc_profile=b"p"), png(), webp()]


@given(st.sampled_from(SMALL), st.integers(0, 400), st.binary(max_size=30), st.integers(1, 50))
def test_broken_pictures_are_received_all_the_same(content: bytes, at: int, other: bytes, part: int) -> None:
    broken = content[:at] + other + content[at + len(other) :]
    result = cleaned(broken)
    assert cleaned(broken, part) == result
    assert len(result) <= len(broken) + 64


@given(st.sampled_from(SMALL), st.data())
def test_a_picture_that_ends_early_loses_its_data_too(content: bytes, data: st.DataObject) -> None:
    cut = cleaned(content[: data.draw(st.integers(0, len(content)))])
    assert SECRET not in cut


# --- over HTTP ------------------------------------------------------------------------------
@pytest.fixture
def files(databases: Any, new_server: Callable[[Config], Server], request: pytest.FixtureRequest) -> Files:
    """The files of an account of a server that cleans pictures."""
    config = databases.config(request.param)
    config.files.remove_metadata = True
    return Files(new_server(config).add_user("dora"))


both = pytest.mark.parametrize("files", ["sqlite", "postgres"], indirect=True)


@both
def test_uploaded_pictures_lose_their_data(files: Files) -> None:
    content = jpeg()
    tag = files.put("/a.jpg", content, OC_Checksum=f"SHA1:{sha1(content)}").headers["etag"]
    kept = files.get("/a.jpg")
    assert kept == cleaned(content)
    listed = files.list("/a.jpg", 0, "d:getcontentlength", "d:getetag", "oc:checksums")["/a.jpg"]
    assert (listed["getcontentlength"], listed["getetag"]) == (str(len(kept)), tag)
    assert "checksums" not in listed or not listed["checksums"], "that of the client is of other contents"
    assert files.status("PUT", "/b.jpg", content, OC_Checksum=f"SHA1:{sha1(kept)}") == 400
    text = b"text, " * 200_000
    files.put("/a.txt", text, OC_Checksum=f"SHA1:{sha1(text)}")
    assert files.get("/a.txt") == text
    assert files.list("/a.txt", 0, "oc:checksums")["/a.txt"]["checksums"]


@both
def test_pictures_that_arrive_in_pieces_lose_their_data(files: Files) -> None:
    content = encoded(Image.effect_noise((900, 600), 60), exif=exif(6))
    person, uploads = files.person, f"/remote.php/dav/uploads/{files.person.id}/photo"
    assert person.http.request("MKCOL", uploads).status_code == 201
    for number, start in enumerate(range(0, len(content), 100_000), 1):
        piece = content[start : start + 100_000]
        assert person.http.put(f"{uploads}/{number}", content=piece).status_code == 201
    target = f"{str(person.http.base_url).rstrip('/')}{files.root}/a.jpg"
    assert person.http.request("MOVE", f"{uploads}/.file", headers={"Destination": target}).status_code == 201
    assert files.get("/a.jpg") == cleaned(content)
    assert SECRET not in files.get("/a.jpg")


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def test_pictures_keep_their_data_unless_the_administrator_says_otherwise(server: Server) -> None:
    files = Files(server.add_user("dora"))
    files.put("/a.jpg", jpeg())
    assert files.get("/a.jpg") == jpeg()
    assert Image.open(io.BytesIO(files.get("/a.jpg"))).getexif()[0x010F] == "SECRET camera"
