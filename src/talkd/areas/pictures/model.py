"""What the process that opens files is asked to do, and what it answers."""

import msgspec

MAX_SIDE = 16_384
"""Maximum number of pixels of each side, because every row takes additional memory."""
MAX_PIXELS = 32_000_000
"""Maximum number of pixels of a picture, because a small file can expand to gigabytes."""
MAX_PIXELS_OF = {"JPEG": 200_000_000, "WEBP": 24_000_000, "AVIF": 16_000_000, "HEIF": 50_000_000}
"""The same for formats that need less or more memory. A JPEG is made smaller while it is decoded. The decoder of WebP
keeps several copies of the picture in memory, that of AVIF more. A HEIC without transparency may be as large as the
photos of phones, which have 48 million pixels."""
MAX_PROGRESSIVE_PIXELS = 60_000_000
"""The same for a progressive JPEG, which is in memory as a whole before it is made smaller."""
PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"


class NotAnImage(Exception):
    """A file cannot be used as a picture. The message says why."""


class TookTooMuch(NotAnImage):
    """The process was ended while it opened a file. The file may be the reason or not, so it may be tried again."""


class Avatar(msgspec.Struct, frozen=True, tag=True):
    """Make a square PNG of a picture in PNG, JPEG or WebP."""

    side: int


class Preview(msgspec.Struct, frozen=True, tag=True):
    """Make a smaller picture. A picture is never enlarged."""

    width: int
    height: int
    """The size that it must fit into or, if it is cut, the ratio that it gets."""
    is_cut: bool
    is_webp: bool
    """Whether it becomes a WebP. Otherwise it becomes a JPEG, or a PNG if a part of it is transparent."""


class Describe(msgspec.Struct, frozen=True, tag=True):
    """Find out the size of a picture and its blurred form, or the length of a sound or film."""


Order = Avatar | Preview | Describe


class Picture(msgspec.Struct, frozen=True, tag=True):
    """A picture that was made."""

    media_type: str
    content: bytes


class Description(msgspec.Struct, frozen=True, tag=True):
    """What is known about a picture, sound or film. Everything is 0 or empty for other files."""

    width: int = 0
    height: int = 0
    """Size in pixels, as it is shown: turned upright."""
    blurhash: str = ""
    duration: int = 0
    """Milliseconds."""


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """The file cannot be used."""

    reason: str


Answer = Picture | Description | Refusal
