"""What messages say about pictures, sounds and films: sizes, blurred forms and lengths."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from blurhash_rs import blurhash_decode
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from support.files import Files
from support.people import Person
from support.pictures import encoded, halves, opened, recorded, wav, with_exif
from support.running import Server
from talkd.areas.files import service as files
from talkd.areas.files.model import Blob
from talkd.areas.pictures import decoder as decoders
from talkd.areas.pictures import webm
from talkd.areas.pictures.decoder import Decoder, Source
from talkd.areas.pictures.durations import find_duration
from talkd.areas.pictures.model import Description, NotAnImage

SHARES = "/ocs/v2.php/apps/files_sharing/api/v1/shares"


@pytest.fixture
def dora(server: Server) -> Person:
    """A user with files."""
    return server.add_user("dora")


def share(person: Person, name: str, content: bytes) -> dict[str, Any]:
    """Upload a file and share it in a new room. Return what its message says about it."""
    Files(person).put(f"/{name}", content)
    token = person.create_room()
    answer = person.http.post(SHARES, json={"path": f"/{name}", "shareWith": token, "shareType": 10})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = person.history(token)[0]["messageParameters"]["file"]
    return shown


def blob_of(server: Server, shown: dict[str, Any]) -> Blob:
    """Return what the server knows about the contents of a shared file."""

    async def read(tx: Any) -> Blob:
        entry = await files.find_by_id(tx, int(shown["id"]))
        assert entry is not None
        return await files.get_blob(tx, entry)

    return server.read(read)


def test_a_photo_has_size_and_blurred_form_as_it_is_shown(dora: Person) -> None:
    shown = share(dora, "a.jpg", with_exif(6, (500, 300)))
    assert (shown["width"], shown["height"]) == ("300", "500")
    blurred = blurhash_decode(shown["blurhash"], 30, 50)
    top, bottom = blurred.getpixel((15, 4)), blurred.getpixel((15, 45))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > top[2], bottom[2] > bottom[0]) == (True, True), "red above, blue below"


def test_what_is_transparent_is_blurred_on_white(server: Server) -> None:
    shown = share(server.add_user(), "a.png", encoded(Image.new("RGBA", (50, 30), (0, 0, 0, 0)), "PNG"))
    pixel = blurhash_decode(shown["blurhash"], 4, 4).getpixel((1, 1))
    assert isinstance(pixel, tuple)
    assert min(pixel) > 240


SOUNDS: dict[str, tuple[Callable[[], bytes], int]] = {
    "a.wav": (lambda: wav(2.5), 2500),
    "a.mp3": (lambda: recorded("mp3", "libmp3lame", 3), 3000),
    "a.ogg": (lambda: recorded("ogg", "libopus", 1.5), 1500),
    "a.opus": (lambda: recorded("ogg", "libopus", 0.5), 500),
    "a.m4a": (lambda: recorded("mp4", "aac", 3), 3000),
    "a.mp4": (lambda: recorded("mp4", "aac", 2), 2000),
    "a.flac": (lambda: recorded("flac", "flac", 1), 1000),
    "a.webm": (lambda: recorded("webm", "libopus", 3), 3000),
    "as recorded by a browser.webm": (lambda: recorded("webm", "libopus", 3, options={"live": "1"}), 3000),
    "without a length.mp4": (lambda: recorded("mp4", "aac", 2, options={"movflags": "frag_keyframe+empty_moov"}), 0),
    "raw.aac": (lambda: recorded("adts", "aac", 2), 0),
    "broken.wav": (lambda: wav(2)[:30], 0),
    "empty.mp3": (lambda: b"", 0),
    "text.mp3": (lambda: b"This is not a sound." * 100, 0),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_the_length_of_sounds_and_films_is_found(dora: Person, server: Server, name: str) -> None:
    make, length = SOUNDS[name]
    known = blob_of(server, share(dora, name, make()))
    assert known.is_described
    assert known.duration == pytest.approx(length, abs=70)
    assert (known.width, known.height, known.blurhash) == (0, 0, "")


def test_contents_are_described_once(dora: Person, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    describe = Decoder.describe

    async def count(decoder: Decoder, source: Source) -> Description:
        asked.append(True)
        return await describe(decoder, source)

    monkeypatch.setattr(Decoder, "describe", count)
    content = encoded(Image.effect_noise((141, 100), 50))
    shown = [share(dora, name, content) for name in ("a.jpg", "b.jpg")]
    assert [each["width"] for each in shown] == ["141", "141"]
    assert len(asked) == 1


def test_files_that_cannot_be_described_are_shared_all_the_same(dora: Person, server: Server) -> None:
    broken = share(dora, "broken.jpg", encoded(Image.effect_noise((900, 900), 50))[:5000])
    assert ("width" in broken, blob_of(server, broken).is_described) == (False, 1)
    text = share(dora, "text.txt", b"text of dora")
    assert blob_of(server, text).is_described == 0


def test_the_name_does_not_decide_what_contents_are(dora: Person) -> None:
    content = encoded(Image.effect_noise((142, 100), 50), "PNG")
    share(dora, "a.mp3", content)
    shown = share(dora, "b.png", content)
    preview = dora.http.get("/core/preview", params={"fileId": shown["id"], "x": 64, "y": 64, "a": 1})
    assert preview.status_code == 200
    assert opened(preview.content).size == (64, 45)


def test_a_file_is_shared_while_none_can_be_described(
    dora: Person, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(Image.effect_noise((143, 100), 50))
    with monkeypatch.context() as patch:
        patch.setattr(decoders, "MAX_WAITING", 0)
        assert blob_of(server, share(dora, "a.jpg", content)).is_described == 0
    assert blob_of(server, share(dora, "b.jpg", content)).is_described == 1


async def test_a_large_file_that_is_not_on_the_machine_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "MAX_COPIED", 10)
    decoder = Decoder()
    with pytest.raises(NotAnImage, match="too large"):
        await decoder.describe(decoders.source_of(encoded(halves())))
    await decoder.close()


RECORDED = recorded("webm", "libopus", 0.1, options={"live": "1"})
START = RECORDED[: RECORDED.index(b"\xa3", 4)]
"""The beginning of a film up to its first block."""


@given(st.binary(max_size=200), st.booleans())
def test_broken_films_have_no_length(content: bytes, begins_well: bool) -> None:
    start = START if begins_well else webm.BEGINNING
    assert find_duration(io.BytesIO(start + content)) >= 0
