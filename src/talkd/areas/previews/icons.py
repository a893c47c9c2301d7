"""Icons of files without a preview: a sheet of paper with a sign for the kind. They are drawn once a size."""

from functools import lru_cache
from typing import TYPE_CHECKING

from talkd.areas.pictures.drawing import as_png

if TYPE_CHECKING:
    from PIL import ImageDraw  # Pillow is imported with the first picture

SIZES = (64, 128, 256, 512)
PICTURE, FILM, SOUND, TEXT, ARCHIVE, OTHER = "picture", "film", "sound", "text", "archive", "other"
_KINDS = {"image": PICTURE, "video": FILM, "audio": SOUND, "text": TEXT}
_ARCHIVES = ("zip", "x-tar", "gzip", "x-7z-compressed", "x-bzip2", "x-xz", "vnd.rar", "x-rar-compressed")
_COLORS = {
    PICTURE: (46, 125, 50),
    FILM: (173, 60, 60),
    SOUND: (120, 60, 150),
    TEXT: (40, 90, 160),
    ARCHIVE: (150, 105, 20),
    OTHER: (110, 110, 110),
}
_FINER = 4
"""An icon is drawn this much larger and made smaller, which smooths its edges."""


def kind_of(media_type: str) -> str:
    """Return which icon files of a type have."""
    main, _, form = media_type.partition("/")
    if form in _ARCHIVES:
        return ARCHIVE
    is_text = form == "pdf" or "document" in form or "word" in form
    return TEXT if is_text else _KINDS.get(main, OTHER)


def size_of(wanted: int) -> int:
    """Return the size in which an icon is drawn for a wanted size."""
    return next((size for size in SIZES if size >= wanted), SIZES[-1])


@lru_cache(maxsize=len(_COLORS) * len(SIZES))
def draw(kind: str, size: int) -> bytes:
    """Draw an icon as PNG. It blocks, so call it through `in_thread`."""
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (100 * _FINER, 100 * _FINER), (0, 0, 0, 0))
    pen, color = ImageDraw.Draw(image), _COLORS[kind]
    _polygon(pen, [(20, 8), (62, 8), (80, 26), (80, 92), (20, 92)], (*color, 255))
    _polygon(pen, [(62, 8), (80, 26), (62, 26)], (*(min(255, part + 70) for part in color), 255))
    _SIGNS[kind](pen)
    return as_png(image.resize((size, size), Image.Resampling.LANCZOS))


_WHITE = (255, 255, 255, 255)


def _polygon(pen: "ImageDraw.ImageDraw", corners: list[tuple[float, float]], color: tuple[int, ...]) -> None:
    pen.polygon([(x * _FINER, y * _FINER) for x, y in corners], fill=color)


def _bar(pen: "ImageDraw.ImageDraw", left: float, top: float, right: float, bottom: float) -> None:
    pen.rectangle((left * _FINER, top * _FINER, right * _FINER, bottom * _FINER), fill=_WHITE)


def _dot(pen: "ImageDraw.ImageDraw", left: float, top: float, size: float) -> None:
    pen.ellipse((left * _FINER, top * _FINER, (left + size) * _FINER, (top + size) * _FINER), fill=_WHITE)


def _mountains(pen: "ImageDraw.ImageDraw") -> None:
    _polygon(pen, [(28, 78), (44, 50), (54, 66), (60, 58), (72, 78)], _WHITE)
    _dot(pen, 56, 38, 10)


def _play(pen: "ImageDraw.ImageDraw") -> None:
    _polygon(pen, [(40, 42), (66, 59), (40, 76)], _WHITE)


def _note(pen: "ImageDraw.ImageDraw") -> None:
    _dot(pen, 34, 64, 14)
    _bar(pen, 44, 40, 48, 71)
    _polygon(pen, [(44, 40), (64, 46), (64, 54), (44, 48)], _WHITE)


def _lines(pen: "ImageDraw.ImageDraw") -> None:
    for row, right in enumerate((68, 68, 68, 54)):
        _bar(pen, 32, 42 + row * 11, right, 46 + row * 11)


def _zip(pen: "ImageDraw.ImageDraw") -> None:
    for row in range(5):
        left = 44 if row % 2 else 50
        _bar(pen, left, 30 + row * 7, left + 6, 35 + row * 7)
    _bar(pen, 44, 66, 56, 80)


def _nothing(_pen: "ImageDraw.ImageDraw") -> None:
    """Draw nothing on the paper of unknown files."""


_SIGNS = {PICTURE: _mountains, FILM: _play, SOUND: _note, TEXT: _lines, ARCHIVE: _zip, OTHER: _nothing}
