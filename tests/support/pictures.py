"""Pictures, sounds and films for tests."""

import io
import random
import wave
from fractions import Fraction
from typing import Any

import av
from PIL import Image
from pillow_heif import register_heif_opener

RED, BLUE = (255, 0, 0), (0, 0, 255)
Point = tuple[int, int]
ORIENTATION = 0x0112


def encoded(image: Image.Image, format_: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as a file."""
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def halves(size: tuple[int, int] = (400, 200), mode: str = "RGB") -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new(mode, size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def with_exif(orientation: int, size: tuple[int, int] = (400, 200)) -> bytes:
    """Return a JPEG of `halves` that says how it must be turned, which camera took it, and where."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"  # the latitude's reference, in the directory with the place
    return encoded(halves(size), exif=exif, quality=90)


def heic(photo: bytes) -> bytes:
    """Return a photo as an iPhone stores it, with the same Exif data."""
    register_heif_opener()
    return encoded(Image.open(io.BytesIO(photo)), "HEIF", enc_params={"preset": "ultrafast"})


def opened(content: bytes) -> Image.Image:
    """Return the picture in a file, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def color_at(image: Image.Image, x: float, y: float) -> str:
    """Return "red", "blue" or "other" for a place given as parts of width and height."""
    point = int(x * (image.width - 1)), int(y * (image.height - 1))
    pixel = image.convert("RGB").getpixel(point)
    assert isinstance(pixel, tuple)
    near = [name for name, color in (("red", RED), ("blue", BLUE)) if _distance(pixel, color) < 120]
    return near[0] if near else "other"


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


def recorded(
    container: str, codec: str, seconds: float, *, rate: int = 48_000, options: dict[str, str] | None = None
) -> bytes:
    """Return a sound of this length, which is noise."""
    out = io.BytesIO()
    noise = random.Random(1)
    with av.open(out, "w", format=container, options=options or {}) as file:
        stream = file.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        done, total = 0, round(seconds * rate)
        while done < total:
            count = min(960, total - done)
            frame = av.AudioFrame(format="s16", layout="mono", samples=count)
            padding = bytes(frame.planes[0].buffer_size - 2 * count)
            frame.planes[0].update(noise.randbytes(2 * count) + padding)
            frame.sample_rate, frame.pts, frame.time_base = rate, done, Fraction(1, rate)
            file.mux(stream.encode(frame))
            done += count
        file.mux(stream.encode(None))
    return out.getvalue()


def wav(seconds: float, rate: int = 8000) -> bytes:
    """Return a silent WAV file of this length."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * round(seconds * rate)))
    return out.getvalue()
