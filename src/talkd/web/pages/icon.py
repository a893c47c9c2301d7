"""The icon of the server, for pages and for devices that install the client."""

import functools
import io
import math
from pathlib import Path

LOGO = Path(__file__).with_name("logo.svg").read_bytes()
SIZE = 512
"""Width and height of the icon in pixels."""

_EDGE = -14
_WIDTH = 92
"""The icon shows the logo with a margin: its square begins at this place of the logo and has this width."""
_FINER = 4
"""The icon is drawn this much larger and made smaller, which smooths its edges."""


def svg(color: str) -> bytes:
    """Return the logo on a square in the main colour."""
    inner = LOGO.decode().partition(">")[2]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_EDGE} {_EDGE} {_WIDTH} {_WIDTH}">'
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_WIDTH}" height="{_WIDTH}" rx="22" fill="{color}"/>{inner}'
    ).encode()


@functools.lru_cache(maxsize=1)
def png(color: str) -> bytes:
    """Return the same as PNG. Its corners are not round: devices cut them as they like."""
    from PIL import Image, ImageColor, ImageDraw  # Pillow is imported with the first picture

    ground = ImageColor.getrgb(color)
    behind = tuple(round(0.4 * part + 0.6 * 255) for part in ground[:3])
    scale = SIZE * _FINER / _WIDTH
    image = Image.new("RGB", (SIZE * _FINER, SIZE * _FINER), color)
    draw = ImageDraw.Draw(image)
    for outline, fill in ((_BEHIND, behind), (_FRONT, (255, 255, 255))):
        draw.polygon([((x - _EDGE) * scale, (y - _EDGE) * scale) for x, y in outline], fill=fill)
    file = io.BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(file, "PNG", optimize=True)
    return file.getvalue()


def _arc(x: float, y: float, radius: float, start: int, end: int) -> list[tuple[float, float]]:
    """Return points of an arc around a centre. Angles are in degrees, clockwise from the right."""
    step = 6 if end > start else -6
    angles = [math.radians(angle) for angle in range(start, end + step, step)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]


_FRONT = [
    *_arc(42, 18, 8, -90, 0),
    *_arc(42, 32, 8, 0, 90),
    *((26, 40), (14, 51), (14, 40)),
    *_arc(12, 32, 8, 90, 180),
    *_arc(12, 18, 8, 180, 270),
]
_BEHIND = [
    (54, 21.5),
    *_arc(52, 29, 8, -66, 0),
    *_arc(52, 42, 8, 0, 90),
    *((52, 59), (41.5, 50), (31, 50), (38, 44)),
    *_arc(43, 33, 11, 90, 0),
]
"""The two shapes of the logo."""
