"""Drawing and resizing pictures. These functions block, so call them through `drawing.in_thread`."""

import colorsys
import io
from threading import Lock

from cachetools import LRUCache

from talkd.areas.avatars.model import LARGE, Sketch
from talkd.areas.pictures.drawing import as_png

CACHED = 2048
"""Maximum number of drawn pictures in memory. Each has 1 to 6 kB."""
_drawn: LRUCache[Sketch, bytes] = LRUCache(CACHED)

_lock = Lock()


def find_drawn(wanted: Sketch) -> bytes | None:
    """Return the PNG of a sketch if it is in memory."""
    with _lock:
        return _drawn.get(wanted)


def draw(wanted: Sketch) -> bytes:
    """Draw a sketch as PNG and keep it in memory."""
    png = _draw(wanted)
    with _lock:
        _drawn[wanted] = png
    return png


def _draw(wanted: Sketch) -> bytes:
    from PIL import Image, ImageDraw, ImageFont

    size = wanted.size
    lightness, saturation = (0.24, 0.38) if wanted.dark else (0.36, 0.46)
    background = _rgb(wanted.hue, lightness, saturation)
    ink = _rgb(wanted.hue, 0.86, 0.45) if wanted.dark else (255, 255, 255)
    image = Image.new("RGB", (size, size), background)
    pen = ImageDraw.Draw(image)
    if wanted.letters:
        font = ImageFont.load_default(size * 0.46)
        pen.text((size / 2, size / 2), wanted.letters, fill=ink, font=font, anchor="mm")
    else:
        pen.ellipse((size * 0.34, size * 0.22, size * 0.66, size * 0.54), fill=ink)
        pen.ellipse((size * 0.2, size * 0.6, size * 0.8, size * 1.3), fill=ink)
    return as_png(image)


def _rgb(hue: float, lightness: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, saturation))
    return red, green, blue


def resized(image: bytes, size: int) -> bytes:
    """Return a stored picture in another size."""
    if size == LARGE:
        return image
    from PIL import Image

    opened = Image.open(io.BytesIO(image), formats=("PNG",))
    return as_png(opened.resize((size, size), Image.Resampling.LANCZOS))
