"""Opening pictures with Pillow, in the process with limits. Nothing but their pixels gets into what is made of them:
no places, names of cameras, comments, colour profiles or appended programs.
"""

import io
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, ParamSpec, TypeVar

from talkd.areas.files.media_model import OPENS_HEIC
from talkd.areas.pictures.drawing import as_png
from talkd.areas.pictures.model import (
    JPEG,
    MAX_PIXELS,
    MAX_PIXELS_OF,
    MAX_PROGRESSIVE_PIXELS,
    MAX_SIDE,
    PNG,
    WEBP,
    Avatar,
    Description,
    NotAnImage,
    Picture,
    Preview,
)

if TYPE_CHECKING:
    from PIL import Image  # the server imports this file, too, but only its process needs Pillow

P = ParamSpec("P")
T = TypeVar("T")

AVATAR_FORMATS = ("PNG", "JPEG", "WEBP")
FORMATS = (*AVATAR_FORMATS, "GIF", "BMP", "AVIF", *(("HEIF",) if OPENS_HEIC else ()))
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")
_BRANDS = (b"avif", b"avis", *((b"heic", b"heix", b"heim", b"heis", b"mif1") if OPENS_HEIC else ()))
"""How AVIF and HEIC pictures begin, after their length and `ftyp`."""
MAX_DECODED = 32_000_000
"""A JPEG is made smaller while it is decoded until it has at most as many pixels."""
BLURRED = 32
"""Pixels of the longer side of the picture of which the blurred form is made. It has about ten colours."""
BAND = 256
"""About the number of rows of a transparent picture that are reduced at once."""
QUALITY = 80
_NO_MEMORY = re.compile("(out of|insufficient) memory", re.IGNORECASE)
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
"""The number of the orientation in Exif data, and its values that exchange width and height."""


def is_picture(file: BinaryIO) -> bool:
    """Return True if the file begins like a picture in one of the formats."""
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    is_webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_BEGINNINGS) or is_webp or (head[4:8] == b"ftyp" and head[8:12] in _BRANDS)


def _any_error_refuses(work: Callable[P, T]) -> Callable[P, T]:
    """Turn every error into NotAnImage, because a broken file may raise anything. Without memory the process ends.

    Decoders report missing memory in errors of other kinds, too.
    """

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return work(*args, **kwargs)
        except (NotAnImage, MemoryError):
            raise
        except Exception as error:
            if _NO_MEMORY.search(str(error)):
                raise MemoryError from error
            raise NotAnImage("Invalid image") from error

    return run


@_any_error_refuses
def make_avatar(file: BinaryIO, order: Avatar) -> Picture:
    """Return the middle of a picture as a square PNG. Raises NotAnImage."""
    from PIL import Image, ImageOps

    image = _open(file, AVATAR_FORMATS)
    size = order.side, order.side
    pixels = _decoded(image, (2 * order.side, 2 * order.side))
    square = ImageOps.fit(_reduced(pixels, size), size, Image.Resampling.LANCZOS)
    return Picture(PNG, as_png(_finished(square)))


@_any_error_refuses
def make_preview(file: BinaryIO, order: Preview) -> Picture:
    """Return a smaller picture. Of several frames, it shows the first. Raises NotAnImage."""
    image = _open(file, FORMATS)
    width, height = (order.height, order.width) if _is_turned(image) else (order.width, order.height)
    small = _cut(image, width, height) if order.is_cut else _shrunk(image, width, height)
    return _encoded(_finished(small), is_webp=order.is_webp)


@_any_error_refuses
def describe(file: BinaryIO) -> Description:
    """Return the size of a picture and its blurred form. Raises NotAnImage."""
    from blurhash_rs import blurhash_encode

    image = _open(file, FORMATS)
    width, height = image.size
    if _is_turned(image):
        width, height = height, width
    small = _opaque(_finished(_shrunk(image, BLURRED, BLURRED)))
    across, down = (4, 3) if width >= height else (3, 4)
    return Description(width, height, blurhash_encode(small, across, down))


# --- opening --------------------------------------------------------------------------------
def _open(file: BinaryIO, formats: tuple[str, ...]) -> "Image.Image":
    """Read the header of a picture. Raises NotAnImage if the picture is too large."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # the limits below are others
    if "HEIF" in formats:
        _prepare_heic()
    image: Image.Image = Image.open(file, formats=formats)
    if max(image.size) > MAX_SIDE:
        raise NotAnImage(f"The image is too large: a side may have at most {MAX_SIDE} pixels")
    most = MAX_PIXELS_OF.get("JPEG" if image.format == "MPO" else image.format or "", MAX_PIXELS)
    if image.info.get("progressive"):
        most = MAX_PROGRESSIVE_PIXELS
    if image.format == "HEIF" and image.mode != "RGB":
        most = MAX_PIXELS
    if image.width * image.height > most:
        raise NotAnImage(f"The image has too many pixels: {most} are allowed")
    return image


@cache
def _prepare_heic() -> None:
    """Let Pillow open HEIC, with nothing but the picture itself, in this thread: each thread takes address space."""
    from pillow_heif import register_heif_opener

    register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)


def _is_turned(image: "Image.Image") -> bool:
    """Return True if width and height are exchanged when the picture is turned upright."""
    try:
        return image.getexif().get(_ORIENTATION) in _TURNED
    except Exception:  # broken Exif data do not make a picture unusable
        return False


def _decoded(image: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    """Return the pixels of a picture that is about to get this size. It may be smaller already, but not much larger."""
    scale = next(each for each in (1, 2, 4, 8) if image.width * image.height <= MAX_DECODED * each * each)
    image.draft("RGB", (max(1, min(size[0], image.width // scale)), max(1, min(size[1], image.height // scale))))
    if image.mode in ("RGB", "RGBA") or (image.mode == "CMYK" and "icc_profile" in image.info):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


# --- changing -------------------------------------------------------------------------------
def _shrunk(image: "Image.Image", width: int, height: int) -> "Image.Image":
    """Return the picture in the largest size that fits into this one, but not enlarged."""
    from PIL import Image

    factor = min(1, width / image.width, height / image.height)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return _reduced(_decoded(image, size), size).resize(size, Image.Resampling.LANCZOS)


def _cut(image: "Image.Image", width: int, height: int) -> "Image.Image":
    """Return the middle of the picture in this size, or smaller in the same ratio, so that nothing is enlarged."""
    from PIL import Image, ImageOps

    factor = min(1, image.width / width, image.height / height)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return ImageOps.fit(_reduced(_decoded(image, size), size), size, Image.Resampling.LANCZOS)


def _reduced(image: "Image.Image", size: tuple[int, int]) -> "Image.Image":
    """Return the picture with averages of its pixels, as long as it is at least twice as large as this size.

    A transparent picture is reduced in bands, because it is copied for that.
    """
    from PIL import Image

    factor = min(image.width // (2 * size[0]), image.height // (2 * size[1]))
    if factor < 2:
        return image
    if image.mode != "RGBA":
        return image.reduce(factor)
    small = Image.new("RGBA", (-(-image.width // factor), -(-image.height // factor)))
    band = factor * max(1, BAND // factor)
    for top in range(0, image.height, band):
        part = image.crop((0, top, image.width, min(top + band, image.height)))
        small.paste(part.reduce(factor), (0, top // factor))
    small.info = image.info
    return small


def _finished(image: "Image.Image") -> "Image.Image":
    """Return a picture upright, in the colours that screens have, and with nothing but pixels."""
    from PIL import ImageOps

    with suppress(Exception):  # as above
        image = ImageOps.exif_transpose(image)
    image = _in_srgb(image)
    image.info = {}
    return image


def _in_srgb(image: "Image.Image") -> "Image.Image":
    """Return a picture in the colours of sRGB, as far as its colour profile can be used."""
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if profile:
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        with suppress(Exception):
            source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, source, target, outputMode=mode) or image
    return image.convert("RGB") if image.mode == "CMYK" else image


def _opaque(image: "Image.Image") -> "Image.Image":
    """Return a picture on white, if a part of it is transparent."""
    from PIL import Image

    if image.mode != "RGBA":
        return image
    paper = Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _encoded(image: "Image.Image", *, is_webp: bool) -> Picture:
    if image.mode == "RGBA" and image.getchannel("A").getextrema()[0] == 255:
        image = image.convert("RGB")
    out = io.BytesIO()
    if is_webp:
        image.save(out, "WEBP", quality=QUALITY, method=2)  # half the time of the default, and as small
        return Picture(WEBP, out.getvalue())
    if image.mode == "RGBA":
        image.save(out, "PNG")
        return Picture(PNG, out.getvalue())
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return Picture(JPEG, out.getvalue())
