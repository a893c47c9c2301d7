"""Decompression bombs: pictures that need far more memory than their file. They are refused without harm."""

import asyncio
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from support.files import Files
from support.parts import needs_limits
from support.pictures import heic
from support.pictures import opened as read_picture
from support.running import Server
from talkd.areas.pictures import decoder as decoders
from talkd.areas.pictures import decoding, turns
from talkd.areas.pictures.decoder import Decoder, source_of
from talkd.areas.pictures.model import MAX_PIXELS, MAX_PIXELS_OF, MAX_SIDE, Avatar, NotAnImage
from talkd.config import Config
from talkd.core.errors import Throttled

UPLOAD = "/ocs/v2.php/apps/spreed/temp-user-avatar"
MEGABYTE = 1024 * 1024
MAX_WEBP_PIXELS = MAX_PIXELS_OF["WEBP"]
FINE: dict[str, Any] = {"progressive": True, "subsampling": 0}
"""Options of a JPEG whose decoder needs the most memory."""
pytestmark = needs_limits


def encoded(format_: str, size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red" if mode.startswith("RGB") else 0).save(out, format_, **options)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a PNG of a few bytes that declares these dimensions."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def gigabyte() -> bytes:
    """Return a gigabyte, compressed twice."""
    return zlib.compress(zlib.compress(bytes(MEGABYTE)) * 1024)


def webp(width: int, height: int) -> bytes:
    """Return a WebP with one small frame on a large canvas, which Pillow allocates when it opens the file."""
    picture = encoded("WEBP", (16, 16), lossless=True)[12:]
    frame = bytes(6) + (15).to_bytes(3, "little") * 2 + bytes(4) + picture
    canvas = b"\x02\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP"
    for kind, content in ((b"VP8X", canvas), (b"ANIM", bytes(6)), (b"ANMF", frame)):
        body += kind + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg(width: int, height: int, **options: Any) -> bytes:
    """Return a JPEG of a few bytes that declares these dimensions."""
    content = bytearray(encoded("JPEG", (16, 16), **options))
    start = content.index(b"\xff\xc2" if options.get("progressive") else b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


BOMBS: dict[str, Callable[[], bytes]] = {
    "one pixel wide": lambda: png(1, 32_000_000),
    "one pixel high": lambda: png(32_000_000, 1),
    "one pixel too wide": lambda: encoded("PNG", (MAX_SIDE + 1, 1)),
    "too many pixels": lambda: encoded("PNG", (8_000, MAX_PIXELS // 8_000 + 1)),
    "png of 14 GB": lambda: png(60_000, 60_000),
    "png text": lambda: png(8, 8, chunk(b"zTXt", b"k\0\0" + gigabyte())),
    "png profile": lambda: png(8, 8, chunk(b"iCCP", b"k\0\0" + gigabyte())),
    "png many texts": lambda: png(8, 8, *[chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(MEGABYTE - 1)))] * 200),
    "jpeg of 12 GB": lambda: jpeg(65_500, 65_500),
    "progressive jpeg": lambda: jpeg(65_500, 65_500, progressive=True),
    "webp canvas of 2 GB": lambda: webp(16_383, 16_383),
    "webp canvas of too many pixels": lambda: webp(8_000, MAX_PIXELS // 8_000),
    "gif of 4 GB": lambda: b"GIF89a\xff\xff\xff\xff" + encoded("GIF")[10:],
    "gif": lambda: encoded("GIF", save_all=True, append_images=[Image.new("RGB", (300, 200))] * 50),
    "bmp": lambda: encoded("BMP"),
    "truncated png": lambda: encoded("PNG", (2_000, 2_000))[:-30],
    "truncated jpeg": lambda: encoded("JPEG", (2_000, 2_000))[:400],
    "truncated webp": lambda: encoded("WEBP", (2_000, 2_000))[:-30],
}


def peak_of(pid: int) -> int:
    """Return the peak memory of a process, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def forget_peak() -> None:
    """Reset the peak memory of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def is_running(pid: int) -> bool:
    """Return True if the process exists and has not ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def memory_of(pid: int) -> int:
    """Return the current memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def send(client: httpx.Client, content: bytes) -> httpx.Response:
    return client.post(UPLOAD, files={"files[]": ("picture", content, "image/png")})


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_uses_little_memory(sqlite_server: Server, name: str) -> None:
    alice = sqlite_server.add_user()
    content = BOMBS[name]()
    before = memory_of(os.getpid())  # the server runs in this process
    forget_peak()
    answer = send(alice.http, content)
    assert (answer.status_code, bool(answer.json()["ocs"]["data"]["message"])) == (400, True)
    assert peak_of(os.getpid()) < before + 32 * MEGABYTE
    assert send(alice.http, encoded("PNG")).status_code == 200, "the next picture is opened"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: encoded("PNG", (8_000, 4_000)), id="png of most pixels"),
        pytest.param(lambda: encoded("PNG", (8_000, 4_000), "RGBA"), id="transparent png of most pixels"),
        pytest.param(lambda: encoded("PNG", (8_000, 4_000), "P"), id="palette of most pixels"),
        pytest.param(lambda: encoded("PNG", (8_000, 4_000), "I;16"), id="16 bits of most pixels"),
        pytest.param(lambda: encoded("JPEG", (8_000, 4_000)), id="photo of most pixels"),
        pytest.param(lambda: encoded("JPEG", (8_000, 4_000), progressive=True), id="progressive photo of most pixels"),
        pytest.param(lambda: encoded("WEBP", (6_000, MAX_WEBP_PIXELS // 6_000)), id="webp of most pixels"),
        pytest.param(lambda: webp(6_000, MAX_WEBP_PIXELS // 6_000), id="webp canvas of most pixels"),
        pytest.param(lambda: encoded("PNG", (MAX_SIDE, 1)), id="longest side"),
    ],
)
def test_the_largest_pictures_fit_into_the_limit(sqlite_server: Server, content: Callable[[], bytes]) -> None:
    answer = send(sqlite_server.add_user().http, content())
    assert answer.status_code == 200, answer.text
    pid = sqlite_server.app.world[Decoder].pid
    assert pid is not None
    assert peak_of(pid) < decoding.MEMORY


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.png", lambda: encoded("PNG", (8_000, 4_000), "RGBA"), id="transparent png"),
        pytest.param("a.webp", lambda: encoded("WEBP", (6_000, 4_000), "RGBA", method=0), id="transparent webp"),
        pytest.param("a.avif", lambda: encoded("AVIF", (5_000, 3_200), "RGBA", speed=10), id="transparent avif"),
        pytest.param("a.heic", lambda: heic(encoded("JPEG", (8_064, 6_048), quality=40)), id="photo of an iphone"),
        pytest.param("b.heic", lambda: heic(encoded("PNG", (8_000, 4_000), "RGBA")), id="transparent heic"),
        pytest.param("a.gif", lambda: encoded("GIF", (8_000, 4_000), "P"), id="gif"),
        pytest.param("a.jpg", lambda: encoded("JPEG", (8_000, 7_500), **FINE), id="progressive jpeg"),
        pytest.param("b.jpg", lambda: encoded("JPEG", (12_000, 10_000), "L"), id="jpeg"),
    ],
)
def test_the_largest_pictures_have_previews(sqlite_server: Server, name: str, content: Callable[[], bytes]) -> None:
    alice = sqlite_server.add_user()
    Files(alice).put(f"/{name}", content())
    before = memory_of(os.getpid())
    forget_peak()
    for whole in (1, 0):
        query: dict[str, Any] = {"file": f"/{name}", "x": 2048, "y": 2048, "a": whole}
        answer = alice.http.get("/core/preview.png", params=query)
        assert answer.status_code == 200, answer.text
        assert max(read_picture(answer.content).size) == 2048
    assert peak_of(os.getpid()) < before + 96 * MEGABYTE
    pid = sqlite_server.app.world[Decoder].pid
    assert pid is not None, "the process has not been ended by a limit"
    assert peak_of(pid) < decoding.MEMORY


def test_the_refusal_of_a_large_webp_names_the_limit(sqlite_server: Server) -> None:
    answer = send(sqlite_server.add_user().http, webp(6_000, MAX_WEBP_PIXELS // 6_000 + 1))
    assert answer.status_code == 400
    assert answer.json()["ocs"]["data"]["message"] == "The image has too many pixels: 24000000 are allowed"


def test_photos_are_rotated_upright(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user()
    photo = Image.new("RGB", (300, 200), "red")
    photo.paste("blue", (0, 0, 300, 100))  # the upper half; turned by 90 degrees to the left
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 8
    photo.save(out, "JPEG", exif=exif)
    assert send(alice.http, out.getvalue()).status_code == 200
    shown = Image.open(io.BytesIO(alice.http.get(f"/avatar/{alice.id}/512").content)).convert("RGB")
    left, right = shown.getpixel((10, 256)), shown.getpixel((500, 256))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[2] > 200, right[0] > 200) == (True, True)


def test_colour_profiles_are_removed(sqlite_server: Server) -> None:
    alice = sqlite_server.add_user()
    assert send(alice.http, encoded("PNG", icc_profile=b"hidden" * 1000)).status_code == 200
    assert "icc_profile" not in Image.open(io.BytesIO(alice.http.get(f"/avatar/{alice.id}/512").content)).info


def test_many_concurrent_bombs_use_little_memory(new_server: Callable[[Config], Server], databases: Any) -> None:
    server = new_server(databases.config("sqlite"))
    alice = server.add_user()
    files = [make() for make in BOMBS.values()] + [encoded("PNG", (8_000, 4_000), "RGBA")]
    assert send(alice.http, encoded("PNG")).status_code == 200
    before = memory_of(os.getpid())

    async def flood() -> list[int]:
        headers = {**alice.http.headers}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, auth=alice.http.auth, timeout=60) as client:
            posts = [client.post(UPLOAD, files={"files[]": ("a", each, "image/png")}) for each in files * 2]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    statuses = asyncio.run(flood())
    assert set(statuses) <= {200, 400, 429}
    assert memory_of(os.getpid()) < before + 64 * MEGABYTE


# --- the process of the decoder ----------------------------------------------------------------------------
def program(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Let the decoder process run other code, with the same limits."""
    source = f"""
import os, socket, sys, time
from talkd.areas.pictures import decoding, turns
from talkd.areas.pictures.model import Picture
decoding.CPU_SECONDS = 1
def answer(order, file):
    return Picture("", work(file.read()))
def work(content):
    if content == b"good":
        return b"%d" % os.getpid()
    {body}
decoding.answer = answer
decoding.serve(socket.socket(fileno=0))
"""
    monkeypatch.setattr(decoders, "_PROGRAM", ("-P", "-c", source))


async def opened(decoder: Decoder, content: bytes, account: str = "alice") -> bytes:
    """Return the answer of the process to a file of an account."""
    return (await decoder.make(Avatar(512), source_of(content), account)).content


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "bytearray(decoding.MEMORY)", "os._exit(0)", "time.sleep(60)"],
    ids=["processor time", "memory", "end", "time"],
)
async def test_a_picture_that_needs_too_much_ends_the_process(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program(monkeypatch, body)
    decoder = Decoder()
    try:
        first = await opened(decoder, b"good")
        assert await opened(decoder, b"good") == first, "the process is kept"
        if "sleep" in body:
            monkeypatch.setattr(decoders, "SECONDS", 0.1)
        with pytest.raises(NotAnImage, match="too much"):
            await opened(decoder, b"bad")
        monkeypatch.setattr(decoders, "SECONDS", 30)
        assert await opened(decoder, b"good") != first, "a new process opens the next picture"
    finally:
        await decoder.close()


async def test_a_cancelled_request_does_not_answer_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "time.sleep(0.2); return b'of somebody else'")
    decoder = Decoder()
    try:
        first = await opened(decoder, b"good")
        gone = asyncio.ensure_future(opened(decoder, b"slow"))
        await asyncio.sleep(0.05)
        gone.cancel()
        assert (await opened(decoder, b"good")).isdigit()
        assert await opened(decoder, b"good") != first
    finally:
        await decoder.close()


async def test_the_number_of_waiting_pictures_of_an_account_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "pass")
    decoder = Decoder()
    try:
        tries = [opened(decoder, b"good") for _ in range(turns.MAX_WAITING + 2)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(answer) for answer in answers] == [bytes] * turns.MAX_WAITING + [Throttled] * 2
        assert await opened(decoder, b"good")
    finally:
        await decoder.close()


async def test_accounts_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "time.sleep(0.05); return b''")
    decoder, done = Decoder(), list[str]()

    async def open_one(account: str) -> None:
        await opened(decoder, b"slow", account)
        done.append(account)

    try:
        mallory = [asyncio.ensure_future(open_one("mallory")) for _ in range(turns.MAX_WAITING)]
        await asyncio.sleep(0)
        await asyncio.gather(*(open_one(account) for account in ("alice", "alice", "bob")))
        assert done.count("mallory") <= 3
        mallory[-1].cancel()
        await asyncio.gather(*mallory, return_exceptions=True)
        assert done.count("mallory") == turns.MAX_WAITING - 1
        assert await opened(decoder, b"good", "alice")
    finally:
        await decoder.close()


async def test_the_account_with_the_most_pictures_gives_way_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    program(monkeypatch, "time.sleep(0.02); return b''")
    monkeypatch.setattr(turns, "MAX_ALL", 4)
    decoder = Decoder()
    try:
        mallory = [asyncio.ensure_future(opened(decoder, b"slow", "mallory")) for _ in range(5)]
        await asyncio.sleep(0)
        others = [opened(decoder, b"slow", account) for account in ("alice", "alice", "bob", "alice")]
        found = await asyncio.gather(*mallory, *others, return_exceptions=True)
        assert [type(each) for each in found[:5]] == [bytes, bytes, Throttled, Throttled, Throttled]
        assert [type(each) for each in found[5:]] == [bytes, bytes, bytes, Throttled]
    finally:
        await decoder.close()


async def test_a_turn_that_is_cancelled_as_it_comes_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = turns.Turns()

    async def take(account: str) -> str:
        async with taken.take(account):
            return account

    async with taken.take("alice"):
        first, second = asyncio.ensure_future(take("bob")), asyncio.ensure_future(take("carol"))
        await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.wait_for(second, 5) == "carol"


async def test_the_process_gets_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALKD_DATABASE", "postgresql://user:secret@host/name")
    program(monkeypatch, "return repr(dict(os.environ)).encode()")
    decoder = Decoder()
    try:
        assert b"TALKD" not in await opened(decoder, b"environment")
    finally:
        await decoder.close()


SERVER = """
import asyncio, contextlib
from talkd.areas.pictures.decoder import Decoder, source_of
async def main():
    decoder = Decoder()
    with contextlib.suppress(Exception):
        await decoder.describe(source_of(b""), "alice")
    print(decoder.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_the_process_ends_with_the_server() -> None:
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    assert is_running(pid)
    server.kill()
    server.communicate()
    until = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < until, "the process is still there"
        time.sleep(0.02)
