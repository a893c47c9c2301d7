"""What messages say about pictures, sounds and films: sizes, blurred forms and lengths."""

import io
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from blurhash_rs import blurhash_decode
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from support.files import Files, send
from support.parts import needs_limits
from support.people import Person
from support.pictures import encoded, halves, opened, recorded, wav, with_exif
from support.running import Server
from support.waiting import begin_waiting
from talkd.areas.files import service as files
from talkd.areas.files.model import Blob
from talkd.areas.pictures import decoder as decoders
from talkd.areas.pictures import describing, tries, turns, webm
from talkd.areas.pictures.decoder import Decoder, Source
from talkd.areas.pictures.describing import Describer
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

    async def count(decoder: Decoder, source: Source, account: str) -> Description:
        asked.append(True)
        return await describe(decoder, source, account)

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
        patch.setattr(turns, "MAX_WAITING", 0)
        assert blob_of(server, share(dora, "a.jpg", content)).is_described == 0
    assert blob_of(server, share(dora, "b.jpg", content)).is_described == 1


def program(path: Path, body: str) -> tuple[str, ...]:
    """Return a program for the process that notes each order in a file, and runs `body` before it does it."""
    return (
        "-P",
        "-c",
        f"""
import os, socket, time
from pathlib import Path
from talkd.areas.pictures import decoding
real, folder = decoding.answer, Path({str(path)!r})
def answer(order, file):
    with (folder / "orders").open("a") as orders:
        orders.write(type(order).__name__ + "\\n")
    {body}
    return real(order, file)
decoding.answer = answer
decoding.serve(socket.socket(fileno=0))
""",
    )


@pytest.fixture
def orders(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Let the process of the server run other code. It notes the orders in the file that is returned."""
    decoder = server.app.world[Decoder]

    def start(body: str) -> Path:
        monkeypatch.setattr(decoders, "_PROGRAM", program(tmp_path, body))
        server.run(decoder.close())
        return tmp_path / "orders"

    yield start
    monkeypatch.undo()
    server.run(decoder.close())


ENDS = {
    "it is killed": "os.kill(os.getpid(), 9)",
    "it has no memory": "bytearray(decoding.MEMORY)",
    "it has no time": "decoding.CPU_SECONDS = 1; decoding._grant_time(); [0 for _ in iter(int, 1)]",
}


@needs_limits
@pytest.mark.parametrize("end", ENDS)
def test_a_picture_whose_process_ended_is_described_later(
    dora: Person,
    server: Server,
    orders: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    monkeypatch.setattr(tries, "PAUSES", (0, 0, 0))
    orders(f"(folder / 'good').exists() or {ENDS[end]!r} and exec({ENDS[end]!r})")
    token = dora.create_room()
    message = send(dora, token, encoded(Image.effect_noise((150, 100), 50)), "a.jpg")
    shown = message["messageParameters"]["file"]
    assert ("width" in shown, blob_of(server, shown).is_described) == (False, 0)
    (tmp_path / "good").touch()
    server.run_job("describe_again")
    after = dora.history(token)[0]["messageParameters"]["file"]
    assert (after["width"], after["height"], "blurhash" in after) == ("150", "100", True)
    assert {**after, "width": "", "height": "", "blurhash": ""} == {**shown, "width": "", "height": "", "blurhash": ""}


def test_a_picture_that_always_ends_its_process_is_tried_a_few_times(
    dora: Person, server: Server, orders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = orders("os.kill(os.getpid(), 9)")
    shown = share(dora, "a.jpg", encoded(Image.effect_noise((151, 100), 50)))
    preview = {"fileId": shown["id"], "x": 64, "y": 64, "a": 1}
    assert dora.http.get("/core/preview", params=preview).status_code == 404
    server.run_job("describe_again")
    assert noted.read_text().split() == ["Describe"], "it is too early for the next try"
    monkeypatch.setattr(tries, "PAUSES", (0, 0, 0))
    server.app.world[Describer]._tries._failed.clear()
    for _ in range(6):
        server.run_job("describe_again")
        assert dora.http.get("/core/preview", params=preview).status_code == 404
    assert noted.read_text().split() == ["Describe"] * (1 + 1 + len(tries.PAUSES))


def test_a_message_shows_what_is_found_out_after_it_was_sent(
    dora: Person, server: Server, orders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = orders("while not (folder / 'good').exists(): time.sleep(0.01)")
    monkeypatch.setattr(describing, "SECONDS", 0.01)
    token = dora.create_room()
    message = send(dora, token, encoded(Image.effect_noise((152, 100), 50)), "a.jpg", caption="First")
    assert "width" not in message["messageParameters"]["file"]
    dora.put(f"v1/chat/{token}/{message['id']}", message="Second")
    noted.with_name("good").touch()
    shown = await_shown(dora, token, message["id"], width="152")
    assert shown["message"] == "Second"


def await_shown(person: Person, token: str, message_id: int, **fields: str) -> dict[str, Any]:
    """Wait until a message shows its file with these fields, and return the message."""
    until = time.monotonic() + 30
    while True:
        message = next(each for each in person.history(token) if each["id"] == message_id)
        if fields.items() <= message["messageParameters"]["file"].items():
            return message
        assert time.monotonic() < until, message
        time.sleep(0.05)


def _put(person: Person, content: bytes) -> None:
    assert Files(person).status("PUT", "/a.jpg", content) == 204


def _put_in_pieces(person: Person, content: bytes) -> None:
    files, uploads = Files(person), Files(person, f"/remote.php/dav/uploads/{person.id}")
    uploads.request("MKCOL", "/u")
    assert uploads.status("PUT", "/u/1", content) == 201
    target = f"{person.http.base_url}{files.root}/a.jpg"
    assert uploads.status("MOVE", "/u/.file", Destination=target) == 204


@pytest.mark.parametrize("replace", [_put, _put_in_pieces])
def test_messages_follow_the_new_contents_of_a_picture(
    server: Server, threads: ThreadPoolExecutor, dora: Person, replace: Callable[[Person, bytes], None]
) -> None:
    reader, token = server.add_user("reader"), dora.create_room()
    dora.add(token, reader)
    Files(dora).put("/a.jpg", encoded(Image.effect_noise((160, 100), 50)))
    dora.http.post(SHARES, json={"path": "/a.jpg", "shareWith": token, "shareType": 10}).raise_for_status()
    message = reader.history(token)[0]
    before, last = message["messageParameters"]["file"], message["id"]
    path = f"v1/chat/{token}"
    waiting = begin_waiting(
        server, threads, reader.request, "GET", path, lookIntoFuture=1, lastKnownMessageId=last, timeout=30
    )
    replace(dora, encoded(Image.effect_noise((100, 170), 50)))
    after = await_shown(reader, token, last, width="100", height="170")["messageParameters"]["file"]
    assert after["blurhash"] != before["blurhash"]
    assert after["etag"] != before["etag"]
    assert reader.room(token)["lastMessage"]["messageParameters"]["file"] == after
    answer = dora.say(token, "There", replyTo=last)
    (seen,) = waiting.result(30).json()["ocs"]["data"]
    assert (seen["id"], seen["parent"]["messageParameters"]["file"]) == (answer["id"], after)


def test_many_pictures_of_one_account_keep_no_other_waiting(
    dora: Person, server: Server, orders: Callable[[str], Path]
) -> None:
    number = "len((folder / 'orders').read_text().split())"
    few = turns.MAX_WAITING // 2
    noted = orders(f"while not (folder / ('few' if {number} <= {few} else 'all')).exists(): time.sleep(0.01)")
    mallory, token = server.add_user("mallory"), dora.create_room()
    room = mallory.create_room()
    pictures = [encoded(Image.effect_noise((30 + number, 20), 50)) for number in range(turns.MAX_WAITING + 8)]
    with ThreadPoolExecutor(len(pictures) + 1) as pool:
        sent = [pool.submit(send, mallory, room, each, "a.jpg") for each in pictures]
        until = time.monotonic() + 30
        while sum(each.done() for each in sent) < 8:
            assert time.monotonic() < until, "those for whom there is no place do not wait"
            time.sleep(0.01)
        sending = pool.submit(send, dora, token, encoded(Image.effect_noise((153, 100), 50)), "a.jpg")
        while dora.id not in server.app.world[Decoder]._turns._waiting:
            assert time.monotonic() < until
            time.sleep(0.01)
        noted.with_name("few").touch()
        file = sending.result()["messageParameters"]["file"]
        assert file["width"] == "153", "it did not wait for all of the other account"
        noted.with_name("all").touch()
        preview = dora.http.get("/core/preview", params={"fileId": file["id"], "x": 64, "y": 64, "a": 1})
        assert preview.status_code == 200
        assert any("width" not in each.result()["messageParameters"]["file"] for each in sent), "too many to wait"
    while any("width" not in each["messageParameters"]["file"] for each in mallory.history(room)[:-1]):
        server.run_job("describe_again")
        assert time.monotonic() < until + 30


def test_many_pictures_of_one_account_do_not_make_others_forgotten(
    dora: Person, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    mallory, token = server.add_user("mallory"), dora.create_room()
    room = mallory.create_room()
    server.app.world[Describer]._waiting.clear()
    monkeypatch.setattr(describing, "MAX_LATER", 5)
    with monkeypatch.context() as patch:
        patch.setattr(turns, "MAX_WAITING", 0)
        send(dora, token, encoded(Image.effect_noise((154, 100), 50)), "a.jpg")
        for side in range(200, 210):
            send(mallory, room, encoded(Image.effect_noise((side, 20), 50)), "a.jpg")
    server.run_job("describe_again")
    assert dora.history(token)[0]["messageParameters"]["file"]["width"] == "154"
    described = [each for each in mallory.history(room) if "width" in each["messageParameters"].get("file", {})]
    assert len(described) == 4


async def test_a_large_file_that_is_not_on_the_machine_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "MAX_COPIED", 10)
    decoder = Decoder()
    with pytest.raises(NotAnImage, match="too large"):
        await decoder.describe(decoders.source_of(encoded(halves())), "dora")
    await decoder.close()


RECORDED = recorded("webm", "libopus", 0.1, options={"live": "1"})
START = RECORDED[: RECORDED.index(b"\xa3", 4)]
"""The beginning of a film up to its first block."""


@given(st.binary(max_size=200), st.booleans())
def test_broken_films_have_no_length(content: bytes, begins_well: bool) -> None:
    start = START if begins_well else webm.BEGINNING
    assert find_duration(io.BytesIO(start + content)) >= 0
