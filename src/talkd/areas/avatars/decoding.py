"""The program of the process that opens uploaded pictures: `python -m talkd.areas.avatars.decoding`.

A small file can unfold into gigabytes or take minutes. The operating system holds this process to its memory and
its processor time and ends it when it wants more; the server only loses that one picture.

It reads files from its standard input and answers each on its standard output: a byte (`OK` or `NO`), a length of four
bytes, and a PNG or the reason. It ends with its input.
"""

import io
import resource
import sys
import warnings
from typing import BinaryIO

from PIL import Image, ImageOps

from talkd.areas.avatars.images import as_png
from talkd.areas.avatars.model import LARGE, MAX_PIXELS, MAX_SIDE, MAX_WEBP_PIXELS

FORMATS = ("PNG", "JPEG", "WEBP")
MEMORY = 512 * 1024 * 1024
"""Bytes of address space at most. A PNG of the most pixels takes some 300 MB."""
CPU_SECONDS = 10
"""Seconds of processor time for one picture at most. A photo takes less than one."""
LENGTH = 4
"""Bytes of a length, big-endian."""
OK, NO = b"+", b"-"


class NotAnImage(Exception):
    """It cannot be used as a picture; the message says why."""


def normalised(content: bytes) -> bytes:
    """Return an uploaded picture as a square PNG of the large size, with nothing else of the file. Raises NotAnImage.

    Re-encoding drops everything that was hidden in the file: places, comments, colour profiles, appended programs.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit is higher
            image: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
        _require_size(image)
        image.draft("RGB", (LARGE * 2, LARGE * 2))
        if image.mode not in ("RGB", "RGBA"):
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        square = ImageOps.fit(image, (LARGE, LARGE), Image.Resampling.LANCZOS)
        return as_png(ImageOps.exif_transpose(square))
    except (NotAnImage, MemoryError):
        raise
    except Exception as error:  # a broken file may raise anything
        raise NotAnImage("Invalid image") from error


def _require_size(image: Image.Image) -> None:
    """Raises NotAnImage for a picture that is too large. Only the header of the file has been read so far."""
    if max(image.size) > MAX_SIDE:
        raise NotAnImage(f"The image is too large: a side may have {MAX_SIDE} pixels at most")
    most = MAX_WEBP_PIXELS if image.format == "WEBP" else MAX_PIXELS
    if image.width * image.height > most:
        raise NotAnImage(f"The image has too many pixels: {most} are allowed")


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer pictures until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while length := source.read(LENGTH):
        content = source.read(int.from_bytes(length, "big"))
        _grant_time()
        try:
            status, answer = OK, normalised(content)
        except NotAnImage as error:
            status, answer = NO, str(error).encode()
        answers.write(status + len(answer).to_bytes(LENGTH, "big") + answer)
        answers.flush()


def _grant_time() -> None:
    """Let the process use CPU_SECONDS from now on; the system ends it (SIGXCPU) when they are over."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
