"""Drawing and resizing. Blocking work: call it through `in_thread`."""

import asyncio
import colorsys
import io
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar, TypeVarTuple

from PIL import Image, ImageDraw, ImageFont, ImageOps

from talkd.areas.avatars.model import LARGE, MAX_PIXELS, Sketch

Args = TypeVarTuple("Args")
T = TypeVar("T")

FORMATS = ("PNG", "JPEG", "WEBP")
CACHED = 512
"""Pictures kept in memory; a drawn one has some 1-6 kB."""

_threads = ThreadPoolExecutor(2, thread_name_prefix="image")
"""Few: pictures must never take the processor away from messages."""


class NotAnImage(Exception):
    """It cannot be used as a picture; the message says why."""


async def in_thread(work: Callable[[*Args], T], *args: *Args) -> T:
    """Run blocking work beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)


@lru_cache(CACHED)
def draw(wanted: Sketch) -> bytes:
    """The PNG of a sketch."""
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
    return _png(image)


def _rgb(hue: float, lightness: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, saturation))
    return red, green, blue


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def normalised(content: bytes) -> bytes:
    """An uploaded picture as a square PNG of the large size, and nothing else of the file. Raises NotAnImage.

    Re-encoding drops everything that was hidden in the file: places, comments, appended programs.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is below
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise NotAnImage("The image has too many pixels")
        image.draft("RGB", (LARGE * 2, LARGE * 2))
        upright = ImageOps.exif_transpose(image)
        mode = "RGBA" if upright.has_transparency_data else "RGB"
        return _png(ImageOps.fit(upright.convert(mode), (LARGE, LARGE), Image.Resampling.LANCZOS))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise NotAnImage("Invalid image") from error


def resized(image: bytes, size: int) -> bytes:
    """A stored picture in another size."""
    if size == LARGE:
        return image
    opened = Image.open(io.BytesIO(image), formats=("PNG",))
    return _png(opened.resize((size, size), Image.Resampling.LANCZOS))
