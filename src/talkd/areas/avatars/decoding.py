"""The program of the process that opens uploaded pictures: `python -m talkd.areas.avatars.decoding`.

A small file can expand to gigabytes or take minutes. The operating system limits the memory and CPU time of this
process and kills it if it needs more. Then the server loses only that picture.

The process reads files from standard input, each after its length in four bytes. It answers each on standard output
with a byte (`OK` or `NO`), a length in four bytes, and a PNG or the reason. It exits at the end of its input.
"""

import io
import resource
import sys
import warnings
from typing import TYPE_CHECKING, BinaryIO

from talkd.areas.avatars.images import as_png
from talkd.areas.avatars.model import LARGE, MAX_PIXELS, MAX_SIDE, MAX_WEBP_PIXELS

if TYPE_CHECKING:
    from PIL import Image  # the server imports this file, too, but only its process needs Pillow

FORMATS = ("PNG", "JPEG", "WEBP")
MEMORY = 512 * 1024 * 1024
"""Maximum size of the address space in bytes. A PNG with MAX_PIXELS takes about 300 MB."""
CPU_SECONDS = 10
"""Maximum CPU time for one picture, in seconds. A photo takes less than one."""
LENGTH = 4
"""Size of a length in bytes, big-endian."""
OK, NO = b"+", b"-"


class NotAnImage(Exception):
    """A file cannot be used as a picture. The message says why."""


def normalised(content: bytes) -> bytes:
    """Return an uploaded picture as a square PNG of the large size. Raises NotAnImage.

    Re-encoding removes everything else from the file: locations, comments, colour profiles, appended programs.
    """
    from PIL import Image, ImageOps

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


def _require_size(image: "Image.Image") -> None:
    """Raises NotAnImage if the picture is too large. Only the header of the file has been read so far."""
    if max(image.size) > MAX_SIDE:
        raise NotAnImage(f"The image is too large: a side may have at most {MAX_SIDE} pixels")
    most = MAX_WEBP_PIXELS if image.format == "WEBP" else MAX_PIXELS
    if image.width * image.height > most:
        raise NotAnImage(f"The image has too many pixels: {most} are allowed")


def serve(source: BinaryIO, answers: BinaryIO) -> None:
    """Answer pictures until the input ends."""
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
    """Let the process use CPU_SECONDS from now on. The system kills it (SIGXCPU) if it uses more."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + CPU_SECONDS, hard))


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
